"""Photos sharpened in the background: closer step by step, stopped, gone on with, deleted."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from annotations.records import Job, JobState
from core.errors import Cancelled, InvalidRequestError
from core.generators import Noise, Outputs
from core.images import write_png
from core.inversion.frame import Frame
from core.latents import Latents
from core.progress import Step
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.jobs import Site
from studio.services import Services
from studio.workflows.photo_folder import NoPhotoError, PhotoFolder
from studio.workflows.photo_jobs import delete_photo, sharpen, sharpen_job, use_photo
from studio.workflows.photo_work import see_work, stop_work
from tests.unit.routed import services
from tests.unit.small_models import small_store

__all__ = ["services", "small_store"]  # fixtures

FRAME = Frame(128, 128, 256, 0)
STEPS = 12


@pytest.fixture(autouse=True)
def weights_folder(small_store: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the studio tells its workers."""
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))


@pytest.fixture
def photo(services: Services) -> PhotoFolder:
    """A face of 'small' at 256 px as the aligned photo, and the mean face as first latents."""
    generator = services.models.generator("small")
    ws = latents_from_seeds(generator, [4], psi=0.8, noise=Noise()).ws[0]
    picture = services.models.runtime("small", Outputs()).render(ws)["image"]
    folder = services.photos.folders.new()
    folder.write_facts(
        {
            "created_at": "2026",
            "size": [256, 256],
            "notes": [],
            "faces": [],
            "frame": asdict(FRAME),
        }
    )
    write_png(folder.aligned, picture.repeat(8, 0).repeat(8, 1), {})
    folder.save_latents(first(services), {"by": "mean"})
    return folder


def first(services: Services) -> Latents:
    generator = services.models.generator("small")
    ws = generator.mean_w.numpy()[None].repeat(generator.num_ws, 0)[None]
    identity = generator.identity
    return Latents(ws, np.array([-1]), 1.0, "off", identity.name, identity.sha256)


def away(services: Services, photo: PhotoFolder) -> float:
    """Mean difference of the face from the photo, grey levels."""
    generator = services.models.generator("small")
    ws = services.photos.folders.ws(photo.base, generator)
    picture = services.models.runtime("small", Outputs()).render(ws)["image"]
    wanted = photo.pixels(photo.aligned)[::8, ::8].astype(float)
    return float(np.abs(picture - wanted).mean())


def ordered(services: Services, photo: PhotoFolder, steps: int | None = STEPS) -> Job:
    return sharpen(services.photos, services.jobs, photo.id, "small", steps, "Ann")


def carried_out(services: Services, job: Job, stop_at: int = 10**9) -> list[int]:
    """As a worker does it, in this process; the steps that it reported."""
    seen: list[int] = []

    def on_step(step: Step) -> None:
        if step.unit != "steps":
            return
        seen.append(step.done)
        if step.done == stop_at:
            raise Cancelled("Stopped.")

    sharpen_job(Site(services.workspace, services.store, "cpu"), job, on_step)
    return seen


def test_a_sharpened_photo_is_closer_to_its_face(services: Services, photo: PhotoFolder) -> None:
    before = away(services, photo)
    seen = carried_out(services, ordered(services, photo, 40))
    assert seen == list(range(1, 41))
    assert away(services, photo) < 0.7 * before
    how = photo.how("small")
    assert (how["by"], how["step"], how["total"]) == ("optimisation", 40, 40)


def test_a_stop_keeps_the_best_that_was_found(services: Services, photo: PhotoFolder) -> None:
    before = away(services, photo)
    with pytest.raises(Cancelled, match="Stopped"):
        carried_out(services, ordered(services, photo, 40), stop_at=25)
    assert away(services, photo) < before and photo.how("small")["step"] == 25


def test_work_that_was_cut_off_goes_on_where_it_was(services: Services, photo: PhotoFolder) -> None:
    job = ordered(services, photo)
    with pytest.raises(Cancelled, match="Stopped"):
        carried_out(services, job, stop_at=8)
    reached = away(services, photo)
    assert carried_out(services, job) == [9, 10, 11, 12]
    assert away(services, photo) <= reached * 1.05
    assert carried_out(services, job) == []  # it is done


def test_what_is_worked_on_is_not_worked_on_twice(services: Services, photo: PhotoFolder) -> None:
    job = ordered(services, photo)
    with pytest.raises(InvalidRequestError, match="being worked on"):
        ordered(services, photo)
    stop_work(services.jobs, photo.id)
    found = see_work(services.jobs, photo.id)
    assert found is not None and found.job.id == job.id
    assert found.job.state == JobState.CANCELLED and not found.is_alive
    ordered(services, photo)


def test_a_photo_in_the_queue_says_how_many_are_before_it(
    services: Services, photo: PhotoFolder
) -> None:
    services.jobs.submit("train segmenter", {})
    ordered(services, photo)
    found = see_work(services.jobs, photo.id)
    assert found is not None and found.place == 1


@pytest.mark.parametrize("steps", [0, -3, 10**6])
def test_steps_that_cannot_be_are_refused(
    services: Services, photo: PhotoFolder, steps: int
) -> None:
    with pytest.raises(InvalidRequestError, match=r"steps must be in 1\.\.100000"):
        ordered(services, photo, steps)
    assert see_work(services.jobs, photo.id) is None


def test_a_photo_without_a_face_in_use_is_not_sharpened(
    services: Services, photo: PhotoFolder
) -> None:
    photo.forget_latents()
    with pytest.raises(InvalidRequestError, match="Choose 'Use this face' first"):
        ordered(services, photo)


def test_work_on_another_frame_ends_and_keeps_nothing(
    services: Services, photo: PhotoFolder
) -> None:
    job = ordered(services, photo)
    write_png(photo.path / "photo.png", photo.pixels(photo.aligned), {})
    (photo.path / "photo.png").rename(photo.photo)  # whatever its name, it is read
    other = replace(FRAME, side=200.0)
    use_photo(services.photos, services.jobs, photo.id, other, "small")
    found = see_work(services.jobs, photo.id)
    assert found is not None and found.job.state == JobState.CANCELLED
    with pytest.raises(Cancelled, match="Another frame"):
        carried_out(services, job)
    assert photo.how("small") == {"by": "mean"}


def test_a_deleted_photo_ends_its_work_and_takes_its_logs_along(
    services: Services, photo: PhotoFolder
) -> None:
    job = ordered(services, photo)
    log = services.workspace / "runs" / f"job-{job.id}.log"
    log.write_text("of this photo")
    delete_photo(services.photos, services.jobs, services.workspace, photo.id)
    assert not photo.path.exists() and not log.exists()
    assert services.store.jobs.get(job.id).state == JobState.CANCELLED
    with pytest.raises(NoPhotoError, match="deleted"):
        carried_out(services, job)


def test_a_photo_deleted_at_work_leaves_nothing_behind(
    services: Services, photo: PhotoFolder
) -> None:
    job = ordered(services, photo)
    site = Site(services.workspace, services.store, "cpu")

    def delete(step: Step) -> None:
        if step.unit == "steps":
            services.photos.folders.delete(photo.id)

    with pytest.raises(NoPhotoError, match="deleted"):
        sharpen_job(site, job, delete)
    assert not photo.path.exists()


def test_a_worker_of_its_own_does_it(services: Services, photo: PhotoFolder) -> None:
    before = away(services, photo)
    job = ordered(services, photo, 30)
    services.jobs.start()
    for _ in range(600):
        if services.store.jobs.get(job.id).state not in (JobState.QUEUED, JobState.RUNNING):
            break
        time.sleep(0.1)
    done = services.store.jobs.get(job.id)
    assert done.state == JobState.DONE, done.error
    assert away(services, photo) < before
