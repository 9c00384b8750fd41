"""The Train tab: what to train at the left; all trainings and the chosen one at the right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from studio.notices import raises_notices, tells
from studio.services import Services
from studio.tabs.job_controls import PRIVATE
from studio.tabs.parts import message_html
from studio.tabs.train_api import build_api, name_of
from studio.tabs.train_board import Choice, board_of, build_board
from studio.tabs.train_settings import TrainSettings, build_settings, offered_data, read_request
from studio.workflows.run_folders import find_run
from studio.workflows.segmenter_choice import demote, promote
from studio.workflows.training import cancel_training, resume_training, start_training

BUSY, IDLE = 2.0, 10.0  # s between two looks, while something is at work and else


def build(services: Services, tab: gr.Tab) -> None:
    """`chosen`: the run that is shown; `seen`: what the page shows of it, to tell changes."""
    chosen, seen = gr.State(None), gr.State("")
    with gr.Row(elem_id="train-tab", equal_height=False):
        with gr.Column(scale=0, min_width=300, elem_id="train-settings"):
            settings = build_settings(services)
            with gr.Column(elem_id="train-actions"):
                start = gr.Button("Start training", variant="primary", elem_id="train-button")
                status = gr.HTML("", elem_id="train-status")
        with gr.Column(scale=1, min_width=400, elem_id="train-results"):
            board = build_board()
    timer = gr.Timer(IDLE)
    page = _Page(services, board, timer, chosen, seen)
    page.wire(tab)
    _wire_start(services, settings, start, status, page)
    _wire_data(services, settings, tab)
    build_api(services, settings)


class _Page:
    """The board and what it follows.

    Only `choose` says which run is chosen.
    """

    def __init__(
        self,
        services: Services,
        board: gr.HTML,
        timer: gr.Timer,
        chosen: gr.State,
        seen: gr.State,
    ) -> None:
        self.services, self.board, self.timer = services, board, timer
        self.chosen, self.seen = chosen, seen
        self.outputs = [board, timer, chosen, seen]

    def show(self, chosen: Choice | None, before: str = "") -> dict[Any, Any]:
        """Updates; none where the page shows that already."""
        board, runs = board_of(self.services, chosen)
        stamp = hashlib.sha256(json.dumps({**board, "at": 0}).encode()).hexdigest()
        if stamp == before:
            return {self.seen: stamp}
        return {
            self.board: gr.update(board=board),
            self.timer: gr.Timer(BUSY if runs.is_busy else IDLE),
            self.seen: stamp,
        }

    def choose(self, run: str) -> dict[Any, Any]:
        """Updates that show this run from now on."""
        choice = Choice(run)
        return {self.chosen: choice, **self.show(choice)}

    def wire(self, tab: gr.Tab) -> None:
        quiet: Any = {"queue": False, **PRIVATE}
        inputs = [self.chosen, self.seen]
        self.timer.tick(raises_notices(self.show), inputs, self.outputs, **quiet)
        tab.select(raises_notices(self.show), inputs, self.outputs, **quiet)
        self.board.pick(self._act(lambda run, person: None), None, self.outputs, **quiet)
        self.board.cancel(self._act(self._cancel), None, self.outputs, **quiet)
        self.board.resume(self._act(self._resume), None, self.outputs, **quiet)
        self.board.promote(self._act(self._promote), None, self.outputs, **quiet)
        self.board.demote(self._act(self._demote), None, self.outputs, **quiet)

    def _act(self, does: Callable[[str, str], None]) -> Callable[..., dict[Any, Any]]:
        @raises_notices
        def act(event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
            run = str(event.run)
            does(run, name_of(request))
            return self.choose(run)

        return act

    def _cancel(self, run: str, person: str) -> None:
        cancel_training(self.services.workspace, self.services.jobs, run)

    def _resume(self, run: str, person: str) -> None:
        resume_training(self.services.workspace, self.services.jobs, run, person)

    def _promote(self, run: str, person: str) -> None:
        workspace = self.services.workspace
        promote(workspace, find_run(workspace, run), person)

    def _demote(self, run: str, person: str) -> None:
        demote(self.services.workspace)


def _wire_start(
    services: Services, settings: TrainSettings, start: gr.Button, status: gr.HTML, page: _Page
) -> None:
    @tells(lambda error: {status: message_html(str(error))})
    def run(request: gr.Request, *values: Any) -> Iterator[dict[Any, Any]]:  # noqa: ANN401
        job = start_training(
            read_request(*values),
            services.workspace,
            services.store,
            services.models.weights,
            services.jobs,
            name_of(request),
        )
        yield {status: "", **page.choose(str(job.payload["run"]))}

    start.click(run, settings.inputs, [status, *page.outputs], **PRIVATE)


def _wire_data(services: Services, settings: TrainSettings, tab: gr.Tab) -> None:
    """What there is to learn from is looked up whenever the tab is opened."""

    @raises_notices
    def offer(starter: bool, project: int | None) -> dict[Any, Any]:
        offered = offered_data(services)
        known = [id_ for _, id_ in offered["projects"]]
        kept = project if project in known else known[0]
        usual = offered["starter_fits"] and kept == known[0]
        return {
            settings.starter: gr.Checkbox(
                offered["has_starter"] and (starter or usual), interactive=offered["has_starter"]
            ),
            settings.project: gr.Dropdown(offered["projects"], value=kept),
        }

    chosen = [settings.starter, settings.project]
    tab.select(offer, chosen, chosen, queue=False, **PRIVATE)
