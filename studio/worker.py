"""`python -m studio.worker --workspace DIR`: does one queued job of a studio, then ends.

The studio starts it (studio/jobs/runner.py). It lives on where the studio is killed, and the
next studio finds it at work. SIGTERM ends it at its next step and leaves the job in the queue.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from annotations import AnnotationError, AnnotationStore
from annotations.errors import JobGoneError
from annotations.records import Job, JobState
from studio.jobs.outcomes import failure_of
from studio.jobs.reporting import BEAT, GoneError, PausedError, Reporter
from studio.jobs.site import Kinds, Site, log_path, place_of
from studio.jobs.worker_lock import WorkerLock

log = logging.getLogger(__name__)

PATIENCE = 5.0  # s to wait for the lock, which the studio takes for moments to look at it
NICE = 5  # a page that is painted on goes first
TRIES, PAUSE = 6, 5.0  # s: how often and when the end of a job is told to a busy database


def main(kinds: Kinds, beat: float = BEAT) -> int:
    """kinds: what this worker can do. Returns the exit code."""
    asked = _arguments()
    lock = WorkerLock(asked.workspace)
    if not lock.take(PATIENCE):
        return 0  # another one is at work
    os.nice(NICE)
    faulthandler.enable()
    with AnnotationStore.open(asked.workspace) as store:
        site = Site(asked.workspace, store, asked.device)
        host, pid = socket.gethostname(), os.getpid()
        job = store.jobs.claim(list(kinds), host, pid, place_of(asked.workspace))
        if job is not None:
            _log_into(log_path(asked.workspace, job))
            _carry_out(site, Reporter(store, job, host, pid, beat), kinds)
    lock.release()
    return 0


def _carry_out(site: Site, reporter: Reporter, kinds: Kinds) -> None:
    job, paused = reporter.job, reporter.paused
    signal.signal(signal.SIGTERM, lambda *_: paused.set())
    signal.signal(signal.SIGINT, lambda *_: paused.set())
    log.info("Job %d, %s, in process %d", job.id, job.kind, reporter.pid)
    reporter.start()
    try:
        result = kinds[job.kind](site, job, reporter.on_step)
    except GoneError as error:
        log.warning("%s", error)
    except PausedError:
        log.info("Paused; the job waits in the queue")
        reporter.stop()
        _tell(lambda: _requeue(reporter, job.payload))
    except BaseException as error:
        failure = failure_of(error)
        log.error("The job is %s: %s\n%s", failure.state, failure.error, failure.traceback)
        reporter.stop()
        _tell(lambda: _finish(reporter, **vars(failure)))
    else:
        log.info("Done")
        reporter.stop()
        _tell(lambda: _finish(reporter, JobState.DONE, result=result))
    finally:
        reporter.stop()


def _finish(reporter: Reporter, state: JobState, **how: Any) -> Job:  # noqa: ANN401 - handed on
    return reporter.store.jobs.finish(reporter.job.id, reporter.host, reporter.pid, state, **how)


def _requeue(reporter: Reporter, payload: Mapping[str, Any]) -> Job:
    return reporter.store.jobs.requeue(reporter.job.id, reporter.host, reporter.pid, payload)


def _tell(what: Callable[[], Job]) -> None:
    """Tell the database, again for a while where it cannot be written."""
    for left in reversed(range(TRIES)):
        try:
            what()
            return
        except JobGoneError as error:
            log.warning("%s", error)
            return
        except AnnotationError as error:
            log.warning("The end of the job could not be told: %s", error)
            if not left:
                raise
            time.sleep(PAUSE)


def _log_into(path: Path) -> None:
    """Whatever this process and the libraries in it write from now on goes there, appended."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m studio.worker", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True, help="The studio's workspace.")
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="Where to compute."
    )
    return parser.parse_args()


if __name__ == "__main__":
    from studio.jobs.kinds import KINDS

    sys.exit(main(KINDS))
