"""Preview readouts: exact where they can be, learned elsewhere, tied to their generator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open

from core.errors import InvalidRequestError, WeightsError
from core.files import sha256_of
from core.generators.checkpoint import save_weights
from core.generators.generator import Generator, Identity
from core.generators.mobile_stylegan import MobileStyleGANConfig, build_mobile_stylegan
from core.generators.readout_files import load_readouts, save_readouts
from core.generators.readout_training import (
    ReadoutTraining,
    measure_readouts,
    train_readouts,
)
from core.generators.readouts import Readouts, ReadoutsConfig, Styled, derive_exact_heads
from core.images import downsample
from core.progress import Step
from core.weights import WeightStore
from studio.commands.train import train
from studio.configs import read_config
from tests.tiny_generator import tiny_generator


@pytest.fixture(scope="module")
def mobile() -> Generator:
    """A MobileStyleGAN of 64 px with random weights, mapping and all."""
    config = MobileStyleGANConfig(
        resolution=64, w_dim=16, mapping_layers=2, channels=(16, 16, 8, 8)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = build_mobile_stylegan(config)
    generator.identity = Identity("tiny-mobile", "ab" * 32)
    return generator.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def ws(mobile: Generator) -> torch.Tensor:
    z = torch.from_numpy(np.random.RandomState(1).randn(3, 16)).float()
    return mobile.broadcast(mobile.mapping(z))


def _readouts(mobile: Generator, hidden: dict[int, int]) -> Readouts:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Readouts(ReadoutsConfig.of(mobile.synthesis, hidden))


def _training(**changes: object) -> ReadoutTraining:
    quick = {"hidden": {16: 8, 32: 0}, "faces": 40, "learning_rate": 0.02}
    return ReadoutTraining(**quick | changes)  # type: ignore[arg-type]


def test_the_head_of_the_last_map_is_the_exact_mean_of_the_pixels(
    mobile: Generator, ws: torch.Tensor
) -> None:
    readouts = _readouts(mobile, {32: 0})
    assert derive_exact_heads(readouts, mobile) == (32,)
    made = mobile.synthesis(ws, features=(32,))
    assert made.image is not None
    with torch.no_grad():
        preview = readouts(made.features[32], ws, 32)
    assert torch.allclose(preview, downsample(made.image, 32), atol=1e-5)


def test_training_lowers_the_error_on_unseen_faces(mobile: Generator) -> None:
    steps: list[Step] = []
    untrained = _readouts(mobile, {16: 8, 32: 0})
    derive_exact_heads(untrained, mobile)
    trained = train_readouts(mobile, _training(), device="cpu", on_step=steps.append)
    before, after = (
        measure_readouts(r, mobile, 1.0, seeds=range(8), device="cpu") for r in (untrained, trained)
    )
    assert after.mean[16] > before.mean[16] + 3
    assert after.mean[32] == before.mean[32] > 45
    assert [(step.done, step.total) for step in steps] == [(n, 40) for n in range(1, 41)]


def test_equal_seeds_train_equal_readouts(mobile: Generator) -> None:
    first, second = (train_readouts(mobile, _training(faces=3), device="cpu") for _ in range(2))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_gradients_reach_every_w_that_steers_a_preview(mobile: Generator, ws: torch.Tensor) -> None:
    readouts = train_readouts(mobile, _training(faces=3), device="cpu")
    asked = ws.clone().requires_grad_()
    features = mobile.synthesis(asked, features=(16,), with_image=False).features[16]
    readouts(features, asked, 16).sum().backward()
    assert asked.grad is not None
    assert (asked.grad.abs().amax(dim=(0, 2)) > 0).all()


def test_other_generators_can_have_readouts_too() -> None:
    generator = tiny_generator()
    training = _training(hidden={8: 4, 16: 0}, faces=2, seed=5)
    readouts = train_readouts(generator, training, device="cpu")
    assert readouts.sizes == (8, 16)
    assert readouts.config.layers == ((2, 2, 3), (3, 3, 3))


def test_sizes_without_a_feature_map_are_refused(mobile: Generator) -> None:
    with pytest.raises(InvalidRequestError, match=r"No feature maps of \[64\] px; there are \[4, "):
        ReadoutsConfig.of(mobile.synthesis, {64: 8})


def test_a_saved_file_gives_the_same_previews(
    mobile: Generator, ws: torch.Tensor, tmp_path: Path
) -> None:
    readouts = train_readouts(mobile, _training(faces=3), device="cpu")
    save_readouts(tmp_path / "p.safetensors", readouts, mobile.identity)
    loaded = load_readouts(tmp_path / "p.safetensors", mobile.identity)
    assert loaded.config == readouts.config
    features = mobile.synthesis(ws, features=(16,), with_image=False).features[16]
    assert torch.allclose(loaded(features, ws, 16), readouts(features, ws, 16), atol=2e-3)


def test_a_saved_file_tells_whose_features_it_reads(mobile: Generator, tmp_path: Path) -> None:
    save_readouts(tmp_path / "p.safetensors", _readouts(mobile, {16: 8}), mobile.identity)
    with safe_open(tmp_path / "p.safetensors", framework="pt") as file:
        header = json.loads(file.metadata()["faceloom"])
    assert header["generator"] == "tiny-mobile" and header["generator_sha256"] == "ab" * 32
    assert header["config"]["hidden"] == [8]


@pytest.mark.parametrize(
    "other", [Identity("other", "cd" * 32), Identity("tiny-mobile", "cd" * 32)]
)
def test_readouts_of_another_generator_are_refused(
    mobile: Generator, tmp_path: Path, other: Identity
) -> None:
    save_readouts(tmp_path / "p.safetensors", _readouts(mobile, {16: 8}), mobile.identity)
    message = rf"trained on generator 'tiny-mobile' \(weights abab.*not on '{other.name}'"
    with pytest.raises(WeightsError, match=message):
        load_readouts(tmp_path / "p.safetensors", other)


def test_weights_that_are_no_readouts_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "g.safetensors", "mobile_stylegan", MobileStyleGANConfig(), {})
    with pytest.raises(WeightsError, match=r"g\.safetensors holds no preview readouts"):
        load_readouts(tmp_path / "g.safetensors", Identity("tiny", "00"))


def test_a_generator_without_previews_has_no_readouts(tmp_path: Path) -> None:
    (tmp_path / "local.yaml").write_text(
        "own: {kind: generator, file: own.safetensors, sha256: '00', made_by: me, licence: mine}\n"
    )
    assert WeightStore(tmp_path).open_readouts("own") is None


def test_the_shipped_previews_are_for_the_shipped_generator() -> None:
    readouts = WeightStore().open_readouts("mobilestylegan-ffhq-1024")
    assert readouts is not None
    assert readouts.sizes == (128, 256, 512)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("facs: 3", "unknown facs. Known: generator, hidden, faces"),
        ("faces: many", "faces: Input should be a valid integer, is 'many'"),
        ("faces: true", "faces: Input should be a valid integer, is True"),
        ("faces: 2.5", r"faces: Input should be a valid integer, is 2\.5"),
        ("learning_rate: 3e-3", "learning_rate: Input should be a valid number, is '3e-3'"),
        ("hidden: {256: wide}", r"hidden\.256: Input should be a valid integer, is 'wide'"),
        ("hidden: {}", "hidden must give each size its channels"),
        ("faces: 0", "faces must be at least 1, is 0"),
        ("style_learning_rate: 0", "style_learning_rate must be above 0"),
        ("seed: 900001", "none of those that measure the result, is 900001"),
        ("seed: -1", r"seed must be in 0\.\."),
        ("psi_low: 1.5", r"must ascend within 0\.\.2, are 1\.5 and 1\.0"),
        ("- faces", "must hold 'key: value' lines"),
        ("{", "cannot be read as YAML"),
    ],
)
def test_a_wrong_configuration_is_refused_by_its_key(
    tmp_path: Path, line: str, message: str
) -> None:
    (tmp_path / "p.yaml").write_text(line + "\n")
    with pytest.raises(InvalidRequestError, match=message):
        read_config(tmp_path / "p.yaml", ReadoutTraining)


def test_a_configuration_keeps_the_defaults_of_absent_keys(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("faces: 7\nlearning_rate: 1\nhidden: {128: 0}\n")
    training = read_config(tmp_path / "p.yaml", ReadoutTraining)
    assert training == ReadoutTraining(faces=7, learning_rate=1.0, hidden={128: 0})


@pytest.fixture
def asked(mobile: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration in a folder of its own, for `mobile`, which is registered."""
    config = MobileStyleGANConfig(64, 16, 2, (16, 16, 8, 8))
    file = tmp_path / "weights" / "tiny-mobile.safetensors"
    save_weights(file, "mobile_stylegan", config, mobile.state_dict())
    entry = {"kind": "generator", "file": file.name, "sha256": sha256_of(file)}
    entry |= {"source": {"file": "x"}, "made_by": "me", "licence": "mine"}  # type: ignore[dict-item]
    (file.parent / "local.yaml").write_text(json.dumps({"tiny-mobile": entry}))
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(file.parent))
    asked = tmp_path / "asked" / "small.yaml"
    asked.parent.mkdir()
    asked.write_text("{generator: tiny-mobile, hidden: {16: 8, 32: 0}, faces: 3}")
    return asked


def test_the_command_writes_weights_and_their_figures(asked: Path) -> None:
    arguments = ["previews", "--config", str(asked), "--device", "cpu", "--json"]
    ended = CliRunner().invoke(train, arguments)
    assert ended.exit_code == 0, ended.output
    weights, figures = (asked.with_suffix(suffix) for suffix in (".safetensors", ".json"))
    written = json.loads(figures.read_text())
    assert written == json.loads(ended.stdout.splitlines()[-1])
    assert written["sha256"] == sha256_of(weights)
    assert [sorted(quality["mean"]) for quality in written["psnr_db"]] == [["16", "32"]] * 2
    assert load_readouts(weights, Identity("x", written["generator_sha256"])).sizes == (16, 32)


def test_stopping_the_command_leaves_nothing(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("studio.commands.train.measure_readouts", stopped)
    ended = CliRunner().invoke(train, ["previews", "--config", str(asked), "--device", "cpu"])
    assert ended.exit_code == 1 and "Stopped" in ended.stderr
    assert list(asked.parent.iterdir()) == [asked]


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # one face is meant to be fixed
@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
@pytest.mark.parametrize("faces", [1, 3])
@pytest.mark.parametrize("separable", [False, True])
def test_a_compiled_layer_gives_what_the_plain_one_gives(faces: int, separable: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = Styled(16, 8, 4, separable=separable)
        torch.nn.init.normal_(layer.style.weight)
        x, w = torch.randn(faces, 8, 6, 6), torch.randn(faces, 16)
        traced = torch.jit.trace(layer, (x, w), check_trace=False)
        x, w = torch.randn(faces, 8, 6, 6), torch.randn(faces, 16)
    torch.testing.assert_close(traced(x, w), layer(x, w), atol=1e-4, rtol=1e-4)
