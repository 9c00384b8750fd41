"""Many annotators at a real studio, which is killed in between: is anything lost?"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import make_url

from annotations import AnnotationStore, NewFace, encode_mask
from annotations.database import DATABASE_FILE
from core.errors import CoreError, InvalidRequestError
from core.progress import OnStep, Step, ignore
from studio.bench.annotators import Acknowledged, Annotator, Painted
from studio.bench.auditing import Audit, audit_project
from studio.bench.paintings import Painting
from studio.bench.studio_process import StudioProcess

_LOOK_EVERY = 0.02  # s
_FSYNCS = 30


@dataclass(frozen=True)
class StoreBench:
    """num_shared: annotators who share a face, two and two. pause: s between an annotator's
    saves, on average. size: pixels of a side. settle: s before the first save, in which the
    studio compiles its generator; after a kill there are none."""

    num_annotators: int = 50
    num_saves: int = 20
    num_shared: int = 10
    pause: float = 1.0
    size: int = 512
    settle: float = 10.0
    generator: str | None = None

    def check(self) -> None:
        """Raises InvalidRequestError."""
        if self.num_shared % 2 or self.num_shared > self.num_annotators:
            raise InvalidRequestError(
                f"{self.num_shared} annotators cannot share faces two and two. Give an even "
                f"number up to {self.num_annotators}."
            )

    @property
    def num_faces(self) -> int:
        return self.num_annotators - self.num_shared // 2

    def face_of(self, annotator: int) -> int:
        """The place of an annotator's face: the first ones share."""
        return annotator // 2 if annotator < self.num_shared else annotator - self.num_shared // 2


@dataclass(frozen=True)
class StoreFigures:
    """One scenario. Times of saves from the first try to the answer, in ms.

    repeats: tries beyond the first. recognised: saves whose first answer was lost, known as
    there already. down_s: from each kill until the studio answered again.
    """

    database: str
    kills: int
    size: int
    annotators: int
    pause_s: float
    saves: int
    lost: int
    corrupt: int
    doubled: int
    extra: int
    stale: int
    repeats: int
    recognised: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    saves_per_second: float
    start_s: float
    down_s: list[float]
    mask_bytes: int
    integrity: str
    fsync_ms: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def bench_store(
    config: StoreBench, url: str | None, num_kills: int, on_step: OnStep = ignore
) -> StoreFigures:
    """Run one scenario and look whether all of it is there.

    url: of a database; None for an SQLite file of its own. The project that is made in it is
    removed. Raises CoreError if anything was lost, is wrong, or a save was refused.
    """
    config.check()
    with tempfile.TemporaryDirectory(prefix="faceloom-bench-") as folder:
        workspace = Path(folder)
        where = url or f"sqlite:///{workspace / DATABASE_FILE}"
        on_step(Step(0, config.num_annotators, "Painting masks", "annotators"))
        with AnnotationStore.open_url(where) as store:
            project_id, face_ids = _add_faces(store, config)
            paintings = _paintings(store, project_id, config, on_step)
        try:
            run = _Run(config, num_kills, paintings, face_ids, on_step)
            with StudioProcess(workspace, where, config.generator) as studio:
                run.go(studio)
            audit = audit_project(where, project_id, run.saves)
        finally:
            if url is not None:
                with AnnotationStore.open_url(url) as store:
                    store.projects.remove(project_id, with_masks=True)
        figures = _figures(run, audit, make_url(where).get_backend_name(), _fsync_ms(workspace))
    if not audit.is_sound:
        raise CoreError(f"The store is not sound: {asdict(audit)}. Run: {figures.as_json()}")
    return figures


class _Run:
    """Annotators at work, and a studio that is killed once they have saved enough."""

    def __init__(
        self,
        config: StoreBench,
        num_kills: int,
        paintings: Sequence[Sequence[Painted]],
        face_ids: Sequence[int],
        on_step: OnStep,
    ) -> None:
        self.config = config
        self.saves: list[Acknowledged] = []
        self.start_s = 0.0
        self.down_s: list[float] = []
        self.wall_s = 0.0
        self.mask_bytes = round(statistics.fmean(len(p.png) for own in paintings for p in own))
        self._paintings = paintings
        self._face_ids = face_ids
        self._on_step = on_step
        self._lock = threading.Lock()
        self._told = -1
        total = config.num_annotators * config.num_saves
        self._total = total
        self._kill_at = [total * (kill + 1) // (num_kills + 1) for kill in range(num_kills)]

    def go(self, studio: StudioProcess) -> None:
        """Raises CoreError where an annotator failed."""
        self._on_step(Step(0, self._total, "Starting the studio", "saves"))
        self.start_s = studio.start()
        time.sleep(self.config.settle)
        annotators = [
            Annotator(
                f"annotator {number}",
                studio.address,
                self._face_ids[self.config.face_of(number)],
                own,
                self.config.pause,
                self._keep,
            )
            for number, own in enumerate(self._paintings)
        ]
        begin = time.perf_counter()
        for annotator in annotators:
            annotator.start()
        try:
            while any(annotator.is_alive() for annotator in annotators):
                self._look_after(studio)
                if any(annotator.failure for annotator in annotators):
                    break
                time.sleep(_LOOK_EVERY)
        finally:
            for annotator in annotators:
                annotator.stop()
        self.wall_s = time.perf_counter() - begin
        studio.kill()  # what was acknowledged must be there without any tidying
        for annotator in annotators:
            if annotator.failure:
                raise CoreError(f"{annotator.name} failed: {annotator.failure}")

    def _look_after(self, studio: StudioProcess) -> None:
        """Report, and kill the studio where it is time to."""
        done = len(self.saves)
        if done != self._told:  # not more often: the studio shares the processor
            self._on_step(Step(done, self._total, "Saving", "saves"))
            self._told = done
        if self._kill_at and done >= self._kill_at[0]:
            self._kill_at.pop(0)
            begin = time.perf_counter()
            studio.kill()
            self._on_step(Step(done, self._total, "Killed; starting again", "saves"))
            studio.start()
            self.down_s.append(time.perf_counter() - begin)

    def _keep(self, save: Acknowledged) -> None:
        with self._lock:
            self.saves.append(save)


def _add_faces(store: AnnotationStore, config: StoreBench) -> tuple[int, Sequence[int]]:
    """A project of its own, with faces that have a picture of the wanted size."""
    project = store.projects.create(f"bench {secrets.token_hex(6)}")
    ramp = np.linspace(0, 255, config.size, dtype=np.uint8)
    pixels = np.repeat(np.add.outer(ramp // 2, ramp // 2)[..., None], 3, axis=2)  # [H, W, 3]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    ws = np.zeros((16, 512), np.float32)
    faces = [
        NewFace(file.getvalue(), ws, "bench", "0" * 64, seed=seed)
        for seed in range(config.num_faces)
    ]
    return project.id, store.faces.add(project.id, faces).face_ids


def _paintings(
    store: AnnotationStore, project_id: int, config: StoreBench, on_step: OnStep
) -> list[list[Painted]]:
    """What each annotator will save, ready to send: painting is not what is measured."""
    scheme = store.projects.get(project_id).scheme
    everybodys = []
    for annotator in range(config.num_annotators):
        painting = Painting(annotator, config.size, scheme)
        maps = [painting.stroke() for _ in range(config.num_saves)]
        everybodys.append(
            [Painted(encode_mask(one), hashlib.sha256(one.tobytes()).hexdigest()) for one in maps]
        )
        on_step(Step(annotator + 1, config.num_annotators, "Painting masks", "annotators"))
    return everybodys


def _figures(run: _Run, audit: Audit, database: str, fsync_ms: float) -> StoreFigures:
    times = np.array([save.milliseconds for save in run.saves])
    p50, p95, longest = np.percentile(times, [50, 95, 100]).round(1).tolist()
    return StoreFigures(
        database=database,
        kills=len(run.down_s),
        size=run.config.size,
        annotators=run.config.num_annotators,
        pause_s=run.config.pause,
        saves=len(run.saves),
        lost=audit.lost,
        corrupt=audit.corrupt,
        doubled=audit.doubled,
        extra=audit.extra,
        stale=audit.num_stale,
        repeats=sum(save.num_tries - 1 for save in run.saves),
        recognised=sum(save.is_repeat for save in run.saves),
        p50_ms=p50,
        p95_ms=p95,
        max_ms=longest,
        saves_per_second=round(len(run.saves) / run.wall_s, 1),
        start_s=round(run.start_s, 1),
        down_s=[round(seconds, 1) for seconds in run.down_s],
        mask_bytes=run.mask_bytes,
        integrity=audit.integrity,
        fsync_ms=fsync_ms,
    )


def _fsync_ms(folder: Path) -> float:
    """What the disk needs for the least that a commit must wait for; the median."""
    times = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(_FSYNCS):
            file.write(bytes(4096))
            file.flush()
            begin = time.perf_counter()
            os.fsync(file.fileno())
            times.append(1000 * (time.perf_counter() - begin))
    return round(statistics.median(times), 2)
