"""Trainings in the background: started, gone on with, cancelled, from page and client alike."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from annotations import AnnotationStore
from annotations.records import Job, JobState
from core.errors import InvalidRequestError
from core.files import write_whole
from core.segmentation.training_config import PARTS, SegmenterTraining, as_json
from core.weights import WeightStore
from studio.configs import config_of
from studio.jobs import JobRunner
from studio.workflows.class_schemes import learned_classes
from studio.workflows.run_folders import RunFolder, find_run, make_run
from studio.workflows.run_views import TRAIN_SEGMENTER
from studio.workflows.training_data import TrainingData, check_size, choose_data, split_data

SHARES = (60, 20, 20)  # of a project's faces: to learn from, to choose the epoch by, to test on
_VERSIONS = ("faceloom", "torch", "numpy")


@dataclass(frozen=True)
class TrainingRequest:
    """What a person asks for.

    config: keys of SegmenterTraining; absent ones keep their defaults. project: its id.
    shares: of the project's faces for train, validation and test; the starter pack has its own.
    """

    config: Mapping[str, Any]
    has_starter: bool = True
    project: int | None = None
    shares: tuple[int, int, int] = SHARES
    name: str = ""


def start_training(
    request: TrainingRequest,
    workspace: Path,
    store: AnnotationStore,
    weights: WeightStore,
    jobs: JobRunner,
    person: str = "",
) -> Job:
    """Queue a training in a run folder of its own.

    Its faces and masks are chosen now: what is painted later does not change it. Raises
    InvalidRequestError or AnnotationError, and then nothing was made.
    """
    given = config_of(request.config, SegmenterTraining, "The training").resolved()
    chosen = choose_data(
        store, has_starter=request.has_starter, project=request.project, weights=weights
    )
    check_size(chosen, given.size)
    data = split_data(chosen, request.shares, given.seed)
    splits = {split: len(data.of(split)) for split in PARTS}
    dataset = "starter" if data.project is None else data.project_name
    config = dataclasses.replace(given, dataset=dataset, generator=data.generator, splits=splits)
    run = new_run(workspace, request.name or config.model, config, data, person)
    return jobs.submit(TRAIN_SEGMENTER, {"run": run.name}, person)


def new_run(
    workspace: Path, title: str, config: SegmenterTraining, data: TrainingData, person: str = ""
) -> RunFolder:
    """A run folder that says what is to be done. Raises InvalidRequestError, OutputError."""
    learned_classes(data.scheme, config.classes)  # refused before anything is made
    run = make_run(workspace, title)
    content = as_json(config)
    write_whole(run.path / "config.yaml", yaml.safe_dump(content, sort_keys=False).encode())
    run.write_facts(
        {
            "run": run.name,
            "kind": "segmenter",
            "state": "queued",
            "person": person,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "config": content,
            "data_text": describe_data(data),
            "num_faces": len(data.faces),
            "generator": data.generator,
            "generator_sha256": data.generator_sha256,
            "versions": {name: importlib.metadata.version(name) for name in _VERSIONS},
            "warnings": _warnings(data),
            "data": data.to_json(),
        }
    )
    return run


def resume_training(workspace: Path, jobs: JobRunner, name: str, person: str = "") -> Job:
    """Queue a run again; it goes on from its last finished epoch.

    Raises InvalidRequestError where it is alive or done.
    """
    run = find_run(workspace, name)
    newest = _job_of(jobs, run)
    state = newest.state.value if newest else run.facts().get("state", "unknown")
    if state in (JobState.QUEUED, JobState.RUNNING, JobState.DONE):
        raise InvalidRequestError(
            f"Run {run.name} is {state}; only failed and cancelled ones can be resumed. "
            "Start a new training for another try."
        )
    return jobs.submit(TRAIN_SEGMENTER, {"run": run.name}, person)


def cancel_training(workspace: Path, jobs: JobRunner, name: str) -> None:
    """A queued run never starts, a running one ends at its next step; others stay as they are."""
    if job := _job_of(jobs, find_run(workspace, name)):
        jobs.cancel(job.id)


def describe_data(data: TrainingData) -> str:
    """One line for people."""
    starter = sum(face.face_id is None for face in data.faces)
    parts = [f"starter pack ({starter} faces)"] if starter else []
    if data.project is not None:
        parts.append(f"project {data.project_name} ({len(data.faces) - starter} faces)")
    counts = ", ".join(
        f"{len(data.of(split))} {word}"
        for split, word in (
            ("train", "to learn from"),
            ("validation", "to choose by"),
            ("test", "to test on"),
        )
    )
    return f"{' and '.join(parts)}: {counts}"


def parse_shares(text: str) -> tuple[int, int, int]:
    """'60/20/20' as three shares. Raises InvalidRequestError."""
    parts = re.split(r"[/,;\s]+", text.strip())
    if len(parts) != 3 or not all(re.fullmatch(r"\d{1,4}%?", part) for part in parts):
        raise InvalidRequestError(
            "Shares are three whole numbers: to learn from, to choose by and to test on, such "
            f"as 60/20/20; got '{text[:60]}'."
        )
    train, validation, test = (int(part.rstrip("%")) for part in parts)
    return train, validation, test


def _warnings(data: TrainingData) -> list[str]:
    if missing := data.without_pixels():
        return [
            f"No face to learn from shows {', '.join(missing)}: the segmenter will not find "
            f"{'it' if len(missing) == 1 else 'them'}. Paint faces that do."
        ]
    return []


def _job_of(jobs: JobRunner, run: RunFolder) -> Job | None:
    return next((job for job in jobs.list() if job.payload.get("run") == run.name), None)
