"""What the studio's workers can do, by the kind of a job."""

from __future__ import annotations

from studio.jobs.site import Kinds
from studio.workflows.run_views import TRAIN_SEGMENTER
from studio.workflows.training_work import train_job

KINDS: Kinds = {TRAIN_SEGMENTER: train_job}
