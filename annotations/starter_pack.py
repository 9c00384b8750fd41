"""The starter pack: painted faces that ship, so that a segmenter can be trained at once.

`starter/` holds latents.npz (one w+ a face, in the order of pack.yaml), pack.yaml (the faces:
seed, split, tags, doubts) and masks/<seed>.png (class ids at `size` px).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from annotations.errors import AnnotationError, BadMaskError
from annotations.mask_codec import LabelMap, decode_mask
from annotations.taxonomy import LabelScheme, default_scheme, load_scheme

STARTER = Path(__file__).parent / "starter"
SPLITS = ("train", "validation", "test")


class BadPackError(AnnotationError):
    """A pack of painted faces whose files are missing, damaged or contradict each other."""


@dataclass(frozen=True)
class StarterFace:
    """One painted face. tags: what is rare in it, such as 'hat'. doubts: of who painted it."""

    seed: int
    split: str  # one of SPLITS
    tags: tuple[str, ...]
    mask: LabelMap  # uint8 [size, size], class ids, 255 where nobody could tell
    doubts: str = ""


@dataclass(frozen=True)
class StarterPack:
    """Painted faces of one generator. latents: the file with their ws, in the order of `faces`."""

    generator: str
    generator_sha256: str
    psi: float
    size: int
    scheme: LabelScheme
    latents: Path
    faces: tuple[StarterFace, ...]

    def split(self, name: str) -> tuple[int, ...]:
        """Places of the faces of a split."""
        return tuple(place for place, face in enumerate(self.faces) if face.split == name)


def load_starter_pack(folder: Path = STARTER) -> StarterPack:
    """Read a pack; scheme.yaml beside it replaces the default scheme.

    Raises BadPackError, naming the file, for whatever is missing or wrong with it.
    """
    listing, content = _listed(folder)
    own = folder / "scheme.yaml"
    scheme = load_scheme(own) if own.is_file() else default_scheme()
    latents = folder / "latents.npz"
    if not latents.is_file():
        raise BadPackError(f"{latents} is missing. {_MEND}")
    try:
        size = int(content["size"])
        return StarterPack(
            str(content["generator"]),
            str(content["generator_sha256"]),
            float(content["psi"]),
            size,
            scheme,
            latents,
            tuple(_face(entry, folder, scheme, size) for entry in content["faces"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error)
        raise BadPackError(f"{listing} is not the list of a pack: {what}. {_MEND}") from error


def starter_generator(folder: Path = STARTER) -> str | None:
    """Name of the generator whose faces the pack shows; None where there is no readable pack."""
    try:
        return str(_listed(folder)[1]["generator"])
    except (BadPackError, KeyError, TypeError):
        return None


def _listed(folder: Path) -> tuple[Path, Any]:
    """The file that lists a pack's faces, and what it holds."""
    listing = folder / "pack.yaml"
    try:
        return listing, yaml.safe_load(listing.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadPackError(f"{listing} cannot be read: {error}. {_MEND}") from error


_MEND = "It belongs to the repository: git checkout annotations/starter"


def _face(entry: Mapping[str, Any], folder: Path, scheme: LabelScheme, size: int) -> StarterFace:
    seed, split = int(entry["seed"]), str(entry["split"])
    if split not in SPLITS:
        raise ValueError(f"the split of face {seed} must be one of {', '.join(SPLITS)}")
    path = folder / "masks" / f"{seed}.png"
    try:
        mask = decode_mask(path.read_bytes(), scheme, (size, size))
    except (OSError, BadMaskError) as error:
        raise BadPackError(f"{path}: {error} {_MEND}") from error
    return StarterFace(seed, split, tuple(entry["tags"]), mask, str(entry.get("doubts", "")))
