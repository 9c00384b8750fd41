"""Parts of one face in another, in whatever way a generator can: by codes, or blended."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError, InvalidRequestError
from core.generators.blending import BlendingSynthesis
from core.generators.parts import PartSynthesis
from core.regions import RegionMixer, Take, coded_parts, with_codes_of
from studio.model_cache import ModelCache
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering_parts import SteeringParts

Ws = NDArray[np.float32]  # [L, D]
TURNING = "yaw"  # the attribute of the direction that turns heads


class PartMixing:
    """For each generator what takes parts, opened once. Safe to use from threads."""

    def __init__(self, models: ModelCache, segmenters: Segmenters, parts: SteeringParts) -> None:
        self._models, self._segmenters, self._parts = models, segmenters, parts
        self._lock = threading.Lock()
        self._mixers: dict[str, tuple[str | None, RegionMixer]] = {}

    def has_codes(self, generator: str) -> bool:
        """Whether parts have codes of their own, so that they can be taken in part."""
        return isinstance(self._models.generator(generator).synthesis, PartSynthesis)

    def offered(self, generator: str) -> tuple[str, ...]:
        """Parts that can be taken; none where none can."""
        synthesis = self._models.generator(generator).synthesis
        if isinstance(synthesis, PartSynthesis):
            return coded_parts(synthesis)
        return () if self.problem(generator) else self.mixer(generator).parts

    def problem(self, generator: str) -> str:
        """Why no part can be taken; '' where some can."""
        synthesis = self._models.generator(generator).synthesis
        if isinstance(synthesis, PartSynthesis):
            return ""
        if not isinstance(synthesis, BlendingSynthesis):
            return f"The maps of generator '{generator}' cannot be blended."
        try:
            has_masks = self._segmenters.current(generator) is not None
        except CoreError as error:
            return str(error)
        if not has_masks:
            return (
                f"Parts are found by a segmenter, and there is none for '{generator}' yet. Train "
                "one: python launch.py train segmenter --config FILE"
            )
        return ""

    def coded(self, generator: str, own: Ws, other: Ws, takes: Sequence[Take]) -> Ws:
        """ws of a generator that has codes. Raises InvalidRequestError."""
        synthesis = self._models.generator(generator).synthesis
        assert isinstance(synthesis, PartSynthesis)
        return with_codes_of(synthesis, own, other, takes)

    def mixer(self, generator: str) -> RegionMixer:
        """Of a generator without codes. Raises InvalidRequestError where it cannot be."""
        if problem := self.problem(generator):
            raise InvalidRequestError(problem)
        version, segmenter = (
            self._segmenters.version(generator),
            self._segmenters.current(generator),
        )
        assert segmenter is not None  # that would be a problem
        sliders = self._parts.sliders(generator).by_name.values()
        turning = [s.direction for s in sliders if s.direction.attribute == TURNING and not s.path]
        with self._lock:
            known = self._mixers.get(generator)
            if known is None or known[0] != version:
                made = RegionMixer(
                    self._models.generator(generator),
                    segmenter,
                    turning[0] if turning else None,
                    device=self._models.device,
                )
                known = self._mixers[generator] = (version, made)
            return known[1]
