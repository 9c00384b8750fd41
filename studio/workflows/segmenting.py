"""Masks for faces of a latents file, and how well a segmenter does on painted faces."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import AnnotationStore, encode_mask
from core.errors import InvalidRequestError
from core.files import write_whole
from core.generators import Generator, Noise, Outputs, RenderPass, open_runtime
from core.images import write_png
from core.latents import LatentSpace, read_latents
from core.progress import OnStep, Step, ignore
from core.segmentation import ClassSet, FeatureCache, LabelledFaces, Scores, Segmenter, score
from core.segmentation.cleaning import Cleaning, clean
from core.segmentation.features import batched
from core.segmentation.labelled import reduce_labels
from core.segmentation.report import write_report
from core.segmentation.store import open_segmenter
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.class_schemes import scheme_of
from studio.workflows.segmenters import Segmenters
from studio.workflows.training_data import TrainingData, choose_data
from studio.workflows.training_faces import labelled_faces

STARTER = "starter"
CLEANINGS = {
    "none": Cleaning(),
    "specks": Cleaning(specks=16),
    "holes": Cleaning(holes=64),
    "sides": Cleaning(sides=True),
    "all": Cleaning(specks=16, holes=64, sides=True),
}


@dataclass(frozen=True)
class SegmentRequest:
    """latents: a file. segmenter: a name, a path, or None for the one in force. size: px."""

    latents: Path
    segmenter: str | None = None
    size: int | None = None
    generator: str | None = None
    force: bool = False


def segment_to_folder(
    request: SegmentRequest,
    folder: Path,
    models: ModelCache,
    workspace: Path,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Write masks/0000.png (class ids, mode P) and images/0000.png in the order of the file.

    Every file is whole or absent at any moment. Returns the figures. Raises CoreError.
    """
    generator = models.generator(models.name(request.generator), on_step)
    segmenter = chosen_segmenter(models, workspace, generator.identity.name, request.segmenter)
    segmenter.check_generator(generator)
    latents = read_latents(request.latents, LatentSpace.of(generator), force=request.force)
    noise = Noise.parse(latents.noise)
    noise.check(generator.synthesis)
    size = request.size or segmenter.size
    _check_size(size, segmenter.size)
    outputs = Outputs(image_size=size, labels=True)
    render_pass = RenderPass(generator, outputs, labeller=segmenter.labeller())
    runtime = open_runtime(render_pass, device=models.device)
    scheme, began = scheme_of(segmenter.classes), time.monotonic()
    counts = np.zeros(256, np.int64)
    for place, made in enumerate(runtime.stream(latents.ws, noise)):
        labels = resized_labels(made["labels"], size)
        counts += np.bincount(labels.ravel(), minlength=256)
        facts = {"generator": latents.generator, "seed": str(int(latents.seeds[place]))}
        write_png(folder / "images" / f"{place:04d}.png", made["image"], facts)
        write_whole(folder / "masks" / f"{place:04d}.png", encode_mask(labels, scheme))
        on_step(Step(place + 1, len(latents), "segmenting", "faces"))
    seconds = time.monotonic() - began
    return {
        "count": len(latents),
        "size": size,
        "seconds": round(seconds, 3),
        "faces_per_second": round(len(latents) / seconds, 3),
        "runtime": str(runtime.facts),
        "generator": generator.identity.name,
        "model": segmenter.model,
        "pixels": {
            name: int(counts[id_])
            for id_, name in zip(segmenter.classes.ids, segmenter.classes.names, strict=True)
        },
        "out": str(folder),
    }


def chosen_segmenter(
    models: ModelCache, workspace: Path, generator: str, asked: str | None
) -> Segmenter:
    """By name or path; None: the one promoted in the workspace, else the one that ships."""
    if asked is None and (current := Segmenters(models, workspace).current(generator)):
        return current
    return open_segmenter(models.weights, generator, asked)


def evaluate_segmenter(
    models: ModelCache,
    workspace: Path,
    segmenter_name: str | None,
    dataset: str = STARTER,
    split: str = "test",
    report: Path | None = None,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Scores on the painted faces of one split, and what cleaning would change.

    report: a folder for a page with pictures. Raises CoreError or AnnotationError.
    """
    with open_data(dataset, workspace, models.weights) as (store, data):
        generator = models.generator(data.generator, on_step)
        segmenter = chosen_segmenter(models, workspace, data.generator, segmenter_name)
        segmenter.check_generator(generator)
        if dataset != STARTER:  # a project's faces have no split of their own: all of them judge
            data = replace(data, faces=tuple(replace(f, split=split) for f in data.faces))
        faces = labelled_faces(store, data, generator, segmenter.size)[split]
    if not len(faces):
        raise InvalidRequestError(f"'{dataset}' has no faces for {split}.")
    truth = faces.only(segmenter.classes).indices(segmenter.classes)
    cache = FeatureCache(generator, segmenter.resolutions, device=models.device)
    predicted = np.empty_like(truth)
    for place in range(len(faces)):
        maps = cache.get(faces.ws[place], faces.noises[place])
        ids = segmenter.predict(batched(maps, segmenter.resolutions))[0]
        predicted[place] = segmenter.classes.to_indices(ids)
        on_step(Step(place + 1, len(faces), "judging", "faces"))
    scores = score(truth, predicted, segmenter.classes)
    if report is not None:
        images = _pictures(generator, faces, segmenter.size, models)
        write_report(
            report, faces.names, images, truth, predicted, segmenter.classes, segmenter.facts
        )
    return {
        "segmenter": segmenter_name or "in force",
        "model": segmenter.model,
        "generator": data.generator,
        "dataset": dataset,
        "split": split if dataset == STARTER else "all",
        "faces": len(faces),
        **scores.as_json(),
        "cleaning": _cleaned(truth, predicted, segmenter.classes),
    }


@contextmanager
def open_data(
    dataset: str, workspace: Path, weights: WeightStore
) -> Iterator[tuple[AnnotationStore, TrainingData]]:
    """The store and the faces of 'starter' or of a project of the workspace.

    The starter pack needs no workspace, and none is made for it.
    """
    with tempfile.TemporaryDirectory() as empty:
        place = Path(empty) if dataset == STARTER else workspace
        with AnnotationStore.open(place) as store:
            yield store, find_data(store, dataset, weights)


def find_data(store: AnnotationStore, dataset: str, weights: WeightStore) -> TrainingData:
    """'starter' or the name of a project. Raises InvalidRequestError that names what there is."""
    if dataset == STARTER:
        return choose_data(store, has_starter=True, project=None, weights=weights)
    projects = {project.name: project.id for project in store.projects.list()}
    if dataset not in projects:
        raise InvalidRequestError(
            f"There is no data set '{dataset}'. Choose {STARTER}, or a project of the workspace: "
            f"{', '.join(projects) or 'none yet'}. Masks in a folder become one with: "
            "python launch.py masks import"
        )
    return choose_data(store, has_starter=False, project=projects[dataset], weights=weights)


def _check_size(size: int, own: int) -> None:
    if size < 1 or max(size, own) % min(size, own):
        raise InvalidRequestError(
            f"Masks of {size} px cannot be made of {own} px. Choose {own}, a whole part of it "
            f"such as {own // 2}, or a multiple."
        )


def resized_labels(labels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Labels [S, S] -> [size, size]: by majority, or repeated."""
    if size <= len(labels):
        reduced: NDArray[np.uint8] = reduce_labels(labels[None], size)[0]
        return reduced if size < len(labels) else labels
    factor = size // len(labels)
    return labels.repeat(factor, 0).repeat(factor, 1)


def _pictures(
    generator: Generator, faces: LabelledFaces, size: int, models: ModelCache
) -> NDArray[np.uint8]:
    runtime = open_runtime(
        RenderPass(generator, Outputs(image_size=min(size, generator.resolution))),
        device=models.device,
    )
    return np.stack(
        [
            runtime.render(ws, Noise.parse(noise))["image"]
            for ws, noise in zip(faces.ws, faces.noises, strict=True)
        ]
    )


def _cleaned(
    truth: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: ClassSet
) -> dict[str, float]:
    """Mean F1 in percent with each way of cleaning."""
    found: dict[str, float] = {}
    for name, cleaning in CLEANINGS.items():
        masks = np.stack([clean(mask, classes, cleaning) for mask in predicted])
        scores: Scores = score(truth, masks, classes)
        found[name] = round(100 * scores.mean_f1(), 2)
    return found
