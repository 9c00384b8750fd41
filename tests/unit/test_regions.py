"""Chosen parts of one face in another: zones on painted masks, blending and codes on tiny
generators."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations import default_scheme
from core.directions.direction import Direction
from core.errors import InvalidRequestError, WeightsError
from core.generators import Generator, Identity
from core.generators.mobile_stylegan import MobileStyleGANConfig, build_mobile_stylegan
from core.generators.semantic_stylegan import SemanticStyleGANConfig, build_semantic_stylegan
from core.generators.stylegan2 import StyleGAN2Config, build_stylegan2
from core.regions import (
    PARTS,
    NothingToTakeError,
    RegionMixer,
    Take,
    checked_takes,
    coded_parts,
    parse_takes,
    with_codes_of,
)
from core.regions.blend_pass import BlendPass, rows_of
from core.regions.placing import Move, face_move, turn
from core.regions.zones import draw_zones
from core.segmentation import Segmenter, build_head
from studio.workflows.class_schemes import class_set

SCHEME = class_set(default_scheme())
ID = dict(zip(SCHEME.names, SCHEME.ids, strict=True))
SIZES = (4, 8, 16, 32, 64)


def painted(nose: float = 0.0, hair: str = "short", hat: bool = False) -> NDArray[np.uint8]:
    """A face of 64 px. nose: how far to the right, px."""
    labels = np.full((64, 64), ID["background"], np.uint8)
    rows, columns = np.indices(labels.shape)
    if hair != "none":
        reach = 60 if hair == "long" else 34
        labels[(abs(columns - 32) < 20) & (rows > 6) & (rows < reach)] = ID["hair"]
    labels[((columns - 32) / 14) ** 2 + ((rows - 34) / 20) ** 2 < 1] = ID["skin"]
    labels[28:31, 23:28], labels[28:31, 37:42] = ID["left eye"], ID["right eye"]
    middle = round(32 + nose)
    labels[32:38, middle - 2 : middle + 2] = ID["nose"]
    labels[43:46, 27:37] = ID["mouth"]
    if hat:
        labels[2:16, 14:50] = ID["hat"]
    return labels


def made(kind: str) -> Generator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        if kind == "mobile":
            config = MobileStyleGANConfig(64, 16, 2, (16, 16, 8, 8))
            generator = build_mobile_stylegan(config)
        elif kind == "semantic":
            generator = build_semantic_stylegan(
                SemanticStyleGANConfig(
                    resolution=32,
                    w_dim=8,
                    mapping_layers=2,
                    local_channels=4,
                    coarse_channels=8,
                    coarse_resolution=16,
                    first_resolution=8,
                    channel_base=256,
                    channel_max=8,
                )
            )
        else:
            config2 = StyleGAN2Config(
                64, 16, 0, 16, 2, channel_base=512, channel_max=16, has_baked_noise=False
            )
            generator = build_stylegan2(config2)
    generator.identity = Identity(kind, "5" * 64)
    return generator.eval().requires_grad_(False)


def segmenter_of(generator: Generator) -> Segmenter:
    """Of random weights: its masks have several classes, in no order."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        head = build_head("weave", generator.synthesis.feature_channels, SCHEME.num_classes, 64)
    return Segmenter(head.eval().requires_grad_(False), "weave", SCHEME, generator.identity)


def ws_of(generator: Generator, seed: int) -> NDArray[np.float32]:
    shape = (generator.num_ws, generator.synthesis.w_dim)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def blended(
    generator: Generator, a: NDArray, b: NDArray, own: NDArray, other: NDArray, parts: list[str]
) -> tuple[torch.Tensor, BlendPass]:
    """In float32, without a runtime."""
    blend_pass = BlendPass(generator.synthesis, None)  # type: ignore[arg-type]  # it blends
    zones = draw_zones(own, other, SCHEME, parts, 0.2, blend_pass.sizes)
    rows = rows_of(torch.from_numpy(a), torch.from_numpy(b), generator.synthesis.layer_resolutions)
    return blend_pass(rows, *blend_pass.inputs(zones))[0][0], blend_pass


def plain(generator: Generator, ws: NDArray) -> NDArray[np.int16]:
    from core.images import to_uint8

    image = generator.synthesis(torch.from_numpy(ws)[None]).image
    assert image is not None
    return to_uint8(image)[0].numpy().astype(np.int16)


@pytest.fixture(scope="module", params=["mobile", "stylegan2"])
def generator(request: pytest.FixtureRequest) -> Generator:
    return made(request.param)


@pytest.fixture(scope="module")
def mixer() -> RegionMixer:
    generator = made("mobile")
    return RegionMixer(generator, segmenter_of(generator), device="cpu", precision="f32")


def test_blending_leaves_all_as_it_was_where_no_zone_lies_and_takes_the_part(generator: Generator):
    a, b = ws_of(generator, 1), ws_of(generator, 2)
    own, other = painted(), painted(hair="long")
    mixed, _ = blended(generator, a, b, own, other, ["hair"])
    before, there = plain(generator, a), plain(generator, b)
    zones = draw_zones(own, other, SCHEME, ["hair"], 0.2, SIZES)
    outside = zones.area[64][0, 0].numpy() == 0
    assert outside.mean() > 0.3
    assert abs(mixed.numpy() - before)[outside].max() <= 1
    inside = zones.take[64][0, 0].numpy() > 0.999
    assert inside.mean() > 0.05
    assert abs(mixed.numpy() - there)[inside].max() <= 1
    assert abs(before - there)[inside].mean() > 5  # the faces differ at all


def test_skin_takes_colours_and_leaves_the_rest_alone(generator: Generator):
    a, b = ws_of(generator, 1), ws_of(generator, 2)
    labels = painted()
    mixed, _ = blended(generator, a, b, labels, painted(hair="long"), ["skin"])
    tinted = np.where(np.array(generator.synthesis.layer_resolutions)[:, None] > 32, b, a)
    zones = draw_zones(labels, labels, SCHEME, ["skin"], 0.2, SIZES)
    inside = zones.tint[64][0, 0].numpy() > 0.999
    outside = zones.area[64][0, 0].numpy() == 0
    assert abs(mixed.numpy() - plain(generator, tinted))[inside].max() <= 1
    assert abs(mixed.numpy() - plain(generator, a))[outside].max() <= 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(list(PARTS)), min_size=1, unique=True), st.floats(0, 1))
def test_a_face_blended_with_itself_stays_itself(parts: list[str], softness: float):
    generator = _MOBILE
    ws = ws_of(generator, 4)
    labels = painted(hat=True)
    blend_pass = BlendPass(generator.synthesis, None)  # type: ignore[arg-type]  # it blends
    zones = draw_zones(labels, labels, SCHEME, parts, softness, blend_pass.sizes)
    mine = torch.from_numpy(ws)
    rows = rows_of(mine, mine, generator.synthesis.layer_resolutions)
    # what grows over a person is no longer the face itself
    inputs = blend_pass.inputs(zones)
    if "background" not in parts:
        found = blend_pass(rows, *inputs)[0][0].numpy()
        assert abs(found - plain(generator, ws)).max() <= 2
    for size in blend_pass.sizes:
        for kind in ("area", "tint", "grown", "seen", "take", "behind", "other_seen"):
            weights = getattr(zones, kind)[size]
            assert weights.shape == (1, 1, size, size)
            assert weights.min() >= -1e-6 and weights.max() <= 1 + 1e-6


_MOBILE = made("mobile")


def test_the_mixer_leaves_a_face_mixed_with_itself_as_it_is_to_the_bit(mixer: RegionMixer):
    ws = ws_of(_MOBILE, 1)
    takes = [Take(name) for name in mixer.parts]
    mixed = mixer.mix(ws, ws.copy(), takes)
    whole = mixer._whole.render(ws)  # the face as every pass makes it
    assert np.array_equal(mixed.picture, whole["image"])
    assert np.array_equal(mixed.labels, whole["labels"])


def test_the_mixer_gives_the_same_picture_and_mask_again(mixer: RegionMixer):
    a, b = ws_of(_MOBILE, 1), ws_of(_MOBILE, 2)
    first, again = (mixer.mix(a, b, [Take("skin"), Take("hair")]) for _ in range(2))
    other_order = mixer.mix(a, b, [Take("hair"), Take("skin")])
    assert first.picture.shape == (64, 64, 3) and first.labels.shape == (64, 64)
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.picture, other_order.picture)
    assert np.array_equal(first.labels, other_order.labels)
    assert not np.array_equal(first.picture, mixer._whole.render(a)["image"])


def test_compiled_and_plain_blending_agree(mixer: RegionMixer):
    a, b = ws_of(_MOBILE, 1), ws_of(_MOBILE, 2)
    own, other = mixer.labels(a), mixer.labels(b)
    plainly, _ = blended(_MOBILE, a, b, own, other, ["hair"])
    found = mixer.mix(a, b, [Take("hair")], softness=0.2)
    assert abs(found.picture.astype(np.int16) - plainly.numpy()).max() <= 2


def test_what_the_hair_leaves_free_is_background_that_was_seen():
    zones = draw_zones(painted(hair="long"), painted(hair="none"), SCHEME, ["hair"], 0.2, SIZES)
    grown = zones.grown[64][0, 0].numpy()
    assert grown[50, 14] > 0.9 and grown[34, 32] == 0  # beside the neck; on the nose
    assert zones.take[64][0, 0].numpy()[50, 14] == 0
    with_background = draw_zones(
        painted(hair="long"), painted(hair="none"), SCHEME, ["hair", "background"], 0.2, SIZES
    )
    assert with_background.grown[64].max() == 0  # the other's goes there
    assert with_background.behind[64][0, 0, 50, 14] > 0.9


def test_what_lies_in_front_stays():
    own, other = painted(hat=True), painted(hair="long")
    zones = draw_zones(own, other, SCHEME, ["hair"], 0.1, SIZES)
    assert zones.area[64][0, 0].numpy()[6:12, 20:44].max() < 0.01  # the hat
    both = draw_zones(own, other, SCHEME, ["hair", "hat"], 0.1, SIZES)
    assert both.take[64][0, 0].numpy()[9:12, 24:40].min() > 0.9


def test_a_face_is_moved_onto_the_other():
    own = painted()
    moved = np.roll(own, (3, -4), (0, 1))
    move = face_move(own, moved, SCHEME)
    assert move == Move(
        pytest.approx(1.0, abs=0.01),
        pytest.approx(0.0, abs=0.01),
        pytest.approx(8 / 64, abs=0.01),
        pytest.approx(-6 / 64, abs=0.01),
    )
    there = torch.from_numpy((moved == ID["nose"]).astype(np.float32))[None, None]
    found = move.applied(there)[0, 0].numpy() > 0.5
    assert (found == (own == ID["nose"])).mean() > 0.995
    assert face_move(own, np.zeros_like(own), SCHEME).is_nothing


def test_turned_heads_are_told_by_their_noses():
    assert turn(painted(), SCHEME) == pytest.approx(0, abs=0.04)
    right, left = turn(painted(nose=4), SCHEME), turn(painted(nose=-4), SCHEME)
    assert right is not None and left is not None and right > 0.2 > -0.2 > left
    assert turn(np.zeros((64, 64), np.uint8), SCHEME) is None


def test_the_other_face_is_turned_only_if_that_brings_it_nearer(mixer: RegionMixer):
    """The masks of random weights are no faces: then nothing is turned."""
    vector = np.ones((_MOBILE.num_ws, 16), np.float32)
    turning = Direction("yaw", "Turn", "yaw", vector, "mobile", "5" * 64)
    turner = RegionMixer(_MOBILE, segmenter_of(_MOBILE), turning, device="cpu", precision="f32")
    a, b = ws_of(_MOBILE, 1), ws_of(_MOBILE, 2)
    before = turn(turner.labels(b), SCHEME)
    goal = turn(turner.labels(a), SCHEME)
    found, labels = turner._turned(turner.labels(a), b, turner.labels(b))
    after = turn(labels, SCHEME)
    if goal is None or before is None:
        assert np.array_equal(found, b)
    else:
        assert after is not None and abs(after - goal) <= abs(before - goal)


def test_codes_move_only_the_part_that_is_taken():
    generator = made("semantic")
    synthesis = generator.synthesis
    own, other = ws_of(generator, 1), ws_of(generator, 2)
    mixed = with_codes_of(synthesis, own, other, [Take("hair", shape=1, texture=0.25)])  # type: ignore[arg-type]
    shape, texture = synthesis.part_codes[synthesis.part_names.index("hair")]  # type: ignore[union-attr,index]
    assert np.array_equal(mixed[shape], other[shape])
    assert np.allclose(mixed[texture], 0.75 * own[texture] + 0.25 * other[texture], atol=1e-6)
    rest = [layer for layer in range(len(own)) if layer not in (shape, texture)]
    assert np.array_equal(mixed[rest], own[rest])
    assert coded_parts(synthesis)[0] == "hair" and "glasses" in coded_parts(synthesis)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(list(PARTS)), min_size=1, unique=True), st.integers(0, 99))
def test_codes_of_nothing_and_of_the_same_face_change_nothing(parts: list[str], seed: int):
    own, other = ws_of(_SEMANTIC, seed), ws_of(_SEMANTIC, seed + 100)
    takes = [Take(name) for name in parts]
    synthesis = _SEMANTIC.synthesis
    assert np.array_equal(with_codes_of(synthesis, own, own, takes), own)  # type: ignore[arg-type]
    none = [Take(name, 0, 0) for name in parts]
    assert np.array_equal(with_codes_of(synthesis, own, other, none), own)  # type: ignore[arg-type]


_SEMANTIC = made("semantic")


def test_parts_and_amounts_that_cannot_be_are_refused(mixer: RegionMixer):
    a, b = ws_of(_MOBILE, 1), ws_of(_MOBILE, 2)
    with pytest.raises(InvalidRequestError, match=r"No part is called 'beard'\. Choose of: hair"):
        Take("beard")
    with pytest.raises(InvalidRequestError, match=r"must be in 0..1, are 2 and 1"):
        Take("hair", 2)
    with pytest.raises(InvalidRequestError, match="No part is to be taken"):
        mixer.mix(a, b, [])
    with pytest.raises(InvalidRequestError, match="No part is to be taken"):
        parse_takes(" , ")
    with pytest.raises(InvalidRequestError, match="'hair=x' is no part with how far it goes"):
        parse_takes("hair=x")
    assert parse_takes("skin=0:1, hair") == (Take("hair"), Take("skin", 0, 1))
    with pytest.raises(InvalidRequestError, match="'hair' is named twice"):
        checked_takes([Take("hair"), Take("hair", 0.5)])
    with pytest.raises(InvalidRequestError, match="takes them whole"):
        mixer.mix(a, b, [Take("hair", 0.5)])
    with pytest.raises(InvalidRequestError, match=r"softness must be in 0..1, is 1.5"):
        mixer.mix(a, b, [Take("hair")], softness=1.5)
    with pytest.raises(InvalidRequestError, match=r"Both faces must be ws \[8, 16\]"):
        mixer.mix(a, b[:4], [Take("hair")])


def test_a_part_on_neither_face_is_told(mixer: RegionMixer, monkeypatch: pytest.MonkeyPatch):
    a, b = ws_of(_MOBILE, 1), ws_of(_MOBILE, 2)
    masks = {a.tobytes(): painted(), b.tobytes(): painted(hair="long")}
    monkeypatch.setattr(mixer, "labels", lambda ws: masks[ws.tobytes()])
    with pytest.raises(NothingToTakeError, match="Neither face has hat"):
        mixer.mix(a, b, [Take("hat")])
    mixed = mixer.mix(a, b, [Take("hat"), Take("hair")])
    assert mixed.notes == ("Neither face has hat: nothing to take there.",)


def test_other_generators_are_refused():
    mobile, semantic = made("mobile"), made("semantic")
    with pytest.raises(InvalidRequestError, match="maps of generator 'semantic' cannot be blended"):
        RegionMixer(semantic, segmenter_of(semantic))
    stranger = segmenter_of(mobile)
    mobile.identity = Identity("mobile", "6" * 64)
    with pytest.raises(WeightsError, match="was trained on generator"):
        RegionMixer(mobile, stranger)
