"""`python -m tests.counting_worker --workspace DIR`: the studio's worker, with trivial work.

'count' counts to payload['to'], remembers how far it came in runs/count-<id>.txt and goes on
from there; payload['pause']: s a step takes. 'fail' raises what its payload says. 'die' kills
its own process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from annotations.records import Job
from core.errors import InvalidRequestError
from core.progress import OnStep, Step
from studio.jobs import Kinds, Site
from studio.worker import main


def count(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    path = site.workspace / "runs" / f"count-{job.id}.txt"
    began = int(path.read_text()) if path.exists() else 0
    for done in range(began, job.payload["to"]):
        on_step(Step(done, job.payload["to"], f"counting from {began}"))
        time.sleep(job.payload.get("pause", 0))
        path.write_text(str(done + 1))
    sys.stdout.write(f"counted {job.payload['to']}\n")
    return {"began": began, "pid": os.getpid()}


def fail(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    raise {
        "request": InvalidRequestError("Eleven is too many. Ask for ten."),
        "memory": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ..."),
        "disk": OSError(28, "No space left on device", "history.jsonl"),
        "fault": ZeroDivisionError("division by zero"),
    }[job.payload["how"]]


def die(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


KINDS: Kinds = {"count": count, "fail": fail, "die": die}

if __name__ == "__main__":
    sys.exit(main(KINDS, beat=0.2))
