"""CelebAMask-HQ's part names, and the two incompatible orders of their numbers in wide use.

CELEBAMASK is the order of the data set's own g_mask.py, BISENET that of
zllrunning/face-parsing.PyTorch. Later parts lie over earlier ones.
"""

from __future__ import annotations

from annotations.errors import BadSchemeError
from annotations.interchange.found import IndexOrder
from annotations.taxonomy import IGNORE_ID, LabelClass, LabelScheme

CELEBAMASK_PARTS = [
    "skin",
    "nose",
    "eye_g",
    "l_eye",
    "r_eye",
    "l_brow",
    "r_brow",
    "l_ear",
    "r_ear",
    "mouth",
    "u_lip",
    "l_lip",
    "hair",
    "hat",
    "ear_r",
    "neck_l",
    "neck",
    "cloth",
]
_BISENET_PARTS = [
    "skin",
    "l_brow",
    "r_brow",
    "l_eye",
    "r_eye",
    "eye_g",
    "l_ear",
    "r_ear",
    "ear_r",
    "nose",
    "mouth",
    "u_lip",
    "l_lip",
    "neck",
    "neck_l",
    "cloth",
    "hair",
    "hat",
]

_PARTS = {IndexOrder.CELEBAMASK: CELEBAMASK_PARTS, IndexOrder.BISENET: _BISENET_PARTS}
_MERGED = {"neck_l": "neck"}  # the necklace belongs to the neck, unless a scheme has it


def class_of_part(part: str, scheme: LabelScheme) -> LabelClass | None:
    """The class that a part file is read into; a necklace without a class is neck."""
    return scheme.by_part.get(part) or scheme.by_part.get(_MERGED.get(part, ""))


def id_table(order: IndexOrder, scheme: LabelScheme) -> dict[int, int]:
    """Number in an index PNG of that order -> class id, 255 -> 255.

    Raises BadSchemeError for a scheme that lacks one of the parts.
    """
    check_background(scheme)
    table = {0: background_of(scheme).id, IGNORE_ID: IGNORE_ID}
    for number, part in enumerate(_PARTS[order], 1):
        label = class_of_part(part, scheme)
        if label is None:
            raise BadSchemeError(
                f"The scheme '{scheme.name}' has no class with 'part: {part}', which number "
                f"{number} of the order '{order}' means. Give one of its classes that part."
            )
        table[number] = label.id
    return table


def background_of(scheme: LabelScheme) -> LabelClass:
    """Raises BadSchemeError for a scheme without a class named background."""
    if scheme.background is None:
        raise BadSchemeError(
            f"The scheme '{scheme.name}' has no class named 'background', which pixels of no "
            "part belong to. Use another format, or add the class."
        )
    return scheme.background


def check_background(scheme: LabelScheme) -> None:
    """Raise BadSchemeError unless all classes but the background have a part."""
    background = background_of(scheme)
    without = [label.name for label in scheme.classes if not label.part and label != background]
    if without:
        raise BadSchemeError(
            f"The scheme '{scheme.name}' has classes without a part name: {', '.join(without)}. "
            "CelebAMask-HQ's format would lose them. Add 'part' to them, or use another format."
        )
