"""Painted faces of a project for an export: which, whose, and how they are fetched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import AnnotationStore, LabelScheme, Status
from annotations.errors import NotFoundError
from annotations.interchange import chosen_masks
from annotations.records import Face, Project, Revision
from core.errors import InvalidRequestError
from core.export.engines import MadeChunk, OnFaces
from core.export.formats.reading import image_pixels
from core.export.recipe import ProjectMasks, Recipe
from core.export.sample import PAINTED, Chunk, Order, PaintedFace, Sample, pixel_facts
from core.export.written import read_written
from core.generators import Identity
from core.quality import QualityScale
from core.segmentation import ClassSet
from studio.workflows.class_schemes import class_set
from studio.workflows.export_looks import Looks, reduced, told_values
from studio.workflows.segmenting import resized_labels

STATUSES = {"done": (Status.DONE, Status.ACCEPTED), "reviewed": (Status.ACCEPTED,)}
REVIEWS = (Status.ACCEPTED, Status.REJECTED)


@dataclass(frozen=True)
class PaintedProject:
    """faces: at least one. generator: what made all of them; its name, sha256."""

    store: AnnotationStore
    project: Project
    faces: tuple[PaintedFace, ...]
    generator: Identity

    @property
    def scheme(self) -> LabelScheme:
        return self.project.scheme

    def check_with(self, generator: Identity, classes: ClassSet) -> None:
        """Whether they go together with faces of this generator, masked with these classes.

        Raises InvalidRequestError.
        """
        self.check_generator(generator)
        own = class_set(self.scheme)
        if (own.ids, own.names) != (classes.ids, classes.names):
            raise InvalidRequestError(
                f"project: the label scheme '{self.scheme.name}' of '{self.project.name}' has "
                f"other classes than the segmenter ({_told_classes(own, classes)}), so that their "
                "masks do not go together. Choose a segmenter that was trained on this project, "
                "or export the painted faces alone, with count 0."
            )

    def check_generator(self, generator: Identity) -> None:
        """Raises InvalidRequestError for another one than made the faces."""
        if self.generator.sha256 != generator.sha256:
            raise InvalidRequestError(
                f"project: the faces of '{self.project.name}' are of generator "
                f"'{self.generator.name}' ({self.generator.sha256[:8]}), the recipe is for "
                f"'{generator.name}' ({generator.sha256[:8]}). Name their generator, or export "
                "the painted faces alone, with count 0."
            )


@contextmanager
def open_painted(recipe: Recipe, folder: Path, workspace: Path) -> Iterator[PaintedProject | None]:
    """The faces that the recipe's project has now, or had when the export in `folder` began.

    None where the recipe names no project. Raises InvalidRequestError where there is no such
    project, no face in it that is meant, or one that cannot have the recipe's size;
    AnnotationError.
    """
    if recipe.project is None:
        yield None
        return
    with AnnotationStore.open(workspace) as store:
        project = _found(store, recipe.project)
        faces = _begun_with(recipe, folder) or _chosen(store, project, recipe.project)
        yield PaintedProject(store, project, faces, _made_by(store, project, faces, recipe.size))


class PaintedMaker:
    """A `core.export.engines.Maker` of painted faces. scale: where their generator is here."""

    def __init__(self, painted: PaintedProject, recipe: Recipe, scale: QualityScale | None) -> None:
        self._store, self._recipe, self._scale = painted.store, recipe, scale
        self._looks = Looks(class_set(painted.scheme), counts=False, measures=recipe.measure)

    def make(self, chunk: Chunk, on_faces: OnFaces) -> MadeChunk:
        """Raises AnnotationError where a face was deleted meanwhile, and what on_faces raises."""
        began, samples = time.monotonic(), []
        for order in chunk.orders:
            assert order.painted is not None
            samples.append(self._sample(order, order.painted))
            on_faces(1)
        seconds = {"fetching painted faces": time.monotonic() - began}
        return MadeChunk(chunk, tuple(samples), seconds=seconds)

    def _sample(self, order: Order, painted: PaintedFace) -> Sample:
        size, face = self._recipe.size, self._store.faces.get(painted.face)
        image = reduced(image_pixels(self._store.faces.picture(face.id)), size)
        mask = resized_labels(self._store.masks.labels(painted.revision), size)
        ws = self._store.faces.latent(face.id)
        _, values = self._looks.at(image, mask)
        record: dict[str, Any] = {
            "source": PAINTED,
            "painted_by": painted.painter,
            "painted": {
                "project": painted.project,
                "face": face.id,
                "revision": painted.revision,
                "reviewed_by": painted.reviewer or None,
                "stored_px": face.width,
                "stored_sha256": painted.mask_sha256,
                "noise": face.noise,
            },
            "identity": order.identity,
            "variant": order.variant,
            **({} if face.seed is None else {"seed": face.seed}),
            "psi": face.psi,
            "asked": {},
            "measured": told_values(values),
            "quality": {"artifact": self._artifact(ws), "uncertainty": None},
            **pixel_facts(image, mask),
        }
        return Sample(order, image, mask, ws, record)

    def _artifact(self, ws: NDArray[np.float32]) -> float | None:
        return None if self._scale is None else round(float(self._scale.score(ws[None])[0]), 3)


def _found(store: AnnotationStore, asked: ProjectMasks) -> Project:
    """By its name, else by its id."""
    try:
        return store.projects.named(asked.name)
    except NotFoundError:
        known = {str(project.id): project for project in store.projects.list()}
        if asked.name in known:
            return known[asked.name]
        names = ", ".join(project.name for project in known.values())
        raise InvalidRequestError(
            f"project: there is no project '{asked.name}' in this workspace. There are: "
            f"{names or 'none yet'}."
        ) from None


def _begun_with(recipe: Recipe, folder: Path) -> tuple[PaintedFace, ...]:
    """Of an export of the same recipe that goes on; what was painted since is not for it."""
    try:
        facts = read_written(folder).facts
    except InvalidRequestError:  # it is a new one
        return ()
    return facts.painted if facts.recipe == json.loads(json.dumps(recipe.plain())) else ()


def _chosen(
    store: AnnotationStore, project: Project, asked: ProjectMasks
) -> tuple[PaintedFace, ...]:
    found = tuple(
        _painted(store, project, face, revision)
        for _, face, revision in chosen_masks(store, project.id, STATUSES[asked.masks])
    )
    if not found:
        what = "that a review accepted" if asked.masks == "reviewed" else "that is done"
        raise InvalidRequestError(
            f"project: none of the {sum(project.num_faces.values())} faces of '{project.name}' "
            f"has a mask {what}. Finish some in the Annotate tab, or leave the project out."
        )
    return found


def _painted(
    store: AnnotationStore, project: Project, face: Face, revision: Revision
) -> PaintedFace:
    source, reviewer = revision, ""
    while source.status in REVIEWS and source.parent_id is not None:
        reviewer = reviewer or source.author
        source = store.masks.revision(source.parent_id)
    person = f"face {face.id}" if face.seed is None else f"seed {face.seed}"
    return PaintedFace(
        project.name, face.id, revision.id, person, source.author, reviewer, revision.sha256
    )


def _made_by(
    store: AnnotationStore, project: Project, painted: tuple[PaintedFace, ...], size: int
) -> Identity:
    """The one generator of the faces, all of which can have `size` px."""
    makers: dict[str, str] = {}
    for each in painted:
        face = store.faces.get(each.face, project.id)
        makers[face.generator_sha256] = face.generator
        if face.width != face.height or face.width % size:
            raise InvalidRequestError(
                f"size: face {face.id} of project '{project.name}' has {face.width} x "
                f"{face.height} px, of which {size} px cannot be made without blending masks. "
                "Choose a size that its side is a multiple of."
            )
    if len(makers) > 1:
        told = ", ".join(f"'{name}' ({sha256[:8]})" for sha256, name in makers.items())
        raise InvalidRequestError(
            f"project: the painted faces of '{project.name}' are of several generators: {told}. "
            "Move those of one of them to a project of their own."
        )
    ((sha256, name),) = makers.items()
    return Identity(name, sha256)


def _told_classes(own: ClassSet, others: ClassSet) -> str:
    """In which classes two sets differ."""
    mine, theirs = (set(zip(c.ids, c.names, strict=True)) for c in (own, others))
    told = [
        f"only in the {where}: {', '.join(f'{name} ({id_})' for id_, name in sorted(names)[:4])}"
        for where, names in (("project", mine - theirs), ("segmenter", theirs - mine))
        if names
    ]
    return "; ".join(told) or "the same ones in another order"
