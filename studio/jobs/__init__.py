"""Long work in processes of its own, recorded in the database.

`JobRunner` (runner.py) queues jobs and sees that a worker (`python -m studio.worker`) takes
them one after another; `Kinds` are what a worker can do; `site.py` is what it works with.
"""

from studio.jobs.runner import JobRunner
from studio.jobs.site import Kinds, Site
from studio.jobs.worker_lock import WorkerLock

__all__ = ["JobRunner", "Kinds", "Site", "WorkerLock"]
