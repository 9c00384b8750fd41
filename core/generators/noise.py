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
    fixed: the same images for every face, drawn from `seed`.
    random: new images for each face.
    baked: the images frozen into the checkpoint.
    """

    mode: Mode = "off"
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Noise:
        """Read 'off', 'fixed', 'fixed:SEED', 'random' or 'baked'. Inverse of str()."""
        match = re.fullmatch(r"(off|random|baked)|fixed(?::(\d{1,18}))?", text.strip())
        if match is None:
            raise InvalidRequestError(
                f"Noise must be off, fixed, fixed:SEED, random or baked, is '{text}'."
            )
        if match[1]:
            return cls(match[1])  # type: ignore[arg-type]  # the pattern admits only modes
        return cls("fixed", int(match[2] or 0))

    def __str__(self) -> str:
        return f"fixed:{self.seed}" if self.mode == "fixed" else self.mode

    def images(self, synthesis: Synthesis, count: int) -> list[Tensor] | None:
        """Unit-variance noise for `count` faces: [1 or count, 1, r, r] for each noise input.

        None means noise disabled. Raises InvalidRequestError for 'baked' where the
        checkpoint froze none.
        """
        if self.mode == "off":
            return None
        if self.mode == "baked":
            baked = synthesis.baked_noise()
            if baked is None:
                raise InvalidRequestError(
                    "This generator's checkpoint has no baked noise. Use off, fixed or random."
                )
            return baked
        source = torch.Generator()
        if self.mode == "fixed":
            source.manual_seed(self.seed)
            count = 1
        else:
            source.seed()
        return [
            torch.randn(count, 1, size, size, generator=source)
            for size in synthesis.noise_resolutions
        ]
