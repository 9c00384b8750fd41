"""Faces of a gallery into a project, where their masks are painted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from annotations import AnnotationStore, NewFace
from annotations.errors import NameTakenError, NotFoundError
from annotations.records import Project
from core.errors import InvalidRequestError
from core.progress import OnStep, Step, ignore
from studio.model_cache import ModelCache
from studio.workflows.full_size import FullFaces
from studio.workflows.gallery import GalleryRequest

OPENERS = 3  # threads: one face is rendered while others are compressed
WAITING = 6  # faces that may wait to be added, so that memory stays bounded


@dataclass(frozen=True)
class Kept:
    """The faces that are in the project by now, in order. num_new: those added just now."""

    project_id: int
    project_name: str
    face_ids: tuple[int, ...] = ()
    num_new: int = 0

    @property
    def num_known(self) -> int:
        return len(self.face_ids) - self.num_new


def keep_faces(
    request: GalleryRequest,
    seeds: Sequence[int],
    project: int | str,
    models: ModelCache,
    folder: Path,
    store: AnnotationStore,
    on_kept: Callable[[Kept], None] | None = None,
    on_step: OnStep = ignore,
) -> Kept:
    """Add these faces of a gallery, at full size, in the order of the seeds.

    project: its id, or a name; of that name one is made where there is none. folder: the
    cache. on_kept: gets all that is kept so far, whenever that grew; after a stop or an
    error these faces stay. Faces that are in the project already are not doubled, so that
    the same call goes on where an earlier one ended.

    Raises InvalidRequestError or AnnotationError before anything is added where the request
    cannot be; OutputError or DatabaseError where disk or database refuse meanwhile.
    """
    if not seeds:
        raise InvalidRequestError("There are no faces to add. Press Sample first.")
    faces = FullFaces(request, list(dict.fromkeys(seeds)), models, folder, on_step)
    target = _target(store, project)
    kept = Kept(target.id, target.name)
    on_step(Step(0, len(faces), "Adding faces", "faces"))
    with closing(_opened(faces)) as batches:
        for batch in batches:
            added = store.faces.add(target.id, batch)
            kept = replace(
                kept,
                face_ids=(*kept.face_ids, *added.face_ids),
                num_new=kept.num_new + added.num_new,
            )
            if on_kept is not None:
                on_kept(kept)
            on_step(Step(len(kept.face_ids), len(faces), "Adding faces", "faces"))
    return kept


def keep_face(face: NewFace, project: int | str, store: AnnotationStore) -> Kept:
    """Add one face that is made already; arguments and errors as for `keep_faces`."""
    target = _target(store, project)
    added = store.faces.add(target.id, [face])
    return Kept(target.id, target.name, tuple(added.face_ids), added.num_new)


def _target(store: AnnotationStore, project: int | str) -> Project:
    return store.projects.get(project) if isinstance(project, int) else _named(store, project)


def _named(store: AnnotationStore, name: str) -> Project:
    """The project of that name, made where there is none."""
    try:
        return store.projects.named(name.strip())
    except NotFoundError:
        try:
            return store.projects.create(name)
        except NameTakenError:  # somebody else made it at the same moment
            return store.projects.named(name.strip())


def _opened(faces: FullFaces) -> Generator[list[NewFace], None, None]:
    """The faces in order, in batches of whatever is ready: a slow network fills none up."""
    waiting: deque[Future[NewFace]] = deque()
    pool = ThreadPoolExecutor(OPENERS, thread_name_prefix="keep-faces")
    try:
        for place in range(len(faces)):
            waiting.append(pool.submit(_new_face, faces, place))
            if len(waiting) == WAITING:
                yield _ready(waiting)
        while waiting:
            yield _ready(waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _ready(waiting: deque[Future[NewFace]]) -> list[NewFace]:
    """The first face, for which it waits, and those after it that are ready by then."""
    ready = [waiting.popleft().result()]
    while waiting and waiting[0].done() and waiting[0].exception() is None:
        ready.append(waiting.popleft().result())
    return ready


def _new_face(faces: FullFaces, place: int) -> NewFace:
    face = faces.open(place)
    latents = face.latents
    return NewFace(
        face.path.read_bytes(),
        latents.ws[0],
        latents.generator,
        latents.generator_sha256,
        int(latents.seeds[0]),
        latents.psi,
        latents.noise,
    )
