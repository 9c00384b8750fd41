"""Measures on drawn faces, where the right answer is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from annotations.taxonomy import default_scheme
from core.attributes.estimators import Estimate
from core.attributes.faces import FoundFace
from core.attributes.measures import ATTRIBUTES, NAMES, measured
from core.attributes.sight import Sight
from core.segmentation.classes import ClassSet

SIZE = 128


def classes(leave_out: str = "") -> ClassSet:
    scheme = [entry for entry in default_scheme().classes if entry.name != leave_out]
    ids, names = tuple(c.id for c in scheme), tuple(c.name for c in scheme)
    return ClassSet(ids, names, tuple(c.rgb for c in scheme))


IDS = dict(zip(classes().names, classes().ids, strict=True))


def drawn(smile: int = 0, hair: tuple[int, int, int] = (40, 30, 20), nose: int = 64):
    """A face of 128 px: picture, labels, landmarks."""
    picture = np.full((SIZE, SIZE, 3), 200, np.uint8)
    labels = np.zeros((SIZE, SIZE), np.uint8)

    def put(name, rows, columns, colour):
        labels[rows, columns] = IDS[name]
        picture[rows, columns] = colour

    put("hair", slice(10, 40), slice(30, 98), hair)
    put("skin", slice(30, 110), slice(36, 92), (220, 170, 140))
    for name, columns in (("left eye", slice(44, 56)), ("right eye", slice(72, 84))):
        put(name, slice(56, 61), columns, (255, 255, 255))
    for name, columns in (("left eyebrow", slice(42, 58)), ("right eyebrow", slice(70, 86))):
        put(name, slice(48, 51), columns, (60, 40, 30))
    put("nose", slice(60, 80), slice(60, 68), (215, 165, 135))
    for column in range(48, 80):
        bend = round(smile * ((column - 63.5) / 16) ** 2)
        put("upper lip", slice(88 - bend, 91 - bend), column, (190, 80, 80))
        put("lower lip", slice(93 - bend, 97 - bend), column, (190, 80, 80))
        put("mouth", slice(91 - bend, 93 - bend), column, (30, 10, 10))
    landmarks = np.array([[44, 58], [56, 58], [72, 58], [84, 58], [nose, 80]], np.float32)
    return picture, labels, landmarks


def measure(picture, labels, landmarks, known=None) -> dict[str, float]:
    face = FoundFace((36, 30, 92, 110), landmarks, SimpleNamespace())
    sight = Sight(picture, labels, known or classes(), Estimate(30.0, 0.25, face))
    return dict(zip(NAMES, measured(sight).tolist(), strict=True))


def test_shares_and_colours_are_what_was_drawn():
    picture, labels, landmarks = drawn()
    found = measure(picture, labels, landmarks)
    face = np.isin(labels, [IDS[n] for n in IDS if n not in ("background", "hair")]).sum()
    assert found["hair_amount"] == pytest.approx(100 * (labels == IDS["hair"]).sum() / face)
    assert found["eyeglasses"] == found["hat"] == found["earring"] == 0
    luma = (0.299 * 40 + 0.587 * 30 + 0.114 * 20) / 255
    assert found["hair_darkness"] == pytest.approx(1 - luma, abs=1e-6)
    assert found["mouth_opening"] == pytest.approx(100 * 2 / 28)
    assert found["eye_opening"] == pytest.approx(100 * 60 / 144)
    assert found["brow_thickness"] == pytest.approx(100 * 3 / 28)
    assert found["face_width"] == pytest.approx(2.0)
    assert found["background_brightness"] == pytest.approx(200 / 255, abs=1e-6)
    assert found["lip_redness"] > 10
    assert (found["age"], found["male"]) == (30.0, 0.25)


def test_raised_corners_are_a_smile():
    smiles = [measure(*drawn(smile=bend))["smile"] for bend in (-6, 0, 6, 12)]
    assert smiles == sorted(smiles)
    assert smiles[0] < 0 and smiles[1] == pytest.approx(0) and smiles[3] > 5


def test_turn_nod_and_tilt_come_from_the_landmarks():
    straight, turned = measure(*drawn()), measure(*drawn(nose=74))
    assert straight["yaw"] == pytest.approx(0) and straight["roll"] == pytest.approx(0)
    assert turned["yaw"] == pytest.approx(np.degrees(np.arctan2(10 / 28, 0.45)), abs=1e-3)
    picture, labels, landmarks = drawn()
    landmarks[4, 1] -= 5
    assert measure(picture, labels, landmarks)["pitch"] > straight["pitch"]
    landmarks[2:4, 1] += 6
    assert measure(picture, labels, landmarks)["roll"] > 5


def test_a_mirrored_face_changes_its_sides_only():
    picture, labels, landmarks = drawn(smile=4, nose=70)
    picture[:, 64:] = (picture[:, 64:] * 0.6).astype(np.uint8)
    found = measure(picture, labels, landmarks)
    swapped = labels[:, ::-1].copy()
    for a, b in (("left eye", "right eye"), ("left eyebrow", "right eyebrow")):
        left, right = swapped == IDS[a], swapped == IDS[b]
        swapped[left], swapped[right] = IDS[b], IDS[a]
    flipped = landmarks.copy()
    flipped[:, 0] = SIZE - 1 - flipped[:, 0]
    mirrored = measure(picture[:, ::-1], swapped, flipped[[3, 2, 1, 0, 4]])
    for name in NAMES:
        sign = -1 if name in ("yaw", "light_side", "roll") else 1
        assert mirrored[name] == pytest.approx(sign * found[name], abs=3.0), name
    assert found["light_side"] < -20


def test_the_size_of_the_picture_does_not_matter():
    picture, labels, landmarks = drawn(smile=4)
    twice = measure(
        picture.repeat(2, 0).repeat(2, 1), labels.repeat(2, 0).repeat(2, 1), landmarks * 2
    )
    for name, value in measure(picture, labels, landmarks).items():
        assert twice[name] == pytest.approx(value, rel=0.06, abs=2.5), name


def test_what_is_not_there_is_not_a_number_and_stops_nothing():
    picture, labels, _ = drawn()
    labels[labels == IDS["hair"]] = 0
    sight = Sight(picture, labels, classes(), Estimate())
    found = dict(zip(NAMES, measured(sight).tolist(), strict=True))
    assert found["hair_amount"] == 0 and np.isnan(found["hair_darkness"])
    assert np.isnan(found["age"]) and np.isnan(found["yaw"]) and np.isnan(found["mouth_opening"])
    empty = Sight(
        np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8), classes(), Estimate()
    )
    assert np.isnan(measured(empty)[NAMES.index("eyeglasses")])


def test_a_scheme_without_a_class_leaves_out_what_needs_it():
    known = classes(leave_out="eyeglass")
    found = measure(*drawn(), known=known)
    assert np.isnan(found["eyeglasses"]) and found["hair_amount"] > 0


def test_every_measure_is_described():
    for name, attribute in ATTRIBUTES.items():
        assert attribute.name == name and attribute.title and attribute.about
        assert attribute.low < attribute.high
