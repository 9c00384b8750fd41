"""The Ray engine on a cluster of this machine: the same files, also where a worker dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import Cancelled, CoreError, InvalidRequestError
from core.export.engines import RayEngine
from core.export.journal import NAME
from core.progress import Step
from tests.export_fakes import contents, recipe, run
from tests.fake_maker import FakeMaker
from tests.launching import REPOSITORY

pytest.importorskip("ray", reason="pip install 'faceloom[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
COUNT = 150


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One for all tests: starting it takes most of the time."""
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("whole")
    run(folder, recipe(COUNT))
    return contents(folder)


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_dies_changes_nothing(whole: dict[str, str], tmp_path: Path) -> None:
    asked, poison = recipe(COUNT), tmp_path / "poison"
    poison.touch()
    maker = FakeMaker(asked.seed, 0.002, dies=poison)
    figures = run(tmp_path / "out", asked, engine=RayEngine(2), maker=maker)
    assert not poison.exists() and figures["made"] == COUNT
    assert contents(tmp_path / "out") == whole


@pytest.mark.usefixtures("cluster")
def test_what_the_maker_refuses_arrives_as_it_is(tmp_path: Path) -> None:
    asked = recipe(COUNT)
    with pytest.raises(InvalidRequestError, match="Place 3 cannot be"):
        run(tmp_path / "out", asked, engine=RayEngine(1), maker=FakeMaker(asked.seed, fails=3))


@pytest.mark.usefixtures("cluster")
def test_a_cancel_is_heard_and_what_was_done_is_kept(whole: dict[str, str], tmp_path: Path) -> None:
    def stop(step: Step) -> None:
        if step.done:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled, match="Cancelled"):
        run(tmp_path / "out", recipe(COUNT), stop, engine=RayEngine(2))
    assert len((tmp_path / "out" / NAME).read_text().splitlines()) >= 2
    run(tmp_path / "out", recipe(COUNT))
    assert contents(tmp_path / "out") == whole


@pytest.mark.usefixtures("cluster")
def test_workers_that_always_die_end_the_run(tmp_path: Path) -> None:
    asked = recipe(COUNT)
    maker = FakeMaker(asked.seed, dies=tmp_path)
    with pytest.raises(CoreError, match=r"Ray workers died one after another"):
        run(tmp_path / "out", asked, engine=RayEngine(1), maker=maker)


def test_a_cluster_that_goes_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: None
) -> None:
    import ray

    def gone(*known: object, **more: object) -> None:
        raise ray.exceptions.RaySystemError("the head node does not answer")

    monkeypatch.setattr(ray, "wait", gone)
    with pytest.raises(CoreError, match=r"The Ray cluster went away .*run the same command again"):
        run(tmp_path / "out", recipe(COUNT), engine=RayEngine(1))


def test_no_cluster_and_no_such_number_are_told() -> None:
    with pytest.raises(InvalidRequestError, match=r"workers must be in 1\.\.1000, is 0"):
        RayEngine(0)
