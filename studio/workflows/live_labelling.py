"""Live learning in the Annotate tab: strokes in, a whole face out, while somebody paints."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations import AnnotationStore
from annotations.records import Face
from core.errors import Cancelled, CoreError
from core.segmentation.classes import UNLABELLED
from core.segmentation.live import OWN_EXAMPLES, Base, learn_base, predict
from core.segmentation.live_classifier import Check
from core.segmentation.live_features import Examples, draw_examples
from core.segmentation.live_queue import rank_faces
from studio.model_cache import ModelCache
from studio.workflows.class_schemes import class_set
from studio.workflows.live_faces import Ground, LiveFaces
from studio.workflows.segmenters import Segmenters
from studio.workflows.training_data import FINISHED

log = logging.getLogger(__name__)

MOST_PAINTED = 60  # faces learned from: the newest ones
MOST_CANDIDATES = 40  # faces that are looked at for a suggestion
PATIENCE = 1.5  # s that one request spends on faces that were not looked at yet
SUGGESTED = 8
_BASES = 4  # projects
NEEDS_STROKES = "Paint two or more classes on this face, a stroke each, and the rest is predicted."


@dataclass(frozen=True, eq=False)
class Answer:
    """labels: class ids uint8 [H, W] of the whole face; None where `needs` says what is missing.

    uncertainty: uint8 [side, side], 0 to 255, of a coarser grid. num_painted: faces learned
    from, of num_finished that there are. is_segmenter_used: the segmenter in force is the start.
    is_off: it cannot be used on this face, `needs` says why.
    """

    labels: NDArray[np.uint8] | None
    uncertainty: NDArray[np.uint8] | None
    needs: str
    num_painted: int
    num_finished: int
    is_segmenter_used: bool
    milliseconds: float
    is_off: bool = False


@dataclass(frozen=True)
class NextFaces:
    """face_ids: best first. num_seen: candidates looked at, of num_open that there are."""

    face_ids: tuple[int, ...]
    num_seen: int
    num_open: int


@dataclass(frozen=True, eq=False)
class _Learned:
    key: tuple[object, ...]
    base: Base
    painted: tuple[Examples, ...]
    num_finished: int

    @property
    def is_complete(self) -> bool:
        return len(self.painted) == self.num_finished


class LiveLabelling:
    """One for the studio. Safe to use from threads; one request works at a time.

    A request whose check raises meanwhile ends at its next step, even while it waits.
    """

    def __init__(
        self, store: AnnotationStore, models: ModelCache, segmenters: Segmenters, cache: Path
    ) -> None:
        self._store = store
        self._faces = LiveFaces(store, models, segmenters, cache)
        self._turn = threading.Lock()
        self._learned: dict[int, _Learned] = {}  # by project, the latest last

    def predict(self, face_id: int, labels: NDArray[np.uint8] | None, check: Check) -> Answer:
        """labels: class ids uint8 [H, W] of the face as painted by now; None: nothing is.

        Raises OtherFaceError where live learning cannot be used on this face, NotFoundError,
        InvalidRequestError for a mask that is not the face's, Cancelled.
        """
        start = time.perf_counter()
        face = self._store.faces.get(face_id)
        classes = class_set(self._store.projects.get(face.project_id).scheme)
        if labels is None:
            labels = np.full((face.height, face.width), UNLABELLED, np.uint8)
        indices = classes.to_indices(labels)
        with _Turn(self._turn, check):
            ground = self._faces.ground(face, classes)
            described = self._faces.describe(face, ground)
            learned = self._learn(face, ground, check)
            own = draw_examples(described, indices, OWN_EXAMPLES)
            shape = (labels.shape[0], labels.shape[1])
            made = predict(learned.base, described, own, shape, check)
        return Answer(
            None if made is None else classes.to_ids(made.labels),
            None if made is None else made.uncertainty,
            NEEDS_STROKES if made is None else "",
            len(learned.painted),
            learned.num_finished,
            ground.prior is not None,
            1000.0 * (time.perf_counter() - start),
        )

    def prepare(self, face_id: int, check: Check) -> None:
        """Have a face looked at before it is opened. Raises as `predict`."""
        face = self._store.faces.get(face_id)
        classes = class_set(self._store.projects.get(face.project_id).scheme)
        with _Turn(self._turn, check):
            ground = self._faces.ground(face, classes)
            self._faces.describe(face, ground)
            check()
            self._learn(face, ground, check)

    def suggest(self, project_id: int, beside: int | None, check: Check) -> NextFaces:
        """Faces to paint next, among those without a finished mask that this generator made.

        beside: a face that is not proposed, and whose generator counts.
        """
        reference = None if beside is None else self._store.faces.get(beside, project_id)
        open_faces = self._open_faces(project_id, reference)
        if not open_faces:
            return NextFaces((), 0, 0)
        classes = class_set(self._store.projects.get(project_id).scheme)
        with _Turn(self._turn, check):
            ground = self._faces.ground(open_faces[0], classes)
            learned = self._learn(open_faces[0], ground, check)
            looked_at = self._looked_at(open_faces, ground, False, check)
        painted = list(learned.painted)
        ranked = rank_faces(learned.base, [each for _, each in looked_at], painted, SUGGESTED)
        ids = tuple(looked_at[each.place][0].id for each in ranked)
        return NextFaces(ids, len(looked_at), len(open_faces))

    def _open_faces(self, project_id: int, reference: Face | None) -> list[Face]:
        """Without a finished mask, of one generator; evenly chosen where there are many."""
        page = self._store.faces.page(project_id, limit=1000)
        found = [face for face in page.faces if face.status not in FINISHED]
        sign = reference or (found[0] if found else None)
        same = [
            face
            for face in found
            if sign is not None
            and face.generator_sha256 == sign.generator_sha256
            and (reference is None or face.id != reference.id)
        ]
        stride = max(1, -(-len(same) // MOST_CANDIDATES))
        return same[::stride]

    def _learn(self, face: Face, ground: Ground, check: Check) -> _Learned:
        """The base of a project, brought up to date with its finished faces."""
        finished = self._finished(face)
        before = self._learned.get(face.project_id)
        key = (ground.key, tuple(each.current.sha256 for each in finished if each.current))
        if before is not None and before.key == key and before.is_complete:
            return before
        looked_at = self._looked_at(finished, ground, True, check)
        painted = tuple(each for _, each in looked_at)
        if before is not None and before.key == key and len(painted) == len(before.painted):
            return before
        goes_on = before is not None and before.key[0] == ground.key
        base = learn_base(
            painted,
            ground.classes.num_classes,
            has_prior=ground.prior is not None,
            before=before.base if before is not None and goes_on else None,
            check=check,
        )
        learned = _Learned(key, base, painted, len(finished))
        self._learned.pop(face.project_id, None)
        self._learned[face.project_id] = learned
        while len(self._learned) > _BASES:
            self._learned.pop(next(iter(self._learned)))
        return learned

    def _finished(self, like: Face) -> list[Face]:
        """The newest finished faces of the same project and generator, but for this one."""
        page = self._store.faces.page(like.project_id, FINISHED, limit=1000)
        same = [
            face
            for face in page.faces
            if face.generator_sha256 == like.generator_sha256 and face.id != like.id
        ]
        newest = sorted(same, key=lambda face: face.current.id if face.current else 0)
        return newest[-MOST_PAINTED:]

    def _looked_at(
        self, faces: list[Face], ground: Ground, are_painted: bool, check: Check
    ) -> list[tuple[Face, Examples]]:
        """Examples of faces; at least one that is new, and more as long as patience lasts."""
        look = self._faces.painted if are_painted else self._faces.glimpse
        deadline = time.monotonic() + PATIENCE
        has_new = False
        found = []
        for face in faces:
            check()
            is_kept = self._faces.is_kept(face, ground, are_painted)
            if not is_kept and has_new and time.monotonic() > deadline:
                continue
            has_new = has_new or not is_kept
            try:
                found.append((face, look(face, ground)))
            except Cancelled:
                raise
            except CoreError as error:
                log.warning("Live learning leaves face %d out: %s", face.id, error)
        return found


class _Turn:
    """Waits for a lock, but not longer than the work is wanted."""

    def __init__(self, lock: threading.Lock, check: Check) -> None:
        self._lock, self._check = lock, check

    def __enter__(self) -> None:
        while not self._lock.acquire(timeout=0.02):
            self._check()
        try:
            self._check()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.release()
