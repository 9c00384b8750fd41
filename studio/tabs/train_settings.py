"""The left side of the Train tab: which faces, which model, and how it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotations.starter_pack import starter_generator
from core.segmentation.heads import HEADS
from core.segmentation.losses import LOSSES
from core.segmentation.training_config import RECIPES, SegmenterTraining
from studio.services import Services
from studio.tabs.job_controls import PRIVATE
from studio.tabs.parts import note_html
from studio.workflows.training import SHARES, TrainingRequest, parse_shares
from studio.workflows.training_data import FINISHED

MODELS = {  # one line each, for whoever chooses
    "weave": "Our own: additive pyramid from coarse to fine. As accurate, trained in minutes.",
    "config-1": "Thesis: upsampling branch that adds the features on the way.",
    "config-2a": "Thesis: one convolution for each feature map, all joined at full size.",
    "config-2b": "Thesis: two convolutions for each feature map. The thesis's best.",
    "config-2c": "Thesis: three convolutions for each feature map.",
    "pixel-mlp": "DatasetGAN: ten small networks that look at single pixels. Slow to train.",
}
NO_PROJECT = 0  # stands for no project in the list of them
_SHARES_LABEL = "Project's faces: learn / choose / test"


@dataclass(frozen=True)
class TrainSettings:
    """The widgets; `inputs` in the order that `read_request` takes."""

    starter: gr.Checkbox
    project: gr.Dropdown
    model: gr.Dropdown
    model_note: gr.HTML
    epochs: gr.Number
    batch_size: gr.Number
    learning_rate: gr.Number
    weight_decay: gr.Number
    loss: gr.Dropdown
    mirror: gr.Checkbox
    size: gr.Number
    seed: gr.Number
    shares: gr.Textbox
    name: gr.Textbox

    @property
    def inputs(self) -> list[Any]:
        return [
            self.starter,
            self.project,
            self.model,
            self.epochs,
            self.batch_size,
            self.learning_rate,
            self.weight_decay,
            self.loss,
            self.mirror,
            self.size,
            self.seed,
            self.shares,
            self.name,
        ]


def build_settings(services: Services) -> TrainSettings:
    usual = SegmenterTraining()
    recipe = RECIPES[usual.model]
    with gr.Group(elem_classes="fl-field"):
        starter = gr.Checkbox(label="Starter pack", elem_id="train-starter")
        project = gr.Dropdown(
            [("none", NO_PROJECT)], value=NO_PROJECT, label="Project", elem_id="train-project"
        )
    model = gr.Dropdown(list(HEADS), value=usual.model, label="Model", elem_id="train-model")
    model_note = gr.HTML(note_html(MODELS.get(usual.model, "")))
    with gr.Row(elem_classes="fl-pair"):
        epochs = _number(recipe.epochs, "Epochs", elem_id="train-epochs")
        batch_size = _number(recipe.batch_size, "Batch size", elem_id="train-batch")
    name = gr.Textbox(
        "", label="Name", placeholder="of the run, if you like", max_lines=1, elem_id="train-name"
    )
    with gr.Accordion("More settings", open=False):
        with gr.Row(elem_classes="fl-pair"):
            learning_rate = _number(recipe.learning_rate, "Learning rate", None)
            weight_decay = _number(recipe.weight_decay, "Weight decay", None)
        with gr.Row(elem_classes="fl-pair"):
            size = _number(usual.size, "Mask size (px)", elem_id="train-size")
            seed = _number(usual.seed, "Seed")
        loss = gr.Dropdown(list(LOSSES), value=usual.loss, label="Loss")
        mirror = gr.Checkbox(usual.mirror, label="Mirror (left and right swap)")
        shares = gr.Textbox(
            "/".join(map(str, SHARES)), label=_SHARES_LABEL, max_lines=1, elem_id="train-shares"
        )
    settings = TrainSettings(
        starter,
        project,
        model,
        model_note,
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
    _wire(settings)
    return settings


def read_request(
    starter: bool,
    project: int | None,
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
) -> TrainingRequest:
    """What the widgets ask for; empty numbers take the model's own. Raises InvalidRequestError."""
    config = {
        "model": model,
        "epochs": _whole(epochs),
        "batch_size": _whole(batch_size),
        "learning_rate": None if learning_rate is None else float(learning_rate),
        "weight_decay": None if weight_decay is None else float(weight_decay),
        "loss": loss,
        "mirror": bool(mirror),
        "size": _whole(size),
        "seed": _whole(seed),
    }
    given = {key: value for key, value in config.items() if value is not None}
    chosen = None if project in (None, NO_PROJECT) else int(project)
    return TrainingRequest(given, bool(starter), chosen, parse_shares(shares), name)


def offered_data(services: Services) -> dict[str, Any]:
    """The projects' names with their finished faces, whether there is a starter pack, and whether
    it shows faces of the generator that was chosen at first.
    """
    projects: list[tuple[str, int]] = [("none", NO_PROJECT)]
    for each in services.store.projects.list():
        count = sum(each.num_faces[status] for status in FINISHED)
        projects.append((f"{each.name} ({count} painted)", each.id))
    generator = starter_generator()
    return {
        "projects": projects,
        "has_starter": generator is not None,
        "starter_fits": generator == services.generator,
    }


def _wire(settings: TrainSettings) -> None:
    def described(name: str) -> tuple[Any, ...]:
        recipe = RECIPES[name]
        return (
            note_html(MODELS.get(name, "")),
            recipe.epochs,
            recipe.batch_size,
            recipe.learning_rate,
            recipe.weight_decay,
        )

    settings.model.input(
        described,
        settings.model,
        [
            settings.model_note,
            settings.epochs,
            settings.batch_size,
            settings.learning_rate,
            settings.weight_decay,
        ],
        queue=False,
        **PRIVATE,
    )


def _number(
    value: float,
    label: str,
    precision: int | None = 0,
    **more: Any,  # noqa: ANN401 - Gradio's
) -> gr.Number:
    return gr.Number(value, label=label, minimum=0, precision=precision, min_width=80, **more)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
