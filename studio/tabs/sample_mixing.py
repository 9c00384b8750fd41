"""The Mixing view: layers of the columns' faces in the rows' faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from core.progress import OnStep
from core.seeds import parse_seeds
from studio.notices import tells
from studio.services import Services
from studio.tabs.job_controls import PRIVATE, JobControls, build_buttons, build_strip
from studio.tabs.parts import GPU, file_url
from studio.watching import watch
from studio.workflows import FaceSettings, GalleryRequest, MixRequest, mix_faces


def build_mixing(services: Services, tab: gr.Tab, grid: gr.HTML, shown: gr.State) -> None:
    build_strip()
    with gr.Row(equal_height=True, elem_classes="fl-controls"):
        rows = gr.Textbox(
            label="Rows (keep the rest)", placeholder="seeds", elem_id="mix-rows", min_width=150
        )
        columns = gr.Textbox(
            label="Columns (give layers)", placeholder="seeds", elem_id="mix-columns", min_width=150
        )
        layers = gr.Textbox("0-3", label="Layers", elem_id="mix-layers", min_width=110)
        buttons = build_buttons("mix", "Make grid")
    controls = JobControls(*buttons, gr.HTML("", elem_id="mix-status"))
    table = gr.HTML("", elem_id="mix-grid")

    @tells(controls.complain)
    def run(
        row_text: str,
        column_text: str,
        layer_text: str,
        faces: GalleryRequest | None,
        request: gr.Request,
    ) -> Iterator[dict[Any, Any]]:
        settings = faces.settings if faces else FaceSettings(services.generator)
        seeds = tuple(parse_seeds(row_text)), tuple(parse_seeds(column_text))
        wanted = MixRequest(settings, *seeds, layers=layer_text)
        for seen in watch(
            _mix(services, wanted), services.stops.begin(str(request.session_hash), "mix")
        ):
            update = controls.show(seen)
            if seen.items:
                update[table] = table_html(wanted, seen.items)
            yield update

    controls.start.click(
        run, [rows, columns, layers, shown], [*controls.outputs, table], **GPU, **PRIVATE
    )
    controls.wire_cancel(services, "mix")
    _fill_from_picks(tab, grid, rows, columns)


def _mix(services: Services, wanted: MixRequest) -> Callable[[Callable[[Any], None], OnStep], None]:
    def job(on_item: Callable[[Any], None], on_step: OnStep) -> None:
        mix_faces(wanted, services.models, services.cache, on_item, on_step)

    return job


def _fill_from_picks(tab: gr.Tab, grid: gr.HTML, rows: gr.Textbox, columns: gr.Textbox) -> None:
    """When the view opens: the first half of the picks are rows, the others columns."""
    last = gr.State([])

    def fill(picks: list[int], before: list[int]) -> tuple[Any, Any, list[int]]:
        if not picks or picks == before:
            return gr.skip(), gr.skip(), before
        half = (len(picks) + 1) // 2
        return ",".join(map(str, picks[:half])), ",".join(map(str, picks[half:])), picks

    tab.select(fill, [grid, last], [rows, columns, last], queue=False, **PRIVATE)


def table_html(wanted: MixRequest, cells: Sequence[Any]) -> str:
    """The grid so far, its first row and column the sources; places to come are blank."""
    urls = {(cell.row, cell.column): file_url(cell.picture) for cell in cells}

    def picture(row: int, column: int, text: str) -> str:
        if (row, column) not in urls:
            return '<span class="fl-blank"></span>'
        return f'<img src="{escape(urls[row, column], quote=True)}" alt="{text}" title="{text}">'

    def source(row: int, column: int, seed: int) -> str:
        scope = "col" if row < 0 else "row"
        return f'<th scope="{scope}">{picture(row, column, f"Seed {seed}")}<b>{seed}</b></th>'

    layers = escape(wanted.layers)
    head = "".join(source(-1, column, seed) for column, seed in enumerate(wanted.columns))
    body = "".join(
        f"<tr>{source(row, -1, seed)}"
        + "".join(
            f"<td>{picture(row, column, f'Seed {seed} with layers {layers} of seed {other}')}</td>"
            for column, other in enumerate(wanted.columns)
        )
        + "</tr>"
        for row, seed in enumerate(wanted.rows)
    )
    corner = f'<td class="fl-corner">layers {layers} from above, the rest from the left</td>'
    sides = f"--fl-rows: {len(wanted.rows) + 1}; --fl-columns: {len(wanted.columns) + 1}"
    return (
        f'<div class="fl-mix" style="{sides}"><table><thead><tr>{corner}{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )
