"""What is asked of a face, as one small value: what the Control tab's links and files hold."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from core.attributes.control import targets_of
from core.errors import InvalidRequestError
from core.regions import SOFTNESS, Take, checked_takes
from core.seeds import MAX_SEED

MAX_SLIDERS = 100
MAX_AMOUNT = 20.0  # units; beyond, nothing is left of any face
VERSION = 1
PHOTO = "photo:"
BASE = re.compile(r"photo:[0-9a-f]{16}")
SOURCE = re.compile(r"photo:[0-9a-f]{16}|seed:(\d{1,10})")


@dataclass(frozen=True)
class Lock:
    """What stays while other things change.

    attributes: held as they are. coarsest: px; layers of this resolution and above are left alone.
    """

    title: str
    about: str
    attributes: tuple[str, ...] = ()
    coarsest: int | None = None


LOCKS: Mapping[str, Lock] = MappingProxyType(
    {
        "identity": Lock(
            "Identity",
            "Shape of face, nose, lips and brows; colours of skin and hair",
            (
                "face_width",
                "nose_width",
                "lip_fullness",
                "brow_thickness",
                "skin_tone",
                "hair_darkness",
                "hair_warmth",
            ),
        ),
        "hair": Lock(
            "Hair",
            "Amount, fringe and colour of hair",
            ("hair_amount", "fringe", "hair_darkness", "hair_warmth"),
        ),
        "expression": Lock(
            "Expression",
            "Smile, mouth and eyes",
            ("smile", "mouth_opening", "eye_opening"),
        ),
        "pose": Lock("Pose", "How the head is turned", ("yaw", "pitch", "roll")),
        "accessories": Lock(
            "Accessories", "Eyeglasses, hat and earrings", ("eyeglasses", "hat", "earring")
        ),
        "light": Lock(
            "Light",
            "Side and strength of light, brightness of the background",
            ("light_side", "brightness", "background_brightness"),
        ),
        "colours": Lock(
            "Colours",
            "Layers of 64 px and finer are left alone: they carry colours and fine detail",
            ("skin_tone", "hair_warmth"),
            coarsest=64,
        ),
    }
)


@dataclass(frozen=True)
class FaceRecipe:
    """All that fixes a steered face.

    age: years, None: as drawn. gender: female, male, None: as drawn. directions: name and amount,
    in the units of each. locks: of LOCKS. mixing: 0 to 1, how much of the mean face of that age
    and gender is mixed in. base: 'photo:ID' for the latents that the workspace keeps of a photo;
    '': those of the seed. takes: parts of another face that come into it; source: which face,
    'seed:N', drawn with the same psi, or 'photo:ID'; softness: of their borders, 0 to 1. Raises
    InvalidRequestError for what cannot be.
    """

    generator: str
    seed: int = 0
    psi: float = 0.7
    age: float | None = None
    gender: str | None = None
    directions: tuple[tuple[str, float], ...] = ()
    locks: tuple[str, ...] = ()
    mixing: float = 0.0
    base: str = ""
    takes: tuple[Take, ...] = ()
    source: str = ""
    softness: float = SOFTNESS

    def __post_init__(self) -> None:
        if self.base and not BASE.fullmatch(self.base):
            raise InvalidRequestError(
                f"A face can start from a seed or from 'photo:' with the photo's id, not from "
                f"'{self.base:.40}'."
            )
        if not 0 <= self.seed <= MAX_SEED:
            raise InvalidRequestError(f"The seed must be in 0..{MAX_SEED}, is {self.seed}.")
        numbers = [self.psi, self.mixing, *(amount for _, amount in self.directions)]
        if not all(map(math.isfinite, numbers)):
            raise InvalidRequestError("psi, mixing and the sliders must be finite numbers.")
        if not 0 <= self.mixing <= 1:
            raise InvalidRequestError(f"mixing must be in 0..1, is {self.mixing:g}.")
        self._check_directions()
        if strange := sorted(set(self.locks) - set(LOCKS)):
            raise InvalidRequestError(
                f"Nothing is known to keep by the name of {', '.join(strange)!a:.200}. "
                f"Choose of: {', '.join(LOCKS)}."
            )
        self._check_takes()
        _ = self.targets  # refuses ages and genders that the estimator cannot say

    @classmethod
    def of(
        cls,
        generator: str,
        seed: int,
        psi: float,
        *,
        age: float | None = None,
        gender: str | None = None,
        directions: Mapping[str, float] | None = None,
        locks: Collection[str] = (),
        mixing: float = 0.0,
        base: str = "",
        takes: Collection[Take] = (),
        source: str = "",
        softness: float = SOFTNESS,
    ) -> FaceRecipe:
        """The same wishes always give the same recipe, whatever their order."""
        moved = tuple(sorted((n, float(a)) for n, a in (directions or {}).items() if a))
        kept = tuple(sorted(set(locks)))
        seed = 0 if base else seed
        taken = checked_takes([take for take in takes if not take.is_nothing])
        if not taken:
            source, softness = "", SOFTNESS
        return cls(
            generator,
            seed,
            psi,
            age,
            gender,
            moved,
            kept,
            mixing,
            base,
            taken,
            source,
            softness,
        )

    @property
    def targets(self) -> dict[str, float]:
        """By attribute: what age and gender must become."""
        return targets_of(self.age, self.gender)

    @property
    def is_plain(self) -> bool:
        """The face as it was drawn."""
        return not self.directions and not self.targets and not self.takes

    @property
    def source_seed(self) -> int | None:
        """Of the face that parts are taken from; None where it is a photo's."""
        found = SOURCE.fullmatch(self.source)
        return int(found[1]) if found and found[1] else None

    @property
    def photos(self) -> tuple[str, ...]:
        """The photos that it is made of, 'photo:ID' each."""
        return tuple(name for name in (self.base, self.source) if name.startswith(PHOTO))

    def held(self) -> tuple[str, ...]:
        """Attributes that the locks name."""
        names = [name for lock in self.locks for name in LOCKS[lock].attributes]
        return tuple(dict.fromkeys(names))

    def free_layers(self, resolutions: Sequence[int]) -> tuple[int, ...]:
        """Of layers of these resolutions, those that the locks do not leave alone."""
        limits = [LOCKS[lock].coarsest for lock in self.locks]
        limit = min((px for px in limits if px is not None), default=math.inf)
        return tuple(layer for layer, px in enumerate(resolutions) if px < limit)

    def facts(self) -> dict[str, Any]:
        """As JSON and YAML hold it; what is not asked is left out."""
        asked: dict[str, Any] = {"base": self.base} if self.base else {"seed": self.seed}
        asked["psi"] = self.psi
        if self.age is not None:
            asked["age"] = self.age
        if self.gender is not None:
            asked["gender"] = self.gender
        if self.mixing and self.targets:
            asked["mixing"] = self.mixing
        if self.directions:
            asked["directions"] = dict(self.directions)
        if self.locks:
            asked["keep"] = list(self.locks)
        if self.takes:
            asked["take"] = {take.part: [take.shape, take.texture] for take in self.takes}
            asked["from"] = self.source
            asked["softness"] = self.softness
        return asked

    def _check_takes(self) -> None:
        if not 0 <= self.softness <= 1:
            raise InvalidRequestError(f"softness must be in 0..1, is {self.softness:g}.")
        found = SOURCE.fullmatch(self.source)
        if self.takes and (not found or int(found[1] or 0) > MAX_SEED):
            raise InvalidRequestError(
                "Parts are taken from 'seed:' with a number up to "
                f"{MAX_SEED}, or from 'photo:' with the photo's id, not from '{self.source:.40}'."
            )

    def _check_directions(self) -> None:
        if len(self.directions) > MAX_SLIDERS:
            raise InvalidRequestError(
                f"At most {MAX_SLIDERS} sliders can act at once, got {len(self.directions)}."
            )
        for name, amount in self.directions:
            if abs(amount) > MAX_AMOUNT:
                raise InvalidRequestError(
                    f"Slider '{name:.80}' must be in -{MAX_AMOUNT:g}..{MAX_AMOUNT:g}, "
                    f"is {amount:g}."
                )


def recipes_as_yaml(
    recipes: Sequence[FaceRecipe],
    sha256: Mapping[str, str],
    bases: Mapping[tuple[str, str], NDArray[np.float32]],
) -> str:
    """A file that says how to make these faces again.

    sha256: of each generator's weights. bases: ws [L, D] of each photo of a recipe and generator.
    """
    faces = []
    for recipe in recipes:
        told: dict[str, Any] = {
            "generator": recipe.generator,
            "generator_sha256": sha256[recipe.generator],
            **recipe.facts(),
            "noise": "off",
        }
        if recipe.base:
            told["base_sha256"] = sha256_of_ws(bases[recipe.base, recipe.generator])
        faces.append(told)
    is_drawn = "They show no real persons." if not bases else "Photos of persons are among them."
    head = f"# Faces of Faceloom's Control tab, each as it was asked for. {is_drawn}\n"
    content: dict[str, Any] = {"version": VERSION, "faces": faces}
    if bases:
        content["bases"] = [_base_facts(ws) for ws in bases.values()]
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _base_facts(ws: NDArray[np.float32]) -> dict[str, Any]:
    """ws as a file holds them: base64 of little-endian float32, row by row."""
    text = base64.b64encode(ws.astype("<f4").tobytes()).decode()
    return {"sha256": sha256_of_ws(ws), "shape": list(ws.shape), "float32": text}


def sha256_of_ws(ws: NDArray[np.float32]) -> str:
    """Hex, of the numbers as files hold them."""
    return hashlib.sha256(ws.astype("<f4").tobytes()).hexdigest()
