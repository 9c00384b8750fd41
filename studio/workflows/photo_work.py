"""What is done to a photo in the background: ordered, seen, stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from annotations.records import Job, JobState
from core.errors import Cancelled, InvalidRequestError
from core.inversion.frame import Frame
from core.inversion.target import Target, framed_target
from studio.jobs import JobRunner
from studio.workflows.photo_folder import PhotoFolder
from studio.workflows.photos import Photos

SAVE = 1.0  # s between two states that are written, and seen
_ALIVE = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class PhotoWork:
    """The newest job on a photo. place: how many jobs are before it."""

    job: Job
    place: int = 0

    @property
    def is_alive(self) -> bool:
        return self.job.state in _ALIVE


def see_work(jobs: JobRunner, photo: str) -> PhotoWork | None:
    """None where there never was any."""
    newest, before = None, 0
    for job in jobs.list():
        if newest is None:
            newest = job if job.payload.get("photo") == photo else None
        elif job.state in _ALIVE:
            before += 1
    return PhotoWork(newest, before if newest.state == JobState.QUEUED else 0) if newest else None


def order(
    kind: str,
    photos: Photos,
    jobs: JobRunner,
    photo: str,
    generator: str,
    asked: Mapping[str, Any],
    person: str,
) -> Job:
    """Queue work on the latents that a photo has of a generator. asked: goes into the payload.

    Raises InvalidRequestError where it has none yet, or is being worked on.
    """
    view = photos.view(photo)
    if view.frame is None or generator not in view.latents:
        raise InvalidRequestError("Choose 'Use this face' first; then it can be worked on.")
    found = see_work(jobs, photo)
    if found and found.is_alive:
        raise InvalidRequestError("This photo is being worked on. Wait for it, or stop it.")
    payload = {"photo": photo, "generator": generator, "frame": asdict(view.frame), **asked}
    return jobs.submit(kind, payload, person)


def stop_work(jobs: JobRunner, photo: str) -> None:
    """What runs ends at its next step; the best that was found stays."""
    found = see_work(jobs, photo)
    if found and found.is_alive:
        jobs.cancel(found.job.id)


def target_of(folder: PhotoFolder, frame: Frame) -> Target:
    """The aligned photo, where its padding counts less. Raises NoPhotoError."""
    picture = folder.pixels(folder.aligned)
    width, height = folder.facts()["size"]
    return framed_target(picture, (height, width), frame)


def check_frame(folder: PhotoFolder, frame: Frame) -> None:
    """Raise Cancelled where another frame was chosen meanwhile, NoPhotoError where it is gone."""
    if folder.facts()["frame"] != asdict(frame):
        raise Cancelled("Another frame was chosen.")
