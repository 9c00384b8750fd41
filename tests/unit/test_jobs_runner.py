"""The queue and its workers, which are real processes with trivial work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotations import AnnotationStore
from annotations.records import Job, JobState
from studio.jobs import JobRunner, WorkerLock
from studio.jobs.site import log_path, place_of

COUNTING = (sys.executable, "-m", "tests.counting_worker")
HOST_OF_A_STUDIO = """
import sys, time
from pathlib import Path
from annotations import AnnotationStore
from studio.jobs import JobRunner
workspace = Path(sys.argv[1])
runner = JobRunner(AnnotationStore.open(workspace), workspace, worker=sys.argv[2:])
runner.start()
time.sleep(600)
"""


def opened(workspace: Path, worker: tuple[str, ...] = COUNTING) -> JobRunner:
    return JobRunner(AnnotationStore.open(workspace), workspace, worker=worker)


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def wait_for(runner: JobRunner, job: Job, *states: JobState) -> Job:
    wait_until(lambda: runner.store.jobs.get(job.id).state in states)
    return runner.store.jobs.get(job.id)


def wait_for_work(runner: JobRunner, job: Job, done: int = 2) -> Job:
    wait_until(lambda: runner.store.jobs.get(job.id).done >= done)
    return runner.store.jobs.get(job.id)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[JobRunner]:
    runner = opened(tmp_path)
    yield runner
    runner.close()
    runner.store.close()


def test_jobs_run_one_after_another_in_processes_of_their_own(runner: JobRunner) -> None:
    jobs = [runner.submit("count", {"to": 3}, "Ann") for _ in range(2)]
    runner.start()
    ended = [wait_for(runner, job, JobState.DONE) for job in jobs]
    pids = [job.result["pid"] for job in ended if job.result]
    assert len({*pids, os.getpid()}) == 3 and ended[0].person == "Ann"
    first, second = ended
    assert first.finished_at and second.started_at and first.finished_at <= second.started_at
    assert "counted 3\n" in log_path(runner.workspace, first).read_text()


def test_progress_is_told_also_while_a_step_takes_long(runner: JobRunner) -> None:
    job = runner.submit("count", {"to": 2, "pause": 1.5})
    runner.start()
    wait_until(lambda: runner.store.jobs.get(job.id).doing == "counting from 0")
    first = runner.store.jobs.get(job.id).heartbeat_at
    wait_until(lambda: runner.store.jobs.get(job.id).heartbeat_at != first)
    seen = runner.store.jobs.get(job.id)
    assert (seen.state, seen.done, seen.total) == (JobState.RUNNING, 0, 2)
    assert wait_for(runner, job, JobState.DONE).done == 1


def test_a_running_job_obeys_cancel_and_a_queued_one_never_starts(runner: JobRunner) -> None:
    running, queued = (runner.submit("count", {"to": 1000, "pause": 0.05}) for _ in range(2))
    runner.start()
    wait_for_work(runner, running)
    runner.cancel(queued.id)
    runner.cancel(running.id)
    assert wait_for(runner, running, JobState.CANCELLED).error == ""
    assert runner.store.jobs.get(queued.id).started_at is None
    assert runner.cancel(running.id).state == JobState.CANCELLED


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("request", "Eleven is too many. Ask for ten."),
        ("memory", "Out of memory. A smaller batch size needs less"),
        ("disk", "The disk is full (history.jsonl)"),
        ("fault", "This is a fault in Faceloom (ZeroDivisionError: division by zero)."),
    ],
)
def test_a_failed_job_says_why_and_keeps_where(runner: JobRunner, how: str, said: str) -> None:
    job = runner.submit("fail", {"how": how})
    runner.start()
    failed = wait_for(runner, job, JobState.FAILED)
    assert failed.error.startswith(said)
    assert failed.traceback.startswith("Traceback") and "counting_worker.py" in failed.traceback


def test_a_job_whose_worker_is_killed_goes_on_at_once(runner: JobRunner) -> None:
    job = runner.submit("count", {"to": 60, "pause": 0.05})
    runner.start()
    first = wait_for_work(runner, job, 5)
    assert first.pid
    os.kill(first.pid, signal.SIGKILL)
    began = time.monotonic()
    wait_until(lambda: runner.store.jobs.get(job.id).pid not in (None, first.pid))
    assert time.monotonic() - began < 30  # no wait for a heartbeat to be missed
    ended = wait_for(runner, job, JobState.DONE)
    assert ended.result and ended.result["began"] >= 5 and ended.result["pid"] != first.pid


def test_a_job_that_kills_every_worker_is_failed_in_the_end(runner: JobRunner) -> None:
    job = runner.submit("die", {})
    after = runner.submit("count", {"to": 1})
    runner.start()
    failed = wait_for(runner, job, JobState.FAILED)
    assert failed.error.startswith("Its process ended 3 times without a word")
    assert wait_for(runner, after, JobState.DONE).result


def test_workers_that_never_get_to_a_job_fail_it_with_what_they_said(tmp_path: Path) -> None:
    broken = opened(tmp_path, (sys.executable, "-c", "raise SystemExit('no such library')"))
    job = broken.submit("count", {"to": 1})
    broken.start()
    failed = wait_for(broken, job, JobState.FAILED)
    broken.close()
    broken.close()
    broken.store.close()
    assert failed.error.startswith("No worker could be started")
    assert failed.traceback == "no such library\n"


def test_a_closed_studio_leaves_its_job_in_the_queue_and_the_next_goes_on(tmp_path: Path) -> None:
    first = opened(tmp_path)
    job = first.submit("count", {"to": 40, "pause": 0.05})
    first.start()
    wait_for_work(first, job, 5)
    first.close()
    first.close()
    assert not WorkerLock(tmp_path).is_held()
    paused = first.store.jobs.get(job.id)
    assert (paused.state, paused.pid) == (JobState.QUEUED, None)
    first.store.close()
    second = opened(tmp_path)
    second.start()
    ended = wait_for(second, job, JobState.DONE)
    second.close()
    second.store.close()
    assert ended.result and ended.result["began"] >= 5


@pytest.mark.parametrize("dies_too", [False, True])
def test_after_a_killed_studio_its_worker_is_adopted_or_its_job_goes_on(
    tmp_path: Path, dies_too: bool
) -> None:
    runner = opened(tmp_path)
    job = runner.submit("count", {"to": 60, "pause": 0.1})
    studio = subprocess.Popen([sys.executable, "-c", HOST_OF_A_STUDIO, str(tmp_path), *COUNTING])
    worker = wait_for_work(runner, job).pid
    studio.kill()
    studio.wait()
    assert worker
    if dies_too:
        os.kill(worker, signal.SIGKILL)
    runner.start()
    ended = wait_for(runner, job, JobState.DONE)
    runner.close()
    runner.store.close()
    assert ended.result and (ended.result["pid"] == worker) is not dies_too
    assert (ended.result["began"] > 0) is dies_too


def test_jobs_of_another_workspace_in_the_same_database_are_let_alone(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOM_DATABASE_URL", database_url)
    (one, other) = (opened(tmp_path / name) for name in ("one", "other"))
    foreign, own = other.submit("count", {"to": 1}), one.submit("count", {"to": 1})
    one.start()
    wait_for(one, own, JobState.DONE)
    one.close()
    assert [job.id for job in one.list()] == [own.id]
    assert other.list([JobState.QUEUED])[0].id == foreign.id
    assert place_of(one.workspace) != place_of(other.workspace)
    one.store.close()
    other.store.close()
