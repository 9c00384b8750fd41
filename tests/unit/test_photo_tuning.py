"""Generators tuned to a photo in the background: kept, stopped, replaced, deleted with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from annotations.records import Job
from core.errors import Cancelled, InvalidRequestError
from core.generators import Outputs
from core.inversion.tuning import TuningConfig
from core.progress import Step
from core.weights import WeightStore
from studio.jobs import Site
from studio.jobs.reporting import PausedError
from studio.services import Services
from studio.workflows import inverting
from studio.workflows.photo_folder import NoPhotoError, PhotoFolder
from studio.workflows.photo_jobs import delete_photo
from studio.workflows.photo_tuning import tune_job, tune_photo
from studio.workflows.steering_recipe import FaceRecipe
from tests.unit.routed import services
from tests.unit.small_models import GOLDEN
from tests.unit.test_photo_jobs import away, photo, weights_folder

__all__ = ["photo", "services", "weights_folder"]  # fixtures

STEPS = 12


@pytest.fixture
def small_store(tmp_path: Path) -> WeightStore:
    """One of its own: generators are added to it."""
    store = WeightStore(tmp_path / "weights")
    store.add(GOLDEN / "nvidia_ada_32.pkl", "small")
    return store


@pytest.fixture(autouse=True)
def small_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The maps of 'small' are too small to learn by default."""
    monkeypatch.setattr(inverting, "TuningConfig", partial(TuningConfig, from_size=8))


def ordered(services: Services, photo: PhotoFolder, steps: int = STEPS) -> Job:
    job = tune_photo(services.photos, services.jobs, photo.id, "small", steps, "Ann")
    services.jobs.cancel(job.id)  # so that no other is refused; it is carried out here
    return job


def carried_out(
    services: Services, job: Job, stop_at: int = 10**9, error: type[Exception] = Cancelled
) -> str:
    """As a worker does it, in this process; the name of the tuned generator."""

    def on_step(step: Step) -> None:
        if step.unit == "steps" and step.done == stop_at:
            raise error("Stopped.")

    result = tune_job(Site(services.workspace, services.store, "cpu"), job, on_step)
    return str(result["generator"])


def tuned_names(services: Services) -> list[str]:
    return [name for name in services.models.names() if name.startswith("photo-")]


def test_a_tuned_generator_draws_the_photo_better_and_is_one_of_its_own(
    services: Services, photo: PhotoFolder
) -> None:
    before = away(services, photo)
    name = carried_out(services, ordered(services, photo, 60))
    assert tuned_names(services) == [name] and photo.how(name)["by"] == "tuning"
    assert photo.how(name)["base"] == "small" and photo.tuning() == {}
    recipe = FaceRecipe.of(name, 0, 1, base=photo.base)
    shown, _ = services.steering.final(recipe)
    wanted = photo.pixels(photo.aligned)[::8, ::8].astype(float)
    after = float(np.abs(shown.picture - wanted).mean())
    assert after < 0.95 * before
    plain = services.models.runtime("small", Outputs()).render(shown.ws)["image"]
    assert not np.array_equal(plain, shown.picture)  # the base is as it was


def test_a_stop_keeps_the_best_a_pause_keeps_nothing(
    services: Services, photo: PhotoFolder
) -> None:
    job = ordered(services, photo)
    with pytest.raises(PausedError, match="Stopped"):
        carried_out(services, job, stop_at=5, error=PausedError)
    assert tuned_names(services) == [] and photo.generators() == ["small"]
    with pytest.raises(Cancelled, match="Stopped"):
        carried_out(services, job, stop_at=5)
    (name,) = tuned_names(services)
    assert photo.how(name)["step"] == 5 and photo.generators() == [name, "small"]


def test_a_later_tuning_takes_the_place_of_an_earlier_one(
    services: Services, photo: PhotoFolder
) -> None:
    first = carried_out(services, ordered(services, photo, 3))
    second = carried_out(services, ordered(services, photo, 4))
    assert first != second and tuned_names(services) == [second]
    assert photo.generators() == [second, "small"]
    assert sorted(path.stem for path in services.models.weights.folder.glob("*.safetensors")) == [
        second,
        "small",
    ]


def test_a_deleted_photo_takes_its_generator_along(services: Services, photo: PhotoFolder) -> None:
    carried_out(services, ordered(services, photo, 3))
    delete_photo(services.photos, services.jobs, services.workspace, photo.id)
    assert tuned_names(services) == [] and not photo.path.exists()
    assert [path.stem for path in services.models.weights.folder.glob("*.safetensors")] == ["small"]
    with pytest.raises(NoPhotoError, match="deleted"):
        carried_out(services, ordered_again(services, photo))


def ordered_again(services: Services, photo: PhotoFolder) -> Job:
    return services.jobs.submit(
        "tune photo", {"photo": photo.id, "generator": "small", "frame": {}, "steps": 2}
    )


def test_a_photo_deleted_while_it_is_tuned_leaves_nothing(
    services: Services, photo: PhotoFolder
) -> None:
    job = ordered(services, photo)

    def delete(step: Step) -> None:
        if step.unit == "steps" and step.done == 2:
            services.photos.folders.delete(photo.id)

    with pytest.raises(NoPhotoError, match="deleted"):
        tune_job(Site(services.workspace, services.store, "cpu"), job, delete)
    assert tuned_names(services) == [] and not photo.path.exists()


@pytest.mark.parametrize("steps", [0, 10**6])
def test_steps_that_cannot_be_are_refused(
    services: Services, photo: PhotoFolder, steps: int
) -> None:
    with pytest.raises(InvalidRequestError, match=r"steps must be in 1\.\.10000"):
        tune_photo(services.photos, services.jobs, photo.id, "small", steps)


def test_a_tuned_generator_is_not_tuned_again(services: Services, photo: PhotoFolder) -> None:
    name = carried_out(services, ordered(services, photo, 2))
    with pytest.raises(InvalidRequestError, match="is tuned already"):
        tune_photo(services.photos, services.jobs, photo.id, name)


def test_only_tuned_generators_are_removed(services: Services) -> None:
    with pytest.raises(InvalidRequestError, match="is no tuned generator"):
        services.models.weights.remove("small")
    assert "small" in services.models.names()
