"""The noise modes: off, fixed (by seed), random, and baked (frozen in the checkpoint)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from core.errors import InvalidRequestError
from core.generators.generator import Synthesis

Mode = Literal["off", "fixed", "random", "baked"]


@dataclass(frozen=True)
class Noise:
    """How the stochastic detail of an image is chosen.

    off: none, the picture follows from its latent alone (the default everywhere).
    fixed: the same images for every face, drawn from `seed` (0 if none is given).
    random: new images for each face; with a seed, face i of a run gets the same ones again.
    baked: the images frozen into the checkpoint.
    """

    mode: Mode = "off"
    seed: int | None = None

    @classmethod
    def parse(cls, text: str, seed: int | None = None) -> Noise:
        """Read 'off', 'baked', 'fixed', 'random', 'fixed:SEED' or 'random:SEED'.

        seed: of fixed or random noise where the text names none.
        """
        match = re.fullmatch(r"(off|baked)|(fixed|random)(?::(\d{1,18}))?", text.strip())
        if match is None:
            raise InvalidRequestError(
                f"Noise must be off, fixed, fixed:SEED, random, random:SEED or baked, is '{text}'."
            )
        if match[1]:
            return cls(match[1])  # type: ignore[arg-type]  # a Mode
        return cls(match[2], int(match[3]) if match[3] else seed)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return self.mode if self.seed is None else f"{self.mode}:{self.seed}"

    def check(self, synthesis: Synthesis) -> None:
        """Raise InvalidRequestError for 'baked' where the checkpoint froze none."""
        if self.mode == "baked" and synthesis.baked_noise() is None:
            raise InvalidRequestError(
                "This generator's checkpoint has no baked noise. Use off, fixed or random."
            )

    def images(self, synthesis: Synthesis, count: int, first: int = 0) -> list[Tensor] | None:
        """Unit-variance noise for faces first ... first + count - 1 of a run.

        [1 or count, 1, r, r] for each noise input; None means noise disabled. Raises as `check`.
        """
        self.check(synthesis)
        if self.mode == "off":
            return None
        if self.mode == "baked":
            return synthesis.baked_noise()
        if self.mode == "fixed":
            return self._draw(synthesis, self.seed or 0)
        faces = [
            self._draw(synthesis, None if self.seed is None else self.seed + place)
            for place in range(first, first + count)
        ]
        return [torch.cat(layer) for layer in zip(*faces, strict=True)]

    def _draw(self, synthesis: Synthesis, seed: int | None) -> list[Tensor]:
        """One face's images, [1, 1, r, r] each."""
        source = torch.Generator()
        if seed is None:
            source.seed()
        else:
            source.manual_seed(seed)
        sizes = synthesis.noise_resolutions
        return [torch.randn(1, 1, size, size, generator=source) for size in sizes]
