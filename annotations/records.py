"""What the store hands out and takes: frozen values, never live rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.taxonomy import LabelScheme


class Status(StrEnum):
    """What a revision says of its mask. Accepted and rejected come from a review."""

    DRAFT = "draft"
    DONE = "done"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class FaceStatus(StrEnum):
    """What is to do on a face: todo without a mask, else the status of its current mask."""

    TODO = "todo"
    DRAFT = "draft"
    DONE = "done"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Source(StrEnum):
    """Where the pixels of a mask come from."""

    PAINTED = "painted"
    IMPORTED = "imported"
    PREDICTED = "predicted"


class JobState(StrEnum):
    """Queued and running jobs are alive, the others finished."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Project:
    """Faces that are labelled by one scheme. num_faces: by status, every status present."""

    id: int
    name: str
    scheme: LabelScheme
    created_at: datetime
    num_faces: Mapping[FaceStatus, int]


@dataclass(frozen=True)
class NewFace:
    """A face to keep.

    picture: PNG bytes of an RGB picture. ws: float32 [L, C], one w per generator layer.
    seed: None where there is none. The rest as the generator was asked.
    """

    picture: bytes
    ws: NDArray[np.float32]
    generator: str
    generator_sha256: str
    seed: int | None = None
    psi: float = 1.0
    noise: str = "off"


@dataclass(frozen=True)
class Revision:
    """One saved mask, which never changes.

    parent_id: the revision it was painted on, None for the first. was_stale: it was not
    painted on the mask in force at that moment, so it was kept beside it.
    pixel_counts: class id -> pixels, 255 included. seconds: time spent on it.
    num_bytes: of its PNG. sha256: hex, of its PNG.
    """

    id: int
    face_id: int
    parent_id: int | None
    author: str
    source: Source
    status: Status
    comment: str
    seconds: float
    created_at: datetime
    was_stale: bool
    sha256: str
    num_bytes: int
    pixel_counts: Mapping[int, int]


@dataclass(frozen=True)
class Face:
    """A face of a project with the summary of its mask in force.

    width, height: of the picture and its masks. identity_sha256: of picture, latent and
    provenance, the same in every database. current: None as long as nobody saved one.
    settled_id: the newest revision in force that is no draft, what an export takes.
    """

    id: int
    project_id: int
    seed: int | None
    psi: float
    noise: str
    generator: str
    generator_sha256: str
    width: int
    height: int
    identity_sha256: str
    created_at: datetime
    status: FaceStatus
    current: Revision | None
    settled_id: int | None


@dataclass(frozen=True)
class SaveResult:
    """What became of a save. Whatever it says, `revision` is on disk.

    is_current: it is the mask in force now. Otherwise somebody saved before it: `current`
    is theirs, and both are kept. is_repeat: this save had arrived before; nothing was added.
    """

    revision: Revision
    current: Revision
    is_repeat: bool

    @property
    def is_current(self) -> bool:
        return self.revision.id == self.current.id

    @property
    def is_stale(self) -> bool:
        return self.revision.was_stale


@dataclass(frozen=True)
class Lease:
    """Somebody who has a face open. session: one browser tab or program."""

    face_id: int
    person: str
    session: str
    since: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Presence:
    """Who has a face open now. holder: who came first; others: who came after, in order."""

    holder: Lease | None
    others: tuple[Lease, ...] = ()

    def is_held_by(self, session: str) -> bool:
        return self.holder is not None and self.holder.session == session


@dataclass(frozen=True)
class Job:
    """A snapshot of long work. progress: done of total units (total 0: unknown), doing what."""

    id: int
    kind: str
    state: JobState
    payload: Mapping[str, Any]
    result: Mapping[str, Any] | None
    person: str
    done: int
    total: int
    doing: str
    error: str
    traceback: str
    is_cancel_requested: bool
    host: str
    pid: int | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class ClassStatistics:
    """Of the masks in force: pixels of a class, and on how many faces it occurs."""

    class_id: int
    name: str
    num_pixels: int
    num_faces: int


@dataclass(frozen=True)
class PersonStatistics:
    """What a person did: saves by status, time, and the verdicts others gave on their masks."""

    person: str
    num_drafts: int = 0
    num_done: int = 0
    num_faces: int = 0
    num_accepted: int = 0
    num_rejected: int = 0
    num_reviews: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class ProjectStatistics:
    """classes: in the scheme's order, then 255 (not labelled). people: by name."""

    num_faces: Mapping[FaceStatus, int]
    classes: tuple[ClassStatistics, ...] = field(default=())
    people: tuple[PersonStatistics, ...] = field(default=())
