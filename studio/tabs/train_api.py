"""The named endpoints `/start_training` and `/job`: the Train tab for gradio_client."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gradio as gr

from annotations.records import Job
from studio.notices import raises_notices
from studio.people import person_of
from studio.services import Services
from studio.tabs.train_settings import NO_PROJECT, TrainSettings, read_request
from studio.workflows.training import TrainingRequest, start_training

OWN = -1  # stands for a number that is left out: the model's own is taken


def build_api(services: Services, settings: TrainSettings) -> None:
    _build_start(services, settings)
    _build_job(services)


def _build_start(services: Services, settings: TrainSettings) -> None:
    """Inputs as the form, project by its id; output the queued job, as `/job` tells it."""

    @raises_notices
    def start(
        starter: bool,
        project: float | None,
        model: str,
        epochs: float | None,
        batch_size: float | None,
        learning_rate: float | None,
        weight_decay: float | None,
        loss: str,
        mirror: bool,
        size: float | None,
        seed: float | None,
        shares: str,
        name: str,
        request: gr.Request,
    ) -> dict[str, Any]:
        given = (epochs, batch_size, learning_rate, weight_decay)
        epochs, batch_size, learning_rate, weight_decay = (
            None if each == OWN else each for each in given
        )
        chosen = int(project or NO_PROJECT)
        wanted = read_request(
            starter,
            chosen,
            model,
            epochs,
            batch_size,
            learning_rate,
            weight_decay,
            loss,
            mirror,
            size,
            seed,
            shares,
            name,
        )
        return job_answer(_started(services, wanted, name_of(request)))

    gr.Button(visible=False).click(
        start,
        _inputs(settings),
        gr.JSON(visible=False, label="Job"),
        api_name="start_training",
        api_description="Queue a training; ask /job how far it is.",
    )


def _started(services: Services, wanted: TrainingRequest, person: str) -> Job:
    weights = services.models.weights
    return start_training(
        wanted, services.workspace, services.store, weights, services.jobs, person
    )


def _inputs(settings: TrainSettings) -> list[Any]:
    """Those of the form, but for what a program names otherwise."""

    def number(label: str) -> gr.Number:
        return gr.Number(OWN, visible=False, label=f"{label}; {OWN}: the model's own")

    return [
        gr.Checkbox(False, visible=False, label="Learn from the starter pack"),
        gr.Number(NO_PROJECT, visible=False, label="Project's id; 0: none", precision=0),
        settings.model,
        *map(number, ("Epochs", "Batch size", "Learning rate", "Weight decay")),
        settings.loss,
        settings.mirror,
        settings.size,
        settings.seed,
        settings.shares,
        settings.name,
    ]


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
    """state: queued, running, done, failed or cancelled. run, export: its folder in runs/ or
    exports/."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state.value,
        "run": job.payload.get("run"),
        "export": job.payload.get("export"),
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
