"""What the studio's workers can do, by the kind of a job."""

from __future__ import annotations

from studio.jobs.site import Kinds
from studio.workflows.export_views import EXPORT, VERIFY_EXPORT
from studio.workflows.exports import export_job, verify_job
from studio.workflows.photo_jobs import SHARPEN, sharpen_job
from studio.workflows.photo_tuning import TUNE, tune_job
from studio.workflows.run_views import TRAIN_SEGMENTER
from studio.workflows.training_work import train_job

KINDS: Kinds = {
    TRAIN_SEGMENTER: train_job,
    EXPORT: export_job,
    VERIFY_EXPORT: verify_job,
    SHARPEN: sharpen_job,
    TUNE: tune_job,
}
