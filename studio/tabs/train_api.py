"""The named endpoints `/start_training` and `/job`: the Train tab for gradio_client."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gradio as gr

from annotations.records import Job
from studio.notices import raises_notices
from studio.people import person_of
from studio.services import Services
from studio.tabs.train_settings import TrainSettings, read_request
from studio.workflows.training import start_training


def build_api(services: Services, settings: TrainSettings) -> None:
    _build_start(services, settings)
    _build_job(services)


def _build_start(services: Services, settings: TrainSettings) -> None:
    """Inputs as the form; output the queued job, as `/job` tells it."""

    @raises_notices
    def start(request: gr.Request, *values: Any) -> dict[str, Any]:  # noqa: ANN401 - the form's
        job = start_training(
            read_request(*values),
            services.workspace,
            services.store,
            services.models.weights,
            services.jobs,
            name_of(request),
        )
        return job_answer(job)

    gr.Button(visible=False).click(
        start,
        settings.inputs,
        gr.JSON(visible=False, label="Job"),
        api_name="start_training",
        api_description="Queue a training; ask /job how far it is.",
    )


def _build_job(services: Services) -> None:
    """Input the job's id; output its state, progress, and result or error."""

    @raises_notices
    def job(job_id: float) -> dict[str, Any]:
        return job_answer(services.store.jobs.get(int(job_id)))

    gr.Button(visible=False).click(
        job,
        gr.Number(visible=False, label="Job id", precision=0),
        gr.JSON(visible=False, label="Job"),
        api_name="job",
        api_description="How far a job is: state, done of total, result or error.",
    )


def name_of(request: gr.Request) -> str:
    """Who asks; '' where nobody says."""
    return person_of(request.request) if request.request else ""


def job_answer(job: Job) -> dict[str, Any]:
    """state: queued, running, done, failed or cancelled. run: its folder in runs/."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state.value,
        "run": job.payload.get("run"),
        "person": job.person,
        "done": job.done,
        "total": job.total,
        "doing": job.doing,
        "result": job.result,
        "error": job.error,
        "is_cancel_requested": job.is_cancel_requested,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
