"""Masks to look at beside faces: made in the same pass as the picture, kept as coloured PNGs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations import LabelScheme, encode_mask
from core.errors import CoreError
from core.files import write_whole
from core.generators import Noise, Outputs
from studio.workflows.class_schemes import scheme_of
from studio.workflows.segmenters import Segmenters

log = logging.getLogger(__name__)

_OUTPUTS = Outputs(labels=True)


@dataclass(frozen=True)
class MaskPictures:
    """The masks of one generator's faces. version: short name of the segmenter that makes them."""

    segmenters: Segmenters
    generator: str
    version: str
    scheme: LabelScheme

    @classmethod
    def of(cls, segmenters: Segmenters, generator: str) -> MaskPictures | None:
        """None where the generator has no segmenter, or one that cannot be read."""
        try:
            segmenter = segmenters.current(generator)
            version = segmenters.version(generator)
        except CoreError as error:
            log.warning("Faces come without masks: %s", error)
            return None
        if segmenter is None or version is None:
            return None
        return cls(segmenters, generator, f"mask-{version[:12]}", scheme_of(segmenter.classes))

    def render(self, path: Path, ws: NDArray[np.float32], noise: Noise) -> NDArray[np.uint8]:
        """Write the mask of ws [L, D] to `path`; returns the picture, uint8 [R, R, 3]."""
        made = self.segmenters.runtime(self.generator, _OUTPUTS).render(ws, noise)
        write_whole(path, encode_mask(made["labels"], self.scheme))
        picture: NDArray[np.uint8] = made["image"]
        return picture
