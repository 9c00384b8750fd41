"""Pictures of steered faces with their masks: small while something is dragged, then whole."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError
from core.generators import Generator, Outputs, Readouts, RenderPass, Runtime, open_runtime
from core.segmentation import ClassSet, Segmenter
from studio.model_cache import ModelCache
from studio.workflows.segmenters import Segmenters

log = logging.getLogger(__name__)

LOOK_AGAIN = 1.0  # s
PREVIEW_SIZES = (256, 128)  # px; the second one where the first is slow
QUICK_MS, SLOW_MS = 60, 150  # of a preview: then larger ones are tried again, or smaller ones


@dataclass(frozen=True, eq=False)
class Shown:
    """ws: float32 [L, D]. picture: uint8 [S, S, 3]. labels: class ids uint8 [M, M], None where
    there is no segmenter."""

    ws: NDArray[np.float32]
    picture: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class FacePass:
    """A compiled pass for one size of picture."""

    runtime: Runtime
    picture: str  # the name of its output
    has_labels: bool

    def render(self, ws: NDArray[np.float32]) -> Shown:
        made = self.runtime.render(ws)
        return Shown(ws, made[self.picture], made["labels"] if self.has_labels else None)


class SteeringPictures:
    """The passes of generators: made once, and anew where another segmenter is in force."""

    def __init__(self, models: ModelCache, segmenters: Segmenters) -> None:
        self._models = models
        self._segmenters = segmenters
        self._lock = threading.RLock()
        self._versions: dict[str, tuple[float, str | None]] = {}
        self._readouts: dict[str, Readouts | None] = {}
        self._passes: dict[tuple[str, int], tuple[str | None, FacePass]] = {}

    def problem(self, generator: str) -> str:
        """Why there are no masks; '' where there are."""
        try:
            if self._segmenters.current(generator) is not None:
                return ""
        except CoreError as error:
            return f"The picture comes without a mask. {error}"
        return (
            f"The picture comes without a mask: there is no segmenter for '{generator}' yet. Train "
            "one in the Train tab and choose 'Use as the segmenter'."
        )

    def classes(self, generator: str) -> ClassSet | None:
        segmenter = self._current(generator)
        return segmenter.classes if segmenter else None

    def full(self, generator: str) -> FacePass:
        """The generator's own size, with the mask of the segmenter in force."""
        if self._current(generator) is None:
            return FacePass(self._models.runtime(generator, Outputs()), "image", False)
        outputs = Outputs(labels=True)
        return FacePass(self._segmenters.runtime(generator, outputs), "image", True)

    def preview(self, generator: str, size: int) -> FacePass:
        """At most `size` px where the generator can, with a mask that is cheap at that size."""
        network = self._models.generator(generator)
        readouts = self._opened_readouts(generator)
        shown = _shown_size(network, readouts, size)
        with self._lock:
            version = self._version(generator)
            known = self._passes.get((generator, shown))
            if known is None or known[0] != version:
                small = self._small_segmenter(generator, shown)
                known = version, self._made(network, readouts, shown, small)
                self._passes[generator, shown] = known
            return known[1]

    def without_mask(self, generator: str, size: int) -> FacePass:
        """The same picture as `preview`, made anew and alone."""
        network, readouts = self._models.generator(generator), self._opened_readouts(generator)
        return self._made(network, readouts, _shown_size(network, readouts, size), None)

    def _opened_readouts(self, generator: str) -> Readouts | None:
        with self._lock:
            if generator not in self._readouts:
                self._readouts[generator] = self._models.weights.open_readouts(generator)
            return self._readouts[generator]

    def _made(
        self,
        network: Generator,
        readouts: Readouts | None,
        size: int,
        segmenter: Segmenter | None,
    ) -> FacePass:
        has_labels = segmenter is not None
        if readouts is not None and size in readouts.sizes:
            outputs = Outputs(image=False, previews=(size,), labels=has_labels)
            picture = f"preview_{size}"
        else:
            outputs, picture = Outputs(image_size=size, labels=has_labels), "image"
        labeller = segmenter.labeller() if segmenter else None
        made = RenderPass(network, outputs, readouts, labeller)
        return FacePass(open_runtime(made, device=self._models.device), picture, has_labels)

    def _small_segmenter(self, generator: str, size: int) -> Segmenter | None:
        try:
            return self._segmenters.for_previews(generator, size)
        except CoreError as error:
            log.warning("Previews come without masks: %s", error)
            return None

    def _version(self, generator: str) -> str | None:
        """Of the segmenter in force; looked up at most once a second, since files are read."""
        now = time.monotonic()
        looked, version = self._versions.get(generator, (-LOOK_AGAIN, None))
        if now - looked >= LOOK_AGAIN:
            try:
                version = self._segmenters.version(generator)
            except CoreError:
                version = None
            self._versions[generator] = now, version
        return version

    def _current(self, generator: str) -> Segmenter | None:
        try:
            return self._segmenters.current(generator)
        except CoreError as error:
            log.warning("Faces come without masks: %s", error)
            return None


def _shown_size(network: Generator, readouts: Readouts | None, size: int) -> int:
    """The largest size that is no larger than asked; the smallest where all are."""
    own = network.resolution
    whole_parts = [own // part for part in range(1, own + 1) if own % part == 0]
    offered = sorted(readouts.sizes) if readouts else whole_parts
    return max((px for px in offered if px <= size), default=min(offered))
