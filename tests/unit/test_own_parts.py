"""The segmentation that SemanticStyleGAN makes of its own pictures, as a registered segmenter."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from annotations import default_scheme
from core.errors import InvalidRequestError, WeightsError
from core.generators import Noise, RenderPass, engines
from core.generators.semantic_stylegan import FACE_PARTS, SemanticSynthesis
from core.generators.torch_runtime import TorchRuntime
from core.images import read_png_facts
from core.segmentation import HEADS, build_head
from core.segmentation.own_parts import MODEL, PART_CLASSES, OwnParts, own_classes
from core.segmentation.store import offer_own_parts, open_segmenter, segmenter_names
from core.weights import WeightStore
from studio.commands.sample import sample
from studio.commands.segment import segment
from studio.commands.weights import weights
from studio.workflows.class_schemes import class_set

GOLDEN = Path(__file__).parents[1] / "golden"
SEMANTIC = GOLDEN / "semantic_stylegan" / "celeba_32.pt"
SCHEME = class_set(default_scheme())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> WeightStore:
    """With the generator 'parted' and its own segmentation."""
    store = WeightStore(tmp_path_factory.mktemp("weights"))
    store.add(SEMANTIC, "parted", "CC BY-NC-SA 4.0")
    offer_own_parts(store, "parted", SCHEME)
    return store


def told(command: object, *arguments: object) -> dict:
    result = CliRunner().invoke(command, [*map(str, arguments), "--json"])  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    figures: dict = json.loads(result.stdout.splitlines()[-1])
    return figures


def drawn_head(size: int = 8) -> OwnParts:
    """A head on maps that are the scores of the parts themselves."""
    classes = own_classes(SCHEME)
    head = OwnParts({size: len(FACE_PARTS)}, classes.num_classes, size)
    torch.nn.init.dirac_(head.get_submodule(f"scores.{size}").weight)
    torch.nn.init.zeros_(head.get_submodule(f"scores.{size}").bias)
    for index, name in enumerate(classes.names):
        (place,) = [p for p, part in enumerate(FACE_PARTS) if name in PART_CLASSES[part]]
        names = PART_CLASSES[FACE_PARTS[place]]
        head.part[index] = place
        head.side[index] = 0 if len(names) == 1 else 2 * names.index(name) - 1
    return head.requires_grad_(False)


def labelled(head: OwnParts, parts: Tensor) -> np.ndarray:
    """Names of classes [size, size] for a map of parts [size, size]."""
    scores = torch.nn.functional.one_hot(parts, len(FACE_PARTS)).permute(2, 0, 1)[None] * 2.0 - 1
    index = head({head.size: scores})[0].argmax(0)
    return np.array(own_classes(SCHEME).names)[index.numpy()]


def test_every_part_becomes_a_class_and_the_lips_alone_have_none() -> None:
    assert tuple(PART_CLASSES) == FACE_PARTS
    mapped = own_classes(SCHEME)
    assert set(SCHEME.names) - set(mapped.names) == {"upper lip", "lower lip"}
    assert mapped.num_classes == 16 and list(mapped.ids) == sorted(mapped.ids)
    names = [SCHEME.names[SCHEME.ids.index(id_)] for id_ in mapped.ids]
    assert list(mapped.names) == names


def test_a_scheme_without_a_class_of_the_parts_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="has no class hat, earring, which"):
        own_classes(SCHEME.subset([i for i in SCHEME.ids if i not in (2, 5)]))


def test_the_head_scores_what_the_network_sees(store: WeightStore) -> None:
    synthesis = store.open_generator("parted").synthesis
    assert isinstance(synthesis, SemanticSynthesis)
    head = open_segmenter(store, "parted").head
    assert isinstance(head, OwnParts)
    features = synthesis(torch.randn(3, 28, 8), features=(16, 32)).features
    ours = head.part_scores(features)
    torch.testing.assert_close(ours, synthesis.segmentation(features).fine, atol=1e-5, rtol=0)
    assert synthesis.config.refines


def test_the_head_of_a_file_knows_parts_and_sides_of_its_classes(store: WeightStore) -> None:
    segmenter, made = open_segmenter(store, "parted"), drawn_head()
    assert torch.equal(segmenter.head.get_buffer("part"), made.part)
    assert torch.equal(segmenter.head.get_buffer("side"), made.side)
    assert segmenter.classes == own_classes(SCHEME) and segmenter.model == MODEL


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 12), min_size=64, max_size=64))
def test_left_and_right_are_told_apart_by_the_noses_mean_column(drawn: list[int]) -> None:
    parts = torch.tensor(drawn).reshape(8, 8)
    columns = (parts == FACE_PARTS.index("nose")).nonzero()[:, 1].double()
    middle = float(columns.mean()) if len(columns) else 3.5
    names = labelled(drawn_head(), parts)
    for row, column in np.ndindex(8, 8):
        classes = PART_CLASSES[FACE_PARTS[parts[row, column]]]
        if len(classes) == 1 or abs(column - middle) < 1e-3:
            assert names[row, column] in classes
        else:
            assert names[row, column] == classes[int(column > middle)]


def test_one_ear_of_a_turned_head_is_one_ear() -> None:
    parts = torch.full((8, 8), FACE_PARTS.index("face"))
    parts[3:5, 1] = FACE_PARTS.index("nose")
    parts[2:6, 3:6] = FACE_PARTS.index("ears")
    assert {*labelled(drawn_head(), parts).ravel()} == {"skin", "nose", "right ear"}


def test_uncertainty_is_none_where_one_part_has_all_and_much_where_two_share() -> None:
    scores = torch.full((1, 13, 8, 8), -1.0)
    scores[:, FACE_PARTS.index("hair")] = 1.0
    scores[:, :2, 4:] = scores[:, FACE_PARTS.index("hair"), None, 4:] = -1 / 3  # a third each
    _, doubt = drawn_head().with_uncertainty({8: scores})
    assert doubt.shape == (1, 8, 8)
    torch.testing.assert_close(doubt[0, :4], torch.zeros(4, 8))
    torch.testing.assert_close(doubt[0, 4:], torch.ones(4, 8))


def in_torch(render_pass: RenderPass, *known: object, **_: object) -> TorchRuntime:
    """OpenVINO takes long to compile 13 parts; that it renders the same is shown elsewhere."""
    return TorchRuntime(render_pass, "cpu", "f32")


def test_a_checkpoint_is_added_sampled_and_segmented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_open_openvino", in_torch)
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    added = told(weights, "add", SEMANTIC, "--name", "faces", "--licence", "CC BY-NC-SA 4.0")
    assert added["segmenter"] == "faces-parts"
    common = ["--generator", "faces", "--device", "cpu"]
    made = told(sample, "--seeds", "0-2", "--out", tmp_path / "all", *common)
    assert made["count"] == 3 and made["generator"] == "faces"
    told(sample, "--seeds", "0-2", "--parts", "hair, nose", "--out", tmp_path / "some", *common)
    all_parts, some = (tmp_path / name / "images" / "1.png" for name in ("all", "some"))
    assert read_png_facts(some)["parts"] == "hair,nose" and "parts" not in read_png_facts(all_parts)
    assert np.asarray(Image.open(all_parts)).shape == (32, 32, 3)
    assert (np.asarray(Image.open(all_parts)) != np.asarray(Image.open(some))).any()
    options = ["--latents", tmp_path / "all" / "latents.npz", "--workspace", tmp_path / "space"]
    masks = told(segment, *options, "--out", tmp_path / "masks", *common)
    assert masks["model"] == MODEL and sum(masks["pixels"].values()) == 3 * 32 * 32
    with Image.open(tmp_path / "masks" / "masks" / "0000.png") as mask:
        assert {*np.unique(np.asarray(mask)).tolist()} <= {*own_classes(SCHEME).ids}
    wrong = CliRunner().invoke(sample, ["--seeds", "0", "--parts", "horns", "--out", "x", *common])
    assert wrong.exit_code == 2 and "no part 'horns'" in wrong.stderr


def test_masks_of_the_command_are_those_of_the_network(store: WeightStore) -> None:
    generator, segmenter = store.open_generator("parted"), open_segmenter(store, "parted")
    ws = np.random.RandomState(0).randn(2, 28, 8).astype(np.float32)
    runtime = segmenter.open(generator, device="cpu", precision="f32")
    made = np.stack([face["labels"] for face in runtime.stream(ws, Noise())])
    features = generator.synthesis(torch.from_numpy(ws), features=(16, 32)).features
    parts = generator.synthesis.segmentation(features).fine.argmax(1).numpy()
    assert len(np.unique(parts)) > 3
    for place, part in enumerate(FACE_PARTS):
        ids = [SCHEME.ids[SCHEME.names.index(name)] for name in PART_CLASSES[part]]
        agree = np.isin(made[parts == place], ids)
        assert not agree.size or agree.mean() > 0.99, part


def test_registered_segmentations_say_whose_they_are(store: WeightStore) -> None:
    known = store.entry("parted-parts")
    assert segmenter_names(store, "parted") == ["parted-parts"]
    assert (known.licence, known.facts["size"]) == ("CC BY-NC-SA 4.0", 32)
    assert known.made_by == "generator 'parted' itself" and store.state(known.name) == "ready"


def test_a_taken_name_is_not_taken_again(store: WeightStore, tmp_path: Path) -> None:
    own = WeightStore(tmp_path)
    own.add(SEMANTIC, "face")
    own.add(SEMANTIC, "face-parts")
    found = offer_own_parts(own, "face", SCHEME)
    assert found is not None and found.name == "face-parts2"
    long = "a" * 64
    own.add(SEMANTIC, long)
    found = offer_own_parts(own, long, SCHEME)
    assert found is not None and found.name == "a" * 50 + "-parts"


def test_generators_without_these_parts_offer_none(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    store.add(GOLDEN / "stylegan2" / "nvidia_ada_32.pkl", "plain")
    store.add(GOLDEN / "semantic_stylegan" / "no_base_32.pt", "other")
    before = (tmp_path / "local.yaml").read_bytes()
    assert (
        offer_own_parts(store, "plain", SCHEME) is offer_own_parts(store, "other", SCHEME) is None
    )
    assert (tmp_path / "local.yaml").read_bytes() == before


def test_a_segmentation_that_cannot_be_registered_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = WeightStore(tmp_path)
    store.add(SEMANTIC, "face")

    def fail(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr("core.weights_registry.write_whole", fail)
    with pytest.raises(OSError, match="full"):
        offer_own_parts(store, "face", SCHEME)
    assert not (tmp_path / "face-parts.safetensors").exists()
    assert set(yaml.safe_load((tmp_path / "local.yaml").read_text())) == {"face"}


def test_a_lost_file_says_what_it_was_made_of(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    store.add(SEMANTIC, "face")
    offer_own_parts(store, "face", SCHEME)
    (tmp_path / "face-parts.safetensors").unlink()
    with pytest.raises(WeightsError, match="made of generator 'face': take both out of"):
        open_segmenter(store, "face")


def test_maps_that_do_not_double_up_to_the_mask_are_refused() -> None:
    for channels, size in (({16: 4, 64: 4}, 64), ({16: 4, 32: 4}, 64)):
        with pytest.raises(InvalidRequestError, match="reads maps that double up to the mask's"):
            build_head(MODEL, channels, 16, size)


@pytest.mark.parametrize("model", HEADS)
def test_the_label_branch_reads_the_maps_of_a_parted_generator(
    model: str, store: WeightStore
) -> None:
    synthesis = store.open_generator("parted").synthesis
    features = synthesis(torch.randn(2, 28, 8), features=(8, 16, 32)).features
    head = build_head(model, synthesis.feature_channels, 5, 32).eval()
    assert head(features).shape == (2, 5, 32, 32)
    assert MODEL not in HEADS  # nothing there to train
