"""The parts that can be taken from another face, and how each is blended in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import InvalidRequestError
from core.segmentation.classes import ClassSet

BACKGROUND = "background"  # the part, and its class
_LIPS = ("lower lip", "mouth", "upper lip")


@dataclass(frozen=True)
class Part:
    """pieces: the classes in a mask that it is, together where they move together.

    codes: the parts it is to a generator that draws in parts. in_front: classes of the own face
    that stay over it. spread: how far around the part its surroundings come along in coarse maps,
    of the picture's width. wide: px; up to maps of this size they do, beyond the part comes alone.
    finest: px; beyond, its colours are the own face's. own_place: each piece is moved to where the
    own face has it, instead of with the whole face. needs_own: a piece comes only if the own face
    has it, too. of_style: the own face keeps its shape there and takes the other's fine styles.
    is_whole: what its mask encloses belongs to it. is_bared: where the other face has none, what
    it has there instead comes in finer maps, too.
    """

    title: str
    pieces: tuple[tuple[str, ...], ...]
    codes: tuple[str, ...]
    in_front: tuple[str, ...] = ()
    spread: float = 0.01
    wide: int = 32
    finest: int = 1024
    own_place: bool = False
    needs_own: bool = False
    of_style: bool = False
    is_whole: bool = False
    is_bared: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(name for piece in self.pieces for name in piece)


_BY_SIDE = {name: (("left " + name,), ("right " + name,)) for name in ("eye", "eyebrow", "ear")}
_SKIN = ("skin", "nose", "neck", "left ear", "right ear")
_OVER_EYES = ("hair", "hat", "eyeglass")
_OVER_CLOTHES = ("skin", "nose", "hair", *_LIPS, "left ear", "right ear")
PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "hair": Part("Hair", (("hair",),), ("hair",), ("hat", "eyeglass", "earring"), 0.01, 16),
        "eyes": Part("Eyes", _BY_SIDE["eye"], ("eyes",), _OVER_EYES, 0.02, own_place=True),
        "brows": Part(
            "Brows", _BY_SIDE["eyebrow"], ("eyebrows",), _OVER_EYES, 0.015, own_place=True
        ),
        "nose": Part(
            "Nose", (("nose",),), ("nose",), ("hair", "eyeglass"), 0.01, 64, 64, own_place=True
        ),
        "mouth": Part("Mouth", (_LIPS,), ("mouth",), ("hair",), 0.02, own_place=True),
        "ears": Part(
            "Ears",
            _BY_SIDE["ear"],
            ("ears",),
            (*_OVER_EYES, "earring"),
            0.01,
            64,
            64,
            own_place=True,
            needs_own=True,
        ),
        "skin": Part("Skin", (_SKIN,), ("face", "neck"), of_style=True),
        "clothes": Part("Clothes", (("cloth",),), ("cloth",), _OVER_CLOTHES, 0, 16, is_whole=True),
        "glasses": Part("Glasses", (("eyeglass",),), ("eyeglass",), ("hair",), 0.01, 64, 128),
        "hat": Part("Hat", (("hat",),), ("hat",), (), 0.01, 16, is_whole=True, is_bared=True),
        "earring": Part("Earring", (("earring",),), ("earring",), (), 0.015),
        BACKGROUND: Part("Background", ((BACKGROUND,),), (BACKGROUND,)),
    }
)


@dataclass(frozen=True)
class Take:
    """A part to be taken from another face. shape, texture: 0 to 1, how far towards it; blended
    parts are taken whole. Raises InvalidRequestError."""

    part: str
    shape: float = 1.0
    texture: float = 1.0

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise InvalidRequestError(
                f"No part is called '{self.part:.40}'. Choose of: {', '.join(PARTS)}."
            )
        for amount in (self.shape, self.texture):
            if not 0 <= amount <= 1:  # nor NaN
                raise InvalidRequestError(
                    f"Shape and texture of {self.part} must be in 0..1, are {self.shape:g} and "
                    f"{self.texture:g}."
                )

    @property
    def is_nothing(self) -> bool:
        return self.shape == self.texture == 0

    @property
    def is_whole(self) -> bool:
        return self.shape == 1 and self.texture == 1


def parse_takes(text: str) -> tuple[Take, ...]:
    """'hair,eyes=0.5,skin=0:1': parts, how far they go, or shape and texture apart.

    Raises InvalidRequestError.
    """
    found = []
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, _, amounts = item.partition("=")
        shape, _, texture = amounts.partition(":")
        try:
            found.append(Take(name, float(shape or 1), float(texture or shape or 1)))
        except ValueError as error:
            raise InvalidRequestError(
                f"'{item:.40}' is no part with how far it goes. Write for example hair, hair=0.5, "
                "or hair=0.5:1 for its shape and its texture."
            ) from error
    if not found:
        raise InvalidRequestError(f"No part is to be taken. Choose of: {', '.join(PARTS)}.")
    return checked_takes(found)


def checked_takes(takes: Sequence[Take]) -> tuple[Take, ...]:
    """In the order of PARTS. Raises InvalidRequestError for a part named twice."""
    names = [take.part for take in takes]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidRequestError(f"'{twice[0]}' is named twice. Name each part once.")
    return tuple(sorted(takes, key=lambda take: list(PARTS).index(take.part)))


def ids_of(names: Sequence[str], classes: ClassSet) -> list[int]:
    """Ids of those of the classes that the scheme has."""
    return [classes.ids[classes.names.index(name)] for name in names if name in classes.names]
