"""A real generator small enough for any test: 32 px, w of 16, four layers, seeded weights."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.generators.generator import Generator, Identity, Mapping, Synthesis, Synthesized
from core.generators.noise import Noise
from core.latents import Latents
from core.sampling import latents_from_seeds

WIDTH = 16
RESOLUTIONS = (4, 8, 16, 32)


class TinyMapping(Mapping):
    """Normalised z (and embedded c) through two layers."""

    def __init__(self, c_dim: int = 0) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim = WIDTH, c_dim, WIDTH
        self.embed = nn.Linear(c_dim, WIDTH) if c_dim else None
        self.layers = nn.ModuleList([nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)])

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        if self.embed is not None:
            assert c is not None
            x = x + self.embed(c)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return x


class TinySynthesis(Synthesis):
    """One styled convolution with noise per resolution, then colours."""

    def __init__(self) -> None:
        super().__init__()
        self.resolution, self.num_ws, self.w_dim = RESOLUTIONS[-1], len(RESOLUTIONS), WIDTH
        self.layer_resolutions = self.noise_resolutions = RESOLUTIONS
        self.feature_channels = dict.fromkeys(RESOLUTIONS, WIDTH)
        self.constant = nn.Parameter(torch.randn(1, WIDTH, RESOLUTIONS[0], RESOLUTIONS[0]))
        self.styles = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in RESOLUTIONS)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in RESOLUTIONS
        )
        self.colours = nn.Conv2d(WIDTH, 3, 1)
        self.noise_strength = nn.Parameter(torch.full([len(RESOLUTIONS)], 0.1))

    def forward(
        self,
        ws: Tensor,
        noise: Sequence[Tensor] | None = None,
        *,
        features: Collection[int] = (),
        with_image: bool = True,
    ) -> Synthesized:
        x = self.constant.expand(len(ws), -1, -1, -1)  # [N, C, 4, 4]
        found: dict[int, Tensor] = {}
        for index, size in enumerate(RESOLUTIONS):
            if not with_image and size > max(features, default=0):
                return Synthesized(None, found)
            if size > RESOLUTIONS[0]:
                x = F.interpolate(x, scale_factor=2.0)
            x = self.convolutions[index](
                x * (1 + self.styles[index](ws[:, index])[:, :, None, None])
            )
            if noise is not None:
                x = x + noise[index] * self.noise_strength[index]
            x = F.leaky_relu(x, 0.2)
            if size in features:
                found[size] = x
        return Synthesized(torch.tanh(self.colours(x)) if with_image else None, found)

    def baked_noise(self) -> list[Tensor] | None:
        return None

    def style_weights(self) -> list[Tensor]:
        return [style.weight for style in self.styles]


def tiny_generator(seed: int = 0, c_dim: int = 0, name: str = "tiny") -> Generator:
    """A new TinyMapping + TinySynthesis; equal arguments make equal weights.

    Its sha256 in `identity` is a stand-in that depends on `seed` only.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = Generator(TinyMapping(c_dim), TinySynthesis())
        z, c = (
            torch.randn(256, WIDTH),
            torch.eye(c_dim)[torch.arange(256) % c_dim] if c_dim else None,
        )
    generator.requires_grad_(False).eval()
    generator.mean_w = generator.mapping(z, c).mean(0)
    generator.identity = Identity(name, f"{seed:064x}")
    return generator


def tiny_latents(count: int = 3) -> Latents:
    """Faces of `tiny_generator()` with seeds 0, 1, ... and psi 0.7."""
    return latents_from_seeds(tiny_generator(), range(count), psi=0.7, noise=Noise())
