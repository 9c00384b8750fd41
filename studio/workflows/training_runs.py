"""A training in this process, from a configuration: the same run folder as the studio makes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from annotations import AnnotationStore
from core.errors import InvalidRequestError
from core.generators import Device
from core.progress import OnStep, ignore
from core.segmentation import SegmenterTraining
from core.segmentation.training_config import PARTS
from core.weights import WeightStore
from studio.workflows.run_folders import find_run
from studio.workflows.segmenting import find_data
from studio.workflows.training import new_run
from studio.workflows.training_data import split_data
from studio.workflows.training_work import train_in_run


def train_from_config(
    config: SegmenterTraining,
    workspace: Path,
    weights: WeightStore,
    title: str,
    device: Device = "auto",
    resume: str | None = None,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Train, or go on with the run `resume`; returns its figures and its folder.

    Raises InvalidRequestError or AnnotationError, and then no run was made; later whatever the
    training raises, and then the run can be resumed.
    """
    with AnnotationStore.open(workspace) as store:
        if resume is not None:
            run = find_run(workspace, resume)
        else:
            data = split_data(find_data(store, config.dataset, weights), config.shares, config.seed)
            if data.generator != config.generator:
                raise InvalidRequestError(
                    f"The faces of '{config.dataset}' were made by generator '{data.generator}', "
                    f"the configuration says '{config.generator}'. Set generator: {data.generator}"
                )
            splits = {part: len(data.of(part)) for part in PARTS}
            whole = dataclasses.replace(config.resolved(), splits=splits)
            run = new_run(workspace, title, whole, data)
        figures = train_in_run(run, store, weights, device, on_step)
    return {**figures, "path": str(run.path)}
