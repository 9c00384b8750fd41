"""LPIPS with VGG-16, for those who have its weights [Zhang et al. 2018, arXiv:1801.03924].

They are two files: torchvision's `vgg16-*.pth`, and the linear weights that the authors' package
`lpips` carries as `lpips/weights/v0.1/vgg.pth`. Neither is shipped or fetched here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from core.attributes.vgg import BLOCKS, Blocks, VggFile, vgg_features
from core.images import downsample
from core.inversion.perceptual import Distance, Loss, check_size, fitted, weighted_mean
from core.inversion.target import Target

MEANS, DEVIATIONS = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # RGB, of -1 to 1
LARGEST = 256  # px; larger pictures are reduced to it
_LITTLE = 1e-10  # beside the length of a place's features


class LpipsNet(nn.Module):
    """Images [N, 3, H, W] in [-1, 1] -> for each block of VGG-16 its last features [N, C, h, w],
    each place's of length 1. linear: for each block how much its channels count, [1, C, 1, 1].
    """

    means: Tensor
    deviations: Tensor

    def __init__(self, blocks: Blocks = BLOCKS) -> None:
        super().__init__()
        self.features = vgg_features(blocks)
        self.linear = nn.ParameterList(
            [nn.Parameter(torch.zeros(1, channels, 1, 1)) for channels, _ in blocks]
        )
        self._last = [f"relu{block}_{count}" for block, (_, count) in enumerate(blocks, 1)]
        for name, values in (("means", MEANS), ("deviations", DEVIATIONS)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        x, found = (images - self.means) / self.deviations, []
        for name, layer in self.features.named_children():
            x = layer(x)
            if name in self._last:
                length = torch.linalg.vector_norm(x, dim=1, keepdim=True)  # its slope at 0 is 0
                found.append(x / (length + _LITTLE))
                if len(found) == len(self._last):
                    break
        return found


def open_lpips(vgg: Path, linear: Path) -> LpipsNet:
    """Of the two files. Raises WeightsError for anything else; no code in them is run."""
    net = LpipsNet()
    VggFile(vgg, "torchvision's VGG-16 (vgg16-397923af.pth)").fill(net.features, "features.")
    file = VggFile(linear, "the linear weights of LPIPS for VGG (lpips/weights/v0.1/vgg.pth)")
    with torch.no_grad():
        for place, weight in enumerate(net.linear):
            file.copy(f"lin{place}.model.1.weight", weight)
    if any((weight < 0).any() for weight in net.linear):
        raise file.wrong("weights below 0")
    return net.eval().requires_grad_(False)


class Lpips:
    """The distance, of pictures of at most LARGEST px; on the device of the network's weights."""

    def __init__(self, net: LpipsNet) -> None:
        self._net = net

    def to(self, target: Target, size: int) -> Loss:
        check_size(target, size)
        seen, device = min(size, LARGEST), self._net.means.device
        with torch.no_grad():
            maps = self._net(target.image(seen).to(device))
        weight = target.weights(seen).to(device)
        return _Apart(self._net, seen, [(x, fitted(weight, x)) for x in maps])


@dataclass(frozen=True, eq=False)
class _Apart:
    """known: the target's features of each block, and how much their places count."""

    net: LpipsNet
    size: int
    known: list[tuple[Tensor, Tensor]]

    def __call__(self, image: Tensor) -> Tensor:
        total = image.new_zeros(())
        maps = self.net(downsample(image, self.size))
        for x, (y, weight), linear in zip(maps, self.known, self.net.linear, strict=True):
            apart = ((x - y).square() * linear).sum(1, keepdim=True)
            total = total + weighted_mean(apart, weight)
        return total


@dataclass(frozen=True)
class Summed:
    """Several distances, added."""

    distances: tuple[Distance, ...]

    def to(self, target: Target, size: int) -> Loss:
        losses: list[Callable[[Tensor], Tensor]] = [x.to(target, size) for x in self.distances]
        return lambda image: torch.stack([loss(image) for loss in losses]).sum()
