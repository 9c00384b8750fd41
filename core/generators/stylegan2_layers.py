"""StyleGAN2's layers: equalised linear, modulated convolution, FIR-filtered doubling, output.

Convolutions share their weights over the batch: scaling the input channels by the style and
the output channels by the demodulation factor equals demodulating the weights for each
image [Karras et al. 2020, arXiv:1912.04958, 2.2], and needs no grouped convolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

SLOPE = 0.2  # of every leaky ReLU
GAIN = math.sqrt(2)  # after every leaky ReLU, restores unit variance
EPSILON = 1e-8  # under every reciprocal square root


class Linear(nn.Module):
    """Fully connected with equalised learning rate, in the dtype of its input."""

    def __init__(
        self, inputs: int, outputs: int, *, bias: float = 0.0, lr_multiplier: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.weight_gain = lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.to(x.dtype) * self.weight_gain
        return F.linear(x, weight, self.bias.to(x.dtype) * self.bias_gain)


def normalised(x: Tensor) -> Tensor:
    """x [N, D] scaled to a second moment of 1 over D."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + EPSILON)


class LearnedStyle(nn.Module):
    """A style that is the same for every image, where no w steers a layer."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(outputs))

    def forward(self, _: Tensor | None) -> Tensor:
        """-> [1, outputs]."""
        return self.weight[None]


def styled_by(w_dim: int | None, outputs: int) -> nn.Module:
    """What makes the style of a layer: an affine map of w, or, without w, a learned constant."""
    return LearnedStyle(outputs) if w_dim is None else Linear(w_dim, outputs, bias=1.0)


class Doubling(nn.Module):
    """The low-pass filter that goes with a doubling of the size.

    As it is: smooths the result of a stride-2 transposed convolution.
    """

    kernel: Tensor

    def __init__(self, taps: Sequence[float]) -> None:
        super().__init__()
        line = torch.tensor(taps, dtype=torch.float32)
        line = line / line.sum() * 2  # 2 a side: three of four samples are the zeros between
        self.padding = len(taps) // 2 - 1
        self.register_buffer("kernel", torch.outer(line, line)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Smooth x [N, C, 2h + 1, 2w + 1] -> [N, C, 2h, 2w]."""
        channels = x.shape[1]
        kernel = self.kernel.flip(2, 3).to(x.dtype).expand(channels, -1, -1, -1)
        return F.conv2d(x, kernel, padding=self.padding, groups=channels)

    def enlarge(self, x: Tensor) -> Tensor:
        """Interpolate x [N, C, h, w] -> [N, C, 2h, 2w]."""
        channels = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(channels, -1, -1, -1)
        return F.conv_transpose2d(x, kernel, stride=2, padding=self.padding, groups=channels)


class Convolution(nn.Module):
    """Modulated convolution, demodulation, noise, bias, leaky ReLU; may double the size."""

    baked_noise: Tensor

    def __init__(
        self,
        w_dim: int | None,  # None: no w steers it
        channels_in: int,
        channels: int,
        *,
        kernel: int = 3,
        takes_noise: bool = True,
        doubling: Doubling | None = None,  # None: the size stays
        clamp: float | None = None,  # activations are held in +-this; None: free
        baked_size: int | None = None,  # of the noise image to keep; None: keep none
    ) -> None:
        super().__init__()
        self.clamp = clamp
        self.style = styled_by(w_dim, channels_in)
        self.weight = nn.Parameter(torch.randn(channels, channels_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.noise_strength = nn.Parameter(torch.zeros(())) if takes_noise else None
        self.doubling = doubling
        if baked_size is not None:
            self.register_buffer("baked_noise", torch.randn(1, 1, baked_size, baked_size))

    def forward(self, x: Tensor, w: Tensor | None, noise: Tensor | None) -> Tensor:
        """x [N, channels_in, h, w], w [N, w_dim] -> [N, C, h, w] or [N, C, 2h, 2w]."""
        style = self.style(w)  # [N, channels_in]
        energy = self.weight.square().sum(dim=(2, 3))  # [C, channels_in]
        demodulation = torch.rsqrt(F.linear(style.square(), energy) + EPSILON)  # [N, C]
        x = x * style[:, :, None, None]
        if self.doubling is None:
            x = F.conv2d(x, self.weight, padding=self.weight.shape[-1] // 2)
        else:
            x = self.doubling(F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2))
        # The gain commutes with the leaky ReLU: applied to the small factors, it is free.
        bias = self.bias[None, :, None, None] * GAIN
        x = torch.addcmul(bias, x, demodulation[:, :, None, None] * GAIN)
        if noise is not None and self.noise_strength is not None:
            x = x + noise.to(x.dtype) * (self.noise_strength * GAIN)
        x = F.leaky_relu(x, SLOPE)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)


class Projection(nn.Module):
    """Modulated 1x1 convolution without demodulation: to colours, or other plain values."""

    def __init__(
        self, w_dim: int | None, channels: int, outputs: int, *, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.clamp = clamp
        self.style = styled_by(w_dim, channels)
        self.weight = nn.Parameter(torch.randn(outputs, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain = 1 / math.sqrt(channels)

    def forward(self, x: Tensor, w: Tensor | None) -> Tensor:
        """x [N, C, h, w], w [N, w_dim] -> [N, outputs, h, w]."""
        style = self.style(w) * self.gain  # [N, C]
        x = F.conv2d(x * style[:, :, None, None], self.weight, self.bias)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)

    def plain(self) -> tuple[Tensor, Tensor]:
        """Where no w steers it: weight [outputs, C, 1, 1] and bias of a plain convolution."""
        style = self.style(None) * self.gain  # [1, C]
        return self.weight * style[:, :, None, None], self.bias
