"""VGG-16's layers [Simonyan & Zisserman 2015, arXiv:1409.1556], and checkpoints of them.

Networks that were built on it differ in what follows its convolutions. No code in a file is run.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from core.errors import WeightsError
from core.generators.stored_tensors import StoredTensor
from core.generators.torch_files import read_torch_file

Blocks = tuple[tuple[int, int], ...]

BLOCKS: Blocks = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions
LARGEST = 2**30  # bytes of a checkpoint; VGG-16 has 540 MB


def vgg_features(blocks: Blocks = BLOCKS) -> nn.Sequential:
    """Its convolutions: conv1_1, relu1_1, ..., each block with a pool at its end."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    before = 3
    for block, (channels, count) in enumerate(blocks, 1):
        for index in range(1, count + 1):
            layers[f"conv{block}_{index}"] = nn.Conv2d(before, channels, 3, padding=1)
            layers[f"relu{block}_{index}"] = nn.ReLU()
            before = channels
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


class VggFile:
    """The tensors of a checkpoint (.pt, .pth) by name, in the file's order.

    what: what it ought to be, for messages. Raises WeightsError for a file that cannot be read,
    is too large, or has no tensors by name.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        try:
            if path.stat().st_size > LARGEST:
                raise WeightsError(f"{path} is larger than a VGG-16 can be. Give {what}.")
            content = read_torch_file(path.read_bytes(), path.name)
        except OSError as error:
            raise WeightsError(f"{path} cannot be read ({error.strerror}).") from error
        if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
            content = content["state_dict"]
        if not isinstance(content, dict):
            raise self.wrong("no tensors by name")
        self.tensors = {
            str(name): value for name, value in content.items() if isinstance(value, StoredTensor)
        }

    def wrong(self, why: str) -> WeightsError:
        return WeightsError(f"{self._path} is not {self._what}: it has {why}.")

    def fill(self, network: nn.Module, prefix: str = "") -> None:
        """Weights and biases into the layers of a network, in the file's order, which is its own.

        prefix: of the names to take. Raises WeightsError for more, fewer or other layers.
        """
        layers = [x for x in network.modules() if isinstance(x, nn.Conv2d | nn.Linear)]
        names = [
            name.removesuffix("weight")
            for name in self.tensors
            if name.startswith(prefix) and name.endswith(".weight")
        ]
        if len(names) != len(layers):
            of = f" of '{prefix}'" if prefix else ""
            raise self.wrong(f"{len(names)} layers with weights{of}, not {len(layers)}")
        with torch.no_grad():
            for layer, name in zip(layers, names, strict=True):
                self.copy(f"{name}weight", layer.weight)
                if layer.bias is not None:
                    self.copy(f"{name}bias", layer.bias)

    def copy(self, name: str, into: torch.Tensor) -> None:
        """Raises WeightsError where it is missing, of another shape, or not finite."""
        stored = self.tensors.get(name)
        if stored is None:
            raise self.wrong(f"no '{name}'")
        if stored.shape != tuple(into.shape):
            raise self.wrong(f"'{name}' of {list(stored.shape)}, not {list(into.shape)}")
        read = stored.tensor().float()
        if not read.isfinite().all():
            raise self.wrong(f"values in '{name}' that are not finite")
        into.copy_(read)
