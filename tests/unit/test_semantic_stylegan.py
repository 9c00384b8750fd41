"""Our SemanticStyleGAN against what its public implementation recorded, and its contract."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.directions.sefa import sefa_directions
from core.errors import InvalidRequestError
from core.generators import Outputs, RenderPass, open_runtime
from core.generators.checkpoint import ARCHITECTURES, load_exactly
from core.generators.foreign import read_foreign
from core.generators.generator import Generator, Synthesized
from core.generators.parts import PartCodes, shown_parts, with_parts_of
from core.generators.semantic_stylegan import (
    FACE_PARTS,
    Segmentation,
    SemanticStyleGANConfig,
    SemanticSynthesis,
    build_semantic_stylegan,
)
from core.images import to_uint8
from tests.tiny_generator import tiny_generator

GOLDEN = Path(__file__).parents[1] / "golden" / "semantic_stylegan"
CASES = sorted(GOLDEN.glob("*.pt"))
NAMES = [path.stem for path in CASES]
TOLERANCE = 3e-5  # measured: 3e-6, on values of standard deviation 0.2 to 3
LAST = slice(1, 2)  # the face that large records hold


@cache
def golden(path: Path) -> tuple[Generator, dict[str, Tensor]]:
    """The reference's network as ours, and what the reference made of its inputs."""
    architecture, config, tensors = read_foreign(path)
    generator = ARCHITECTURES[architecture].build(config)
    load_exactly(generator, tensors, path.name)
    recorded = np.load(path.with_suffix(".npz"))
    values = {name: torch.from_numpy(recorded[name]) for name in recorded.files}
    return generator.eval().requires_grad_(False), values


def network(path: Path) -> SemanticSynthesis:
    synthesis = golden(path)[0].synthesis
    assert isinstance(synthesis, SemanticSynthesis)
    return synthesis


def faces() -> tuple[SemanticSynthesis, Tensor]:
    """The network with the published parts, and codes of two faces."""
    return network(GOLDEN / "celeba_32.pt"), golden(GOLDEN / "celeba_32.pt")[1]["ws"]


def whole(
    synthesis: SemanticSynthesis, ws: Tensor, **how: object
) -> tuple[Synthesized, Segmentation]:
    made = synthesis(ws, **how, features=synthesis.config.render_resolutions)
    return made, synthesis.segmentation(made.features)


def assert_close(ours: Tensor | None, theirs: Tensor) -> None:
    assert ours is not None
    torch.testing.assert_close(ours, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_mapping_expansion_and_depths_agree_with_the_reference(path: Path) -> None:
    generator, recorded = golden(path)
    synthesis = network(path)
    assert_close(generator.mapping(recorded["z"]), recorded["w"])
    assert torch.equal(synthesis.expanded(recorded["ws"]), recorded["expanded"])
    assert_close(synthesis.depths(recorded["ws"])[LAST], recorded["depths"])


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_image_and_both_segmentations_agree_with_the_reference(path: Path) -> None:
    recorded = golden(path)[1]
    made, parts = whole(network(path), recorded["ws"])
    assert_close(made.image[LAST], recorded["image"])
    assert_close(parts.coarse[LAST], recorded["coarse"])
    assert_close(parts.fine[LAST], recorded["fine"])


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_images_with_the_noise_of_the_file_agree_with_the_reference(path: Path) -> None:
    generator, recorded = golden(path)
    synthesis = network(path)
    made, parts = whole(
        synthesis, generator.broadcast(recorded["w"]), noise=synthesis.baked_noise()
    )
    assert_close(made.image[LAST], recorded["image_baked"])
    assert_close(parts.fine[LAST], recorded["fine_baked"])


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_pictures_of_some_parts_agree_with_the_reference(path: Path) -> None:
    recorded = golden(path)[1]
    made, parts = whole(network(path), recorded["ws"], shown=recorded["shown"])
    assert_close(made.image[LAST], recorded["image_part"])
    assert_close(parts.coarse[LAST], recorded["coarse_part"])
    assert_close(parts.fine[LAST], recorded["fine_part"])


def test_records_of_the_reference_tell_cases_apart() -> None:
    """Guards the parity tests: without noise, hidden parts and refinement they would say less."""
    for path in CASES:
        recorded = golden(path)[1]
        hidden = recorded["shown"][1] == 0
        assert (recorded["image"] - recorded["image_part"]).std() > 0.1
        assert (recorded["coarse_part"][0, hidden] == -1).all()
        assert (recorded["coarse"][0, hidden] > -1).all()
        without = golden(path)[0](recorded["z"])[LAST]
        assert (without - recorded["image_baked"]).std() > 0.05


def test_published_networks_have_28_codes_for_130_layers() -> None:
    with torch.device("meta"):
        synthesis = build_semantic_stylegan(SemanticStyleGANConfig()).synthesis
    assert isinstance(synthesis, SemanticSynthesis)
    ws = torch.arange(28.0)[None, :, None].expand(1, 28, 512)
    told = synthesis.expanded(ws)[0, :, 0].tolist()
    assert told[:10] == [2] * 6 + [3] * 4  # the background, which shares nothing
    assert told[10:20] == [0, 1, 4, 4, 4, 4, 5, 5, 5, 5] and len(told) == 130
    assert told[-10:] == [0, 1, 26, 26, 26, 26, 27, 27, 27, 27]
    assert synthesis.noise_resolutions == (32, 32, 64, 64, 128, 128, 256, 256, 512, 512)
    assert synthesis.feature_channels == {16: 512, 32: 512, 64: 1037, 128: 256, 256: 128, 512: 64}


def test_parts_have_the_codes_that_the_authors_list() -> None:
    synthesis, _ = faces()
    codes = dict(zip(synthesis.part_names, synthesis.part_codes, strict=True))
    assert codes["face"] == PartCodes(4, 5) and codes["hair"] == PartCodes(16, 17)
    assert codes["eyeglass"].shape == 22 and codes["earring"].shape == 26
    assert network(GOLDEN / "plain_64.pt").part_names == ("background", "part 1", "part 2")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 5), st.integers(1, 5), st.integers(1, 5), st.integers(2, 20))
def test_every_layer_of_every_part_has_a_code_and_every_code_a_layer(
    base: int, shape: int, texture: int, parts: int
) -> None:
    layers = {"base_layers": base, "depth_layers": base + shape}
    config = SemanticStyleGANConfig(
        **layers, local_layers=base + shape + texture, parts=parts, transparent=()
    )
    used = [config.codes_of(part) for part in range(parts)]
    assert {len(codes) for codes in used} == {config.local_layers}
    assert {code for codes in used for code in codes} == set(range(config.num_codes))
    for part, codes in enumerate(used):
        strangers = set(codes) - set(range(base)) - set(config.codes_of_its_own(part))
        assert not strangers


def test_a_part_changes_with_its_own_codes_and_its_depth_with_its_shape_alone() -> None:
    synthesis, ws = faces()
    before = synthesis.depths(ws)
    for kind, moved in (("texture", set()), ("shape", {FACE_PARTS.index("hair")})):
        mixed = with_parts_of(synthesis, ws.numpy(), ws.numpy()[::-1], ["hair"], kind)
        after = synthesis.depths(torch.from_numpy(mixed))
        changed = {p for p in range(13) if not torch.equal(before[:, p], after[:, p])}
        assert changed == moved
        image = synthesis(torch.from_numpy(mixed)).image
        assert (image - synthesis(ws).image).abs().max() > 1e-3


def test_codes_of_parts_are_copied_and_the_faces_stay_as_they_were() -> None:
    synthesis, codes = faces()
    ws, kept = codes.numpy(), codes.numpy().copy()
    mixed = with_parts_of(synthesis, ws, ws[1:], ["eyes", "hat"])
    taken = [6, 7, 24, 25]
    assert np.array_equal(mixed[0, taken], ws[1, taken])
    others = [layer for layer in range(28) if layer not in taken]
    assert np.array_equal(mixed[:, others], ws[:, others])
    assert np.array_equal(ws, kept)


def test_hidden_parts_get_no_pixel_and_all_parts_shown_change_nothing() -> None:
    synthesis, ws = faces()
    hair_and_face = whole(synthesis, ws, shown=shown_parts(synthesis, ["hair", "face"]))[1]
    outside = [p for p, name in enumerate(FACE_PARTS) if name not in ("hair", "face")]
    assert (hair_and_face.coarse[:, outside] == -1).all()
    everything = synthesis(ws, shown=shown_parts(synthesis, FACE_PARTS)).image
    assert_close(everything, synthesis(ws).image)


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_runtimes_draw_some_parts(engine: str) -> None:
    synthesis, ws = faces()
    generator = golden(GOLDEN / "celeba_32.pt")[0]
    outputs = Outputs(parts=("hair", "nose"))
    runtime = open_runtime(RenderPass(generator, outputs), engine=engine, precision="f32")
    made = runtime.render(ws[0].numpy())["image"].astype(int)
    shown = shown_parts(synthesis, outputs.parts)
    expected = to_uint8(synthesis(ws[:1], shown=shown).image)[0].numpy()
    assert np.abs(made - expected).max() <= 1
    assert np.abs(made - to_uint8(synthesis(ws[:1]).image)[0].numpy()).max() > 20


def test_coarse_segmentation_is_the_shares_of_the_parts() -> None:
    synthesis, ws = faces()
    coarse = whole(synthesis, ws)[1].coarse
    torch.testing.assert_close((coarse + 1).sum(1) / 2, torch.ones(2, 16, 16))
    assert torch.equal(coarse.argmax(1), synthesis.depths(ws).argmax(1))


def test_feature_maps_come_with_the_image_or_alone() -> None:
    synthesis, ws = faces()
    full = synthesis(ws, features=(8, 16, 32))
    alone = synthesis(ws, features=(8, 16), with_image=False)
    assert alone.image is None and set(alone.features) == {8, 16}
    assert torch.equal(alone.features[16], full.features[16])
    for size, value in full.features.items():
        assert value.shape == (2, synthesis.feature_channels[size], size, size)


def test_features_alone_stop_at_the_largest_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    synthesis, ws = faces()

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("worked beyond what was asked for")

    monkeypatch.setattr(synthesis.block(32).up, "forward", refuse)
    monkeypatch.setattr(synthesis.block(16).rgb, "forward", refuse)
    assert set(synthesis(ws, features=(16,), with_image=False).features) == {16}


def test_every_parameter_but_the_segmentations_gets_a_gradient_from_the_image() -> None:
    torch.manual_seed(0)
    generator = build_semantic_stylegan(
        SemanticStyleGANConfig(
            *(32, 8, 2),
            local_channels=4,
            coarse_channels=8,
            coarse_resolution=16,
            first_resolution=8,
            channel_base=256,
        )
    )
    made = generator(torch.randn(2, 8), noise=generator.synthesis.baked_noise())
    made.square().mean().backward()
    for name, parameter in generator.named_parameters():
        if ".scores." not in name:
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_style_weights_are_those_of_the_layers_a_code_reaches() -> None:
    synthesis, _ = faces()
    weights = synthesis.style_weights()
    width = synthesis.config.local_channels
    rows = [12] * 2 + [6, 4] + [4, 4] * 12  # layers: base of 12 parts, background, 12 parts
    assert [tuple(weight.shape) for weight in weights] == [(n * width, 8) for n in rows]


def test_closed_form_directions_of_a_part_move_that_part_alone() -> None:
    generator, (synthesis, ws) = golden(GOLDEN / "celeba_32.pt")[0], faces()
    hair = synthesis.part_codes[FACE_PARTS.index("hair")]
    (found,) = sefa_directions(generator, covariance=np.eye(8), count=1, layers=list(hair))
    moved = ws + 3 * torch.from_numpy(found.vector).float()  # [28, 8]
    change = synthesis.depths(moved) - synthesis.depths(ws)
    assert [p for p in range(13) if change[:, p].abs().max() > 0] == [FACE_PARTS.index("hair")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": 500}, "powers of two that grow within 4 to 1024, are 16, 64, 500"),
        ({"coarse_resolution": 512}, "that grow within 4 to 1024, are 16, 512, 512"),
        ({"first_resolution": 64}, "are 64, 64, 512"),
        ({"depth_layers": 10}, "numbers that grow within 0 to 64, are 2, 10, 10"),
        ({"base_layers": 6}, "are 6, 6, 10"),
        ({"local_layers": 65}, "are 2, 6, 65"),
        ({"parts": 1}, "2 to 64 parts and up to 256 codes, not 1"),
        ({"transparent": (10, 13)}, r"transparent parts must be in 0..12, not \[13\]"),
    ],
)
def test_shapes_that_are_not_built_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        SemanticStyleGANConfig(**changes)  # type: ignore[arg-type]


def test_requests_the_synthesis_cannot_meet_are_refused() -> None:
    synthesis, ws = faces()
    with pytest.raises(InvalidRequestError, match=r"ws must have shape \[any, 28, 8\]"):
        synthesis(ws[:, :27])
    with pytest.raises(InvalidRequestError, match=r"takes 4 noise images.*got 1"):
        synthesis(ws, [torch.randn(1, 1, 16, 16)])
    with pytest.raises(InvalidRequestError, match=r"no feature map at \[64\] px, only 8, 16, 32"):
        synthesis(ws, features=(64,))
    with pytest.raises(InvalidRequestError, match=r"shown must have shape \[any, 13\]"):
        synthesis(ws, shown=torch.ones(2, 12))
    with pytest.raises(InvalidRequestError, match="shown must have 1 or 2 rows, has 3"):
        synthesis(ws, shown=torch.ones(3, 13))
    with pytest.raises(InvalidRequestError, match=r"needs feature maps of \[32\] px too"):
        synthesis.segmentation(synthesis(ws, features=(16,)).features)


def test_parts_a_generator_does_not_have_are_refused() -> None:
    synthesis, codes = faces()
    ws = codes.numpy()
    with pytest.raises(InvalidRequestError, match=r"no part 'horns'\. Its parts are background,"):
        shown_parts(synthesis, ["hair", "horns"])
    with pytest.raises(InvalidRequestError, match="No part is to be drawn"):
        shown_parts(synthesis, [])
    with pytest.raises(InvalidRequestError, match=r"to faces \[N, L, D\], got \[2, 27, 8\]"):
        with_parts_of(synthesis, ws, ws[:, :27], ["hair"])
    with pytest.raises(InvalidRequestError, match="does not draw its faces in parts"):
        RenderPass(tiny_generator(), Outputs(parts=("hair",)))
