"""The segmenter in force, opened once: the promoted one where it fits, else the one that ships."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from core.errors import CoreError, InvalidRequestError
from core.files import sha256_of
from core.generators import Outputs, RenderPass, Runtime, open_runtime
from core.segmentation import Segmenter, load_segmenter
from core.segmentation.store import open_segmenter, segmenter_names, segmenter_of_size
from studio.model_cache import ModelCache
from studio.workflows.segmenter_choice import SegmenterChoice, promoted

log = logging.getLogger(__name__)


class Segmenters:
    """For each generator the segmenter in force and its passes. Safe to use from threads.

    Another promotion counts at the next request; passes of the one before are let go.
    """

    def __init__(self, models: ModelCache, workspace: Path) -> None:
        self._models = models
        self._workspace = workspace
        self._lock = threading.RLock()
        self._opened: dict[str, tuple[str, Segmenter]] = {}  # generator -> sha256 and segmenter
        self._runtimes: dict[tuple[str, Outputs], Runtime] = {}

    def current(self, generator: str) -> Segmenter | None:
        """Of that generator; None where there is none. Raises WeightsError for a damaged file."""
        with self._lock:
            choice, sha256 = self._promoted(generator), self.version(generator)
            if sha256 is None:
                return None
            known = self._opened.get(generator)
            if known is None or known[0] != sha256:
                self._opened[generator] = (sha256, self._open(generator, choice))
                for key in [key for key in self._runtimes if key[0] == generator]:
                    del self._runtimes[key]
            return self._opened[generator][1]

    def for_previews(self, generator: str, size: int) -> Segmenter | None:
        """The one whose masks come nearest to `size` px and that knows the classes in force.

        Raises WeightsError for a damaged file.
        """
        current = self.current(generator)
        name = segmenter_of_size(self._models.weights, generator, size)
        if current is None or name is None:
            return current
        small = open_segmenter(self._models.weights, generator, name)
        return small if small.classes == current.classes else current

    def version(self, generator: str) -> str | None:
        """Hex sha256 of its file; None where there is none."""
        choice = self._promoted(generator)
        return choice.sha256 if choice else self._shipped(generator)

    def runtime(self, generator: str, outputs: Outputs) -> Runtime:
        """A compiled pass with its labels. Raises InvalidRequestError where there is none."""
        with self._lock:
            segmenter = self.current(generator)
            if segmenter is None:
                raise InvalidRequestError(
                    f"There is no segmenter for generator '{generator}' yet. Train one in the "
                    "Train tab and choose 'Use as the segmenter'."
                )
            key = (generator, outputs)
            if key not in self._runtimes:
                network = self._models.generator(generator)
                made = RenderPass(network, outputs, labeller=segmenter.labeller())
                self._runtimes[key] = open_runtime(made, device=self._models.device)
            return self._runtimes[key]

    def _promoted(self, generator: str) -> SegmenterChoice | None:
        """The promoted one, if it reads this generator's features."""
        choice = promoted(self._workspace)
        known = self._models.weights.entry(generator)
        return choice if choice and choice.generator_sha256 == known.sha256 else None

    def _shipped(self, generator: str) -> str | None:
        names = segmenter_names(self._models.weights, generator)
        return self._models.weights.entry(names[0]).sha256 if names else None

    def _open(self, generator: str, choice: SegmenterChoice | None) -> Segmenter:
        if choice is None:
            return open_segmenter(self._models.weights, generator)
        path = self._workspace / choice.file
        try:
            if sha256_of(path) == choice.sha256:
                return load_segmenter(path, self._models.generator(generator).identity)
            log.warning("%s has changed since it was promoted.", path)
        except (CoreError, OSError) as error:
            log.warning("The promoted segmenter cannot be used: %s", error)
        if not segmenter_names(self._models.weights, generator):
            raise InvalidRequestError(
                f"The segmenter {choice.file} is damaged. Promote its run {choice.run} again."
            )
        return open_segmenter(self._models.weights, generator)
