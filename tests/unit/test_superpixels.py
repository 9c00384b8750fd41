"""Regions for the smart brush: nested, connected, on the visible borders, the same every time."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from core.errors import InvalidRequestError
from core.superpixels import BadRegionsError, Regions, compute_regions, from_wire, to_wire
from core.superpixels.merging import MergeOrder, Neighbours, merge_order

SIDE = 96


def noise(size_hw: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), np.uint8)


def disc(x: int, y: int, radius: int) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def two_discs() -> NDArray[np.uint8]:
    """A red disc and a blue one on grey, all with the same slight noise."""
    picture = np.full((SIDE, SIDE, 3), 120)
    picture[disc(30, 40, 18)] = (200, 40, 40)
    picture[disc(70, 60, 14)] = (40, 60, 190)
    grain = np.random.default_rng(1).integers(-6, 7, picture.shape)
    return (picture + grain).astype(np.uint8)


@pytest.fixture(scope="module")
def regions() -> Regions:
    features = np.random.default_rng(2).normal(size=(9, 12, 12)).astype(np.float32)
    return compute_regions(two_discs(), [features], levels=(4, 20, 60))


def test_there_are_as_many_regions_as_asked_and_every_id_is_used(regions: Regions) -> None:
    for level, count in zip(regions.levels(), (4, 20, 60), strict=True):
        assert np.array_equal(np.unique(level), np.arange(count))
        assert level.dtype == np.uint16 and level.shape == (SIDE, SIDE)
    assert regions.num_regions == 60


def test_a_region_lies_in_one_region_of_each_coarser_level(regions: Regions) -> None:
    coarse, middle, fine = regions.levels()
    for inner, outer in ((fine, middle), (middle, coarse), (fine, coarse)):
        pairs = np.unique(np.stack([inner.ravel(), outer.ravel()]), axis=1)
        assert pairs.shape[1] == inner.max() + 1


@pytest.mark.parametrize("size_hw", [(64, 64), (40, 72)])
def test_every_region_is_connected_by_sides(size_hw: tuple[int, int]) -> None:
    for level in compute_regions(noise(size_hw), levels=(5, 30, 90)).levels():
        parts = [ndimage.label(level == region)[1] for region in range(level.max() + 1)]
        assert set(parts) == {1}


def test_borders_lie_on_visible_edges_to_the_pixel() -> None:
    coarsest = compute_regions(two_discs(), levels=(3, 50)).levels()[0]
    for x, y, radius in ((30, 40, 18), (70, 60, 14)):
        found, drawn = coarsest == coarsest[y, x], disc(x, y, radius)
        assert np.array_equal(ndimage.binary_erosion(drawn) & ~found, np.zeros_like(drawn))
        assert np.array_equal(found & ~ndimage.binary_dilation(drawn), np.zeros_like(drawn))


def test_features_part_what_has_one_colour() -> None:
    features = np.zeros((2, 8, 8), np.float32)
    features[0, :, 4:] = 1.0
    picture = noise((64, 64), seed=4) // 32 + 100
    ids = compute_regions(picture, [features], levels=(2, 40)).levels()[0]
    assert len(np.unique(ids[:, :28])) == len(np.unique(ids[:, 36:])) == 1
    assert ids[0, 0] != ids[0, -1]


def test_the_same_input_gives_the_same_bytes() -> None:
    features = np.random.default_rng(3).normal(size=(30, 16, 16)).astype(np.float32)
    first, second = (to_wire(compute_regions(noise((64, 64)), [features])) for _ in range(2))
    assert first == second


def test_inputs_stay_as_they_were() -> None:
    picture, features = noise((32, 32)), np.ones((3, 8, 8), np.float32)
    before = picture.copy(), features.copy()
    compute_regions(picture, [features])
    assert np.array_equal(picture, before[0]) and np.array_equal(features, before[1])


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 7), (8, 8), (9, 5)])
def test_tiny_pictures_have_fewer_regions_and_levels(size_hw: tuple[int, int]) -> None:
    regions = compute_regions(noise(size_hw), [np.ones((1, 4, 4), np.float32)])
    counts = [level.max() + 1 for level in regions.levels()]
    assert counts == sorted(set(counts)) and 1 <= counts[-1] <= size_hw[0] * size_hw[1]


def test_a_picture_of_one_colour_is_one_region() -> None:
    regions = compute_regions(np.full((20, 30, 3), 77, np.uint8))
    assert regions.tables == () and regions.num_regions == 1 and not regions.ids.any()


def test_a_large_picture_is_worked_on_reduced_but_gets_ids_of_its_own_size() -> None:
    ids = compute_regions(noise((40, 3001)), levels=(9,)).ids
    assert ids.shape == (40, 3001)
    assert np.array_equal(ids[:, :-1:2], ids[:, 1::2])


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_other_pictures_are_refused(picture: NDArray[np.uint8]) -> None:
    with pytest.raises(InvalidRequestError, match=r"must be uint8 \[H, W, 3\], is"):
        compute_regions(picture)


@pytest.mark.parametrize("features", [np.zeros((4, 4)), np.full((1, 2, 2), np.nan)])
def test_other_features_are_refused(features: NDArray[np.float32]) -> None:
    with pytest.raises(InvalidRequestError, match=r"must be finite numbers \[C, h, w\]"):
        compute_regions(noise((8, 8)), [features])


@pytest.mark.parametrize("levels", [(), (3, 3), (9, 3), (0, 5), (5, 65536)])
def test_other_levels_are_refused(levels: tuple[int, ...]) -> None:
    with pytest.raises(InvalidRequestError, match=r"rising numbers of regions in 1\.\.65535"):
        compute_regions(noise((8, 8)), levels=levels)


def test_merging_takes_the_most_alike_first() -> None:
    chain = Neighbours(np.arange(3), np.arange(1, 4), np.ones(3), np.zeros(3))
    means = np.array([[0.0], [0.1], [5.0], [5.5]], np.float32)
    order = merge_order(np.full(4, 10), means, chain)
    assert order.labels(4).tolist() == [0, 1, 2, 3]
    assert [len(set(order.labels(count)[:2].tolist())) for count in (3, 2)] == [1, 1]
    two = order.labels(2)
    assert two[0] == two[1] != two[2] == two[3]
    assert len(set(order.labels(1).tolist())) == 1


def test_a_merge_is_never_undone_by_a_cheaper_one_above_it() -> None:
    order = MergeOrder(3, np.array([[0, 1], [3, 2]]), np.array([2.0, 2.0]))
    assert order.labels(2).tolist() == [3, 3, 2]


def test_borders_in_pieces_are_added_up() -> None:
    pieces = (np.array(x) for x in ([0, 1, 2, 1], [1, 0, 2, 2]))
    pairs = Neighbours.joined(*pieces, np.array([1.0, 2, 4, 8]), np.array([1.0, 1, 1, 1]))
    assert pairs.first.tolist() == [0, 1] and pairs.second.tolist() == [1, 2]
    assert pairs.length.tolist() == [3, 8] and pairs.contrast.tolist() == [2, 1]


def test_wire_bytes_are_as_the_painter_reads_them() -> None:
    ids = np.array([[0, 1, 1], [0, 2, 2]], np.uint16)
    regions = Regions(ids, (np.array([0, 1, 0], np.uint16),))
    assert to_wire(regions) == struct.pack("<4I6H3H", 3, 2, 2, 3, 0, 1, 1, 0, 2, 2, 0, 1, 0)


def test_wire_bytes_come_back_as_they_went(regions: Regions) -> None:
    found = from_wire(to_wire(regions))
    assert np.array_equal(found.ids, regions.ids) and len(found.tables) == 2
    assert all(np.array_equal(a, b) for a, b in zip(found.tables, regions.tables, strict=True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\1\0\0", "need 16 bytes at least, got 3"),
        (struct.pack("<4I2H", 3, 1, 1, 2, 0, 1), "have 22 bytes, got 20"),
        (struct.pack("<4I2H", 2, 1, 0, 2, 0, 1), "0 levels"),
        (struct.pack("<4I2H", 2, 1, 1, 2, 0, 2), "id of regions is 2, below 2"),
    ],
)
def test_damaged_wire_bytes_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(BadRegionsError, match=message):
        from_wire(content)
