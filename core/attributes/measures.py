"""What can be measured on a face's picture, its mask and its landmarks, each by one formula.

All are free of the picture's size. NaN: it cannot be measured on this face. "The face" is skin,
brows, eyes, eyeglasses, nose, lips and mouth; d the distance between the middles of the eyes, as
it would be without the head's turn (/ cos yaw); of lips and mouth the largest piece counts; luma
is 0.299 R + 0.587 G + 0.114 B, 0 (black) to 1; Lab is CIE L*a*b* under D65 of a mean colour.
Left and right are the picture's. Classes are found by name: where the scheme has no such class,
what needs it is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from core.attributes.sight import BROWS, EYES, LIPS, NAN, Mask, Sight

LEAST_B = 5.0  # of skin, for its tone: the angle means nothing in blue light
FOREHEAD = 0.7  # of d: how far above the brows a fringe is looked for


@dataclass(frozen=True)
class Attribute:
    """One measure. about: its formula. low, high: the values it can take, in `unit`."""

    name: str
    title: str
    unit: str
    low: float
    high: float
    about: str


def _hair_luma(sight: Sight) -> float:
    return 1.0 - sight.luma(sight.of("hair"))


def _hair_warmth(sight: Sight) -> float:
    return float(sight.lab(sight.of("hair"))[2])


def _mouth_opening(sight: Sight) -> float:
    extent = sight.extent(sight.mouth)
    if extent is None or not sight.has("mouth"):
        return NAN
    width = extent[3] - extent[2] + 1
    inner = sight.of("mouth") & sight.mouth
    return 100.0 * float(inner.sum()) / width / sight.eye_distance


def _smile(sight: Sight) -> float:
    lips = sight.mouth
    extent = sight.extent(lips)
    if extent is None:
        return NAN
    left, right = extent[2], extent[3] + 1
    width = right - left
    if width < 8 or not width > 0.5 * sight.eye_distance:  # hidden in part
        return NAN
    outer, inner = max(width // 8, 1), width * 3 // 8
    corners = [lips[:, left : left + outer], lips[:, right - outer : right]]
    height = np.mean([_mean_row(corner) for corner in corners])
    middle = _mean_row(lips[:, left + inner : right - inner])
    return 100.0 * float(middle - height) / width


def _mean_row(where: Mask) -> float:
    return float(np.nonzero(where)[0].mean()) if where.any() else NAN


def _eye_opening(sight: Sight) -> float:
    found = []
    for name in EYES:
        eye = sight.of(name)
        extent = sight.extent(eye)
        if extent is not None:
            found.append(100.0 * float(eye.sum()) / (extent[3] - extent[2] + 1) ** 2)
    return float(np.mean(found)) if found else NAN


def _light_side(sight: Sight) -> float:
    extent = sight.extent(sight.skin)
    face = sight.estimate.face
    if extent is None or face is None:
        return NAN
    middle = int(np.clip(face.landmarks[:, 0].mean(), 1, sight.size - 1))
    left, right = sight.skin.copy(), sight.skin.copy()
    left[:, middle:] = False
    right[:, :middle] = False
    whole = sight.luma(sight.skin)
    return 100.0 * (sight.luma(right) - sight.luma(left)) / max(whole, 1e-3)


def _skin_tone(sight: Sight) -> float:
    lightness, _, yellow = sight.lab(sight.skin)
    return float(np.degrees(np.arctan((lightness - 50.0) / max(yellow, LEAST_B))))


def _beard(sight: Sight) -> float:
    lips, face = sight.extent(sight.mouth), sight.estimate.face
    if lips is None or face is None:
        return NAN
    top, bottom, left, right = lips
    eyes = int(np.mean([eye[1] for eye in face.eyes]))
    rows = np.arange(sight.size)[:, None]
    columns = np.arange(sight.size)[None, :]
    lower = sight.skin & (rows > top) & ((rows > bottom) | (columns < left) | (columns > right))
    cheeks = sight.skin & (rows > eyes) & (rows <= top)
    bright = sight.luma(cheeks)
    return 100.0 * (bright - sight.luma(lower)) / max(bright, 1e-3)


def _lip_redness(sight: Sight) -> float:
    lips = sight.of(*LIPS)
    if sight.extent(lips) is None:
        return NAN
    colour = sight.picture[lips].mean(0, dtype=np.float64) / 255.0
    return float(rgb2lab(colour[None, None])[0, 0, 1] - sight.lab(sight.skin)[1])


def _face_width(sight: Sight) -> float:
    face = sight.estimate.face
    if face is None:
        return NAN
    row = int(np.clip(face.landmarks[4, 1], 0, sight.size - 1))
    columns = np.flatnonzero(sight.face[row])
    return NAN if len(columns) < 2 else (columns[-1] - columns[0] + 1) / sight.eye_distance


def _brow_thickness(sight: Sight) -> float:
    found = []
    for name in BROWS:
        brow = sight.of(name)
        extent = sight.extent(brow)
        if extent is not None and extent[3] - extent[2] + 1 > 0.3 * sight.eye_distance:
            found.append(float(brow.sum()) / (extent[3] - extent[2] + 1))
    return 100.0 * float(np.mean(found)) / sight.eye_distance if found else NAN


def _lip_fullness(sight: Sight) -> float:
    extent = sight.extent(sight.mouth)
    if extent is None:
        return NAN
    lips = sight.of(*LIPS) & sight.mouth
    return 100.0 * float(lips.sum()) / (extent[3] - extent[2] + 1) / sight.eye_distance


def _nose_width(sight: Sight) -> float:
    extent = sight.extent(sight.of("nose"))
    return NAN if extent is None else (extent[3] - extent[2] + 1) / sight.eye_distance


def _fringe(sight: Sight) -> float:
    face, brows = sight.estimate.face, sight.extent(sight.of(*BROWS))
    if face is None or brows is None or not sight.has("hair"):
        return NAN
    high = int(FOREHEAD * sight.eye_distance)
    left, right = (int(np.clip(x, 0, sight.size)) for x in face.landmarks[[0, 3], 0])
    forehead = np.s_[max(brows[0] - high, 0) : brows[0], left:right]
    hair = sight.of("hair")[forehead]
    return 100.0 * float(hair.mean()) if hair.size else NAN


Formula = Callable[[Sight], float]
_MEASURES: tuple[tuple[Attribute, Formula], ...] = (
    (
        Attribute("age", "Age", "years", 0.25, 80, "expectation of the age network's 81 classes"),
        lambda sight: sight.estimate.age,
    ),
    (
        Attribute("male", "Gender", "probability", 0, 1, "the gender network's, of male"),
        lambda sight: sight.estimate.male,
    ),
    (
        Attribute("eyeglasses", "Eyeglasses", "%", 0, 100, "eyeglass area / face area"),
        lambda sight: sight.share("eyeglass"),
    ),
    (
        Attribute("hat", "Hat", "%", 0, 1000, "hat area / face area"),
        lambda sight: sight.share("hat"),
    ),
    (
        Attribute("earring", "Earrings", "%", 0, 100, "earring area / face area"),
        lambda sight: sight.share("earring"),
    ),
    (
        Attribute("hair_amount", "Hair", "%", 0, 1000, "hair area / face area"),
        lambda sight: sight.share("hair"),
    ),
    (
        Attribute("hair_darkness", "Dark hair", "", 0, 1, "1 - mean luma of hair"),
        _hair_luma,
    ),
    (
        Attribute("hair_warmth", "Warm hair colour", "b*", -60, 90, "b* of hair: blond and red"),
        _hair_warmth,
    ),
    (
        Attribute(
            "mouth_opening",
            "Open mouth",
            "% of d",
            0,
            200,
            "mean height of what is seen between the lips, over the width of the lips",
        ),
        _mouth_opening,
    ),
    (
        Attribute(
            "smile",
            "Smile",
            "%",
            -50,
            50,
            "how far the corners (outer eighths) of the lips lie above their middle quarter, "
            "/ width of the lips",
        ),
        _smile,
    ),
    (
        Attribute(
            "eye_opening", "Open eyes", "%", 0, 100, "area of an eye / its width squared, mean"
        ),
        _eye_opening,
    ),
    (
        Attribute(
            "yaw",
            "Turn",
            "degrees",
            -90,
            90,
            "atan(nose base beside the middle of the eyes / 0.45 d); over 0: to the right",
        ),
        lambda sight: sight.turn[0],
    ),
    (
        Attribute(
            "pitch",
            "Nod",
            "degrees",
            -90,
            90,
            "atan((0.78 d - nose base below the eyes) / 0.45 d); over 0: looks up",
        ),
        lambda sight: sight.turn[1],
    ),
    (
        Attribute("roll", "Tilt", "degrees", -90, 90, "angle of the line through the eyes"),
        lambda sight: sight.turn[2],
    ),
    (
        Attribute(
            "light_side",
            "Light from the right",
            "%",
            -200,
            200,
            "(luma of skin right of the landmarks' mean - left of it) / luma of skin",
        ),
        _light_side,
    ),
    (
        Attribute("brightness", "Brightness", "", 0, 1, "mean luma of skin"),
        lambda sight: sight.luma(sight.skin),
    ),
    (
        Attribute(
            "skin_tone",
            "Light skin",
            "degrees ITA",
            -90,
            90,
            "individual typology angle of skin, atan((L* - 50) / b*), b* at least 5"
            " [Chardon et al. 1991, Int. J. Cosmetic Science 13]",
        ),
        _skin_tone,
    ),
    (
        Attribute(
            "beard",
            "Beard",
            "%",
            -100,
            100,
            "(luma of skin between eyes and lips - luma of skin below and beside the lips) / "
            "the former; a shadow below the mouth counts, too",
        ),
        _beard,
    ),
    (
        Attribute("lip_redness", "Red lips", "a*", -60, 90, "a* of lips - a* of skin"),
        _lip_redness,
    ),
    (
        Attribute(
            "face_width", "Wide face", "d", 0, 10, "width of the face at the base of the nose"
        ),
        _face_width,
    ),
    (
        Attribute(
            "brow_thickness", "Thick brows", "% of d", 0, 100, "area of a brow / its width, mean"
        ),
        _brow_thickness,
    ),
    (
        Attribute(
            "lip_fullness", "Full lips", "% of d", 0, 100, "area of the lips / width of the mouth"
        ),
        _lip_fullness,
    ),
    (
        Attribute("nose_width", "Wide nose", "d", 0, 5, "width of the nose"),
        _nose_width,
    ),
    (
        Attribute(
            "fringe", "Fringe", "%", 0, 100, "share of hair from the brows to 0.7 d above them"
        ),
        _fringe,
    ),
    (
        Attribute("background_brightness", "Bright background", "", 0, 1, "its mean luma"),
        lambda sight: sight.luma(sight.of("background")),
    ),
)
ATTRIBUTES: dict[str, Attribute] = {attribute.name: attribute for attribute, _ in _MEASURES}
NAMES: tuple[str, ...] = tuple(ATTRIBUTES)


def measured(sight: Sight) -> NDArray[np.float32]:
    """All measures of one face, float32 [K] in the order of NAMES."""
    return np.array([formula(sight) for _, formula in _MEASURES], np.float32)
