"""FFHQ's frame, the maps between photo and aligned picture, and how pictures are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidRequestError
from core.inversion.alignment import align
from core.inversion.frame import Correction, Frame, ffhq_frame, moved
from core.inversion.resampling import cut, outside, put_back

FRAMES = st.builds(
    Frame,
    st.floats(-5000, 5000),
    st.floats(-5000, 5000),
    st.floats(1, 8000),
    st.floats(-360, 360),
)
POINTS = st.lists(st.tuples(st.floats(-4000, 4000), st.floats(-4000, 4000)), min_size=1, max_size=9)
EYES = np.array([[385.0, 480.0], [641.0, 480.0]])
MOUTH = np.array([[421.0, 720.0], [605.0, 720.0]])


def smooth(height: int, width: int) -> np.ndarray:
    """Waves of 40 px and longer."""
    y, x = np.mgrid[:height, :width] + 0.5
    waves = [np.sin(x / 9 + y / 23), np.cos(y / 11 - x / 31), np.sin((x + y) / 17)]
    return (127.5 + 100 * np.stack(waves, -1)).round().astype(np.uint8)


@given(FRAMES, POINTS, st.integers(256, 1024))
def test_the_way_to_the_photo_and_back_ends_where_it_began(frame, points, size):
    there = frame.to_photo(np.array(points), size)
    assert np.allclose(frame.to_picture(there, size), points, atol=1e-4)
    product = np.vstack([frame.matrix(size), [0, 0, 1]]) @ np.vstack(
        [frame.inverse_matrix(size), [0, 0, 1]]
    )
    assert np.allclose(product, np.eye(3), atol=1e-4)


@given(FRAMES, POINTS, st.floats(0.1, 10))
def test_a_frame_of_a_scaled_photo_shows_the_same(frame, points, factor):
    scaled = frame.scaled(factor).to_photo(np.array(points), 512)
    assert np.allclose(scaled, frame.to_photo(np.array(points), 512) * factor, atol=1e-3)


@given(st.floats(0.2, 5), st.floats(-180, 180), st.floats(-900, 900), st.floats(-900, 900))
def test_the_frame_follows_a_face_that_is_moved_turned_and_enlarged(scale, angle, x, y):
    mover = Frame(x, y, scale, angle).matrix(1)
    plain = ffhq_frame(EYES, MOUTH)
    followed = ffhq_frame(moved(EYES, mover), moved(MOUTH, mover))
    corners = moved(plain.corners(), mover)
    assert np.allclose(followed.corners(), corners, atol=1e-6 * 1024 * scale)


def test_ffhqs_frame_is_its_recipe():
    wide = ffhq_frame(EYES, MOUTH)  # eyes 256 px apart ask for more than 240 px to the mouth
    assert wide == Frame(513.0, 504.0, 1024.0, 0.0)
    long = ffhq_frame(EYES, MOUTH + np.array([0, 60]))
    assert long.side == pytest.approx(3.6 * 300) and long.centre_y == pytest.approx(510)
    # A mouth 24 px aside: as upright as the eyes' 256 px and the mouth's 240 px agree on.
    aside = ffhq_frame(EYES, MOUTH + np.array([24, 0]))
    assert aside.angle == pytest.approx(np.degrees(np.arctan2(-24, 256 + 240)))


def test_eyes_and_mouth_at_one_point_are_refused():
    with pytest.raises(InvalidRequestError, match="apart from each other"):
        ffhq_frame(np.zeros((2, 2)), np.zeros((2, 2)))


def test_corrections_say_what_the_picture_then_shows():
    frame = Frame(100.0, 80.0, 50.0, 0.0)
    assert frame.corrected(Correction()) == frame
    shifted = frame.corrected(Correction(0.2, -0.1))
    assert (shifted.centre_x, shifted.centre_y) == pytest.approx((110, 75))
    assert frame.corrected(Correction(zoom=2)).side == 25
    # What lay at the top of the picture lies at its right once it is turned clockwise by 90.
    turned = frame.corrected(Correction(turn=90))
    top = np.array([[100.0, 55.0]])
    assert np.allclose(turned.to_picture(top, 256), [[256, 128]])


@given(FRAMES, st.floats(-1, 1), st.floats(-1, 1), st.floats(-180, 180), st.floats(0.25, 4))
def test_a_correction_can_be_taken_back(frame, x, y, turn, zoom):
    there = frame.corrected(Correction(x, y)).corrected(Correction(turn=turn, zoom=zoom))
    back = there.corrected(Correction(turn=-turn, zoom=1 / zoom)).corrected(Correction(-x, -y))
    assert np.allclose(back.corners(), frame.corners(), atol=1e-4)


@pytest.mark.parametrize(
    "values", [{"shift_x": 1.1}, {"shift_y": -2}, {"turn": 181}, {"zoom": 0}, {"zoom": np.nan}]
)
def test_corrections_beyond_reason_are_refused(values):
    with pytest.raises(InvalidRequestError, match=r"must be -?[\d.]+ to [\d.]+, is"):
        Correction(**values)


def test_a_frame_along_the_px_is_cut_exactly():
    photo = smooth(400, 500)
    assert np.array_equal(cut(photo, Frame(250, 200, 300, 0), 300), photo[50:350, 100:400])
    turned = cut(photo, Frame(250, 200, 300, 90), 300)
    expected = np.rot90(photo[50:350, 100:400])
    assert np.abs(turned.astype(int) - expected).max() <= 1


def test_reduced_pictures_are_means_of_areas():
    photo = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8)
    for factor in (2, 3, 4):
        side = 256 * factor
        means = photo[:side, :side].reshape(256, factor, 256, factor, 3).mean((1, 3))
        made = cut(photo, Frame(side / 2, side / 2, side, 0), 256)
        assert np.abs(made - means).max() <= 1.01


@settings(max_examples=40, deadline=None)
@given(st.floats(200, 2000), st.floats(-180, 180))
def test_a_cut_shows_what_the_map_says(side, angle):
    photo = smooth(900, 900)
    frame = Frame(450.0, 450.0, side, angle)
    made = cut(photo, frame, 256)
    middles = np.stack(np.meshgrid(np.arange(20, 256, 40) + 0.5, [60.5, 128.5, 200.5]), -1)
    x, y = frame.to_photo(middles.reshape(-1, 2), 256).T
    whole = (x > 9) & (x < 891) & (y > 9) & (y < 891)
    waves = [np.sin(x / 9 + y / 23), np.cos(y / 11 - x / 31), np.sin((x + y) / 17)]
    expected = 127.5 + 100 * np.stack(waves, -1)
    found = made[middles[..., 1].astype(int), middles[..., 0].astype(int)].reshape(-1, 3)
    assert np.abs(found - expected)[whole].max(initial=0) < 12


def test_beyond_its_border_a_photo_is_mirrored_however_far():
    photo = smooth(50, 40)
    made = cut(photo, Frame(20, 25, 200, 0), 200)  # from -80 to 120, and from -75 to 125
    row, column = np.arange(-75, 125) % 100, np.arange(-80, 120) % 80
    rows, columns = np.minimum(row, 99 - row), np.minimum(column, 79 - column)
    assert np.array_equal(made, photo[rows][:, columns])


def test_padding_is_measured_blurred_and_fades_and_the_rest_stays():
    photo = np.random.default_rng(0).integers(0, 256, (512, 1024, 3), np.uint8)
    frame = Frame(512, 128, 512, 0)  # a quarter of it lies above the photo
    aligned = align(photo, frame, 512)
    plain = cut(photo, frame, 512)
    assert aligned.padding == pytest.approx(0.25)
    assert np.array_equal(aligned.picture[200:], plain[200:])  # a tenth of the side further down
    assert aligned.picture[:128].std() < plain[:128].std() / 5
    assert aligned.picture[:20].std() < 8


def test_a_frame_within_the_photo_is_a_plain_cut():
    photo, frame = smooth(900, 900), Frame(450, 430, 500, 12)
    aligned = align(photo, frame, 256)
    assert aligned.padding == 0 and np.array_equal(aligned.picture, cut(photo, frame, 256))
    assert outside(photo.shape, frame, 256).max() < 0


@pytest.mark.parametrize("size", [0, 255, 1025, -1])
def test_other_sizes_are_refused(size):
    with pytest.raises(InvalidRequestError, match="must be 256 to 1024 px wide, is"):
        align(smooth(300, 300), Frame(150, 150, 200, 0), size)


@pytest.mark.parametrize("frame", [Frame(900, 150, 200, 0), Frame(150, 150, 3000, 0)])
def test_frames_that_show_no_photo_are_refused(frame):
    with pytest.raises(InvalidRequestError, match="Shift it less, or zoom in"):
        align(smooth(300, 300), frame, 256)


@pytest.mark.parametrize("size", [256, 1024])
@pytest.mark.parametrize("frame", [Frame(300, 280, 400, 25), Frame(300, 280, 90, -160)])
def test_a_picture_put_back_unchanged_leaves_the_photo_nearly_as_it_was(frame, size):
    photo = smooth(600, 640)
    again = put_back(photo, cut(photo, frame, size), frame)
    assert np.abs(again.astype(int) - photo).max() <= 6


def test_putting_back_changes_nothing_outside_the_frame():
    photo = smooth(600, 640)
    frame = Frame(600, 40, 300, 33)  # over a corner of the photo
    again = put_back(photo, np.zeros((256, 256, 3), np.uint8), frame)
    middles = np.stack(np.meshgrid(np.arange(640) + 0.5, np.arange(600) + 0.5), -1)
    at = frame.to_picture(middles.reshape(-1, 2), 1).reshape(600, 640, 2)
    within = ((at > 0) & (at < 1)).all(-1)
    assert np.array_equal(again[~within], photo[~within])
    deep = ((at > 0.06) & (at < 0.94)).all(-1)
    assert deep.any() and (again[deep] <= 2).all()
    away = Frame(-900, -900, 300, 0)
    assert np.array_equal(put_back(photo, np.zeros((256, 256, 3), np.uint8), away), photo)
