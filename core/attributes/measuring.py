"""From w to measured attributes: a cheap picture and its mask, then the formulas."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.attributes.estimators import AgeGenderEstimator
from core.attributes.faces import FoundFace
from core.attributes.measures import NAMES, measured
from core.attributes.sight import Sight
from core.generators import Device, Generator, Noise, Outputs, Readouts, RenderPass, open_runtime
from core.segmentation import Segmenter

Measure = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # ws [N, L, D] -> values [N, K]
SIZE = 256  # px of the picture that is measured


class MeasuredFace(NamedTuple):
    """values: float32 [K] in the order of NAMES. picture: uint8 [S, S, 3]. labels: uint8 [S, S].
    face: in px of the picture; None where none was found."""

    values: NDArray[np.float32]
    picture: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    face: FoundFace | None = None


class FaceMeasurer:
    """Measures the faces of one generator on pictures of 256 px.

    They come from the generator's preview readouts where it has them, else from its reduced
    image. segmenter: of any size; one of 256 px is the quickest.
    """

    def __init__(
        self,
        generator: Generator,
        segmenter: Segmenter,
        readouts: Readouts | None = None,
        estimator: AgeGenderEstimator | None = None,
        device: Device = "auto",
    ) -> None:
        segmenter.check_generator(generator)
        has_preview = readouts is not None and SIZE in readouts.sizes
        outputs = (
            Outputs(image=False, previews=(SIZE,), labels=True)
            if has_preview
            else Outputs(image_size=min(SIZE, generator.resolution), labels=True)
        )
        self._picture = f"preview_{SIZE}" if has_preview else "image"
        render_pass = RenderPass(generator, outputs, readouts, segmenter.labeller())
        self._runtime = open_runtime(render_pass, device=device)
        self._classes = segmenter.classes
        self.segmenter_sha256 = _digest(segmenter)
        self._estimator = estimator or AgeGenderEstimator()

    def stream(self, ws: NDArray[np.float32]) -> Iterator[MeasuredFace]:
        """Faces ws [N, L, D] in order; one is measured while the next is rendered."""
        with ThreadPoolExecutor(1) as pool:
            waiting = None
            for made in self._runtime.stream(ws, Noise()):
                begun = pool.submit(self._measured, made[self._picture], made["labels"])
                if waiting is not None:
                    yield waiting.result()
                waiting = begun
            if waiting is not None:
                yield waiting.result()

    def measure(self, ws: NDArray[np.float32]) -> NDArray[np.float32]:
        """Faces ws [N, L, D] -> values [N, K], NaN where something cannot be measured."""
        if not len(ws):
            return np.empty((0, len(NAMES)), np.float32)
        return np.stack([face.values for face in self.stream(ws)])

    def _measured(self, picture: NDArray[np.uint8], labels: NDArray[np.uint8]) -> MeasuredFace:
        labels = fitted(labels, len(picture))
        estimate = self._estimator.estimate([picture])[0]
        sight = Sight(picture, labels, self._classes, estimate)
        return MeasuredFace(measured(sight), picture, labels, estimate.face)


def _digest(segmenter: Segmenter) -> str:
    """Of the weights of its head, hex."""
    digest = hashlib.sha256()
    for name, tensor in sorted(segmenter.head.state_dict().items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def fitted(labels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Labels [S, S] -> [size, size], the nearest of each."""
    if len(labels) == size:
        return labels
    places = (np.arange(size) * 2 + 1) * len(labels) // (2 * size)
    return labels[places[:, None], places]
