"""The right side of the Train tab: all trainings in one table, and the chosen one below."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from html import escape
from typing import Any

import gradio as gr

from studio.services import Services
from studio.tabs.parts import duration
from studio.tabs.train_detail import detail_html
from studio.theme import STUDIO
from studio.workflows.run_views import RunList, RunView, see_runs
from studio.workflows.segmenter_choice import promoted

_HEAD = ("Run", "Model", "Faces", "State", "Epoch", "Mean F1", "Mean IoU", "Time")
_EMPTY = (
    '<div class="fl-none"><p class="fl-none-title">No training yet</p><p>Choose painted faces and '
    "a model at the left and press Start training. It runs in the background: this page may be "
    "closed meanwhile.</p></div>"
)


def _microseconds() -> int:
    return time.time_ns() // 1000  # exact in JavaScript, too


@dataclass(frozen=True)
class Choice:
    """A run that somebody chose, and when."""

    run: str
    at: int = field(default_factory=_microseconds)


def build_board() -> gr.HTML:
    """Events: pick, cancel, resume, promote and demote, with the run's name."""
    return gr.HTML(
        html_template=(STUDIO / "train" / "board.html").read_text(encoding="utf-8"),
        js_on_load=(STUDIO / "train" / "board.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="train-board",
        board=None,
    )


def board_of(services: Services, chosen: Choice | None) -> tuple[dict[str, Any], RunList]:
    """What the component shows, and the runs it is about.

    `at`: when it was chosen, and when it was looked at.
    """
    made = _microseconds()
    runs = see_runs(services.workspace, services.jobs)
    choice = promoted(services.workspace)
    view = runs.get(chosen.run if chosen else None)
    board = {
        "table": table_html(runs, view, choice.run if choice else ""),
        "detail": detail_html(view, is_in_force=bool(choice and choice.run == view.run.name))
        if view
        else "",
        "run": view.run.name if view else None,
        "at": [chosen.at if chosen else 0, made],
    }
    return board, runs


def table_html(runs: RunList, chosen: RunView | None, in_force: str) -> str:
    """in_force: name of the run whose segmenter is used, '' for the one that ships."""
    if not runs.views:
        return _EMPTY
    head = "".join(f'<th scope="col">{text}</th>' for text in _HEAD)
    best = max((view.best["mean_f1"] for view in runs.views if view.best), default=None)
    body = "".join(_row(view, view == chosen, in_force, best) for view in runs.views)
    return f'<table class="fl-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _row(view: RunView, is_chosen: bool, in_force: str, best: float | None) -> str:
    reached = view.best
    f1 = reached["mean_f1"] if reached else None
    used = '<span class="fl-tag">in use</span>' if view.run.name == in_force else ""
    cells = (
        f"<b>{view.run.id}</b> {escape(view.run.title)}{used}",
        escape(str(view.config.get("model", ""))),
        escape(str(view.facts.get("num_faces", ""))),
        state_html(view),
        f"{view.epoch} of {view.epochs}",
        f"<strong>{percent(f1)}</strong>" if f1 is not None and f1 == best else percent(f1),
        percent(reached["mean_iou"] if reached else None),
        duration(view.seconds) if view.seconds else "",
    )
    classes = ' class="fl-chosen" aria-current="true"' if is_chosen else ""
    return (
        f'<tr data-run="{escape(view.run.name, quote=True)}" tabindex="0"{classes}>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def state_html(view: RunView) -> str:
    """A word with its colour; of a running one with how far it is."""
    state, text = view.state, view.state
    if state == "queued":
        text = "queued" if not view.place else f"queued, {view.place} before it"
    mark = f'<span class="fl-state fl-state-{state}">{text}</span>'
    if state != "running" or not view.epochs:
        return mark
    return f'{mark} <progress value="{view.epoch}" max="{view.epochs}"></progress>'


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"
