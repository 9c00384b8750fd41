"""Composes the tabs into one page, and the page into an application; nothing else."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI

from studio.routes import add_routes
from studio.server import HomeHeaders
from studio.services import Services
from studio.tabs import annotate, control, export, sample, train
from studio.theme import build_css, build_theme

_HEADER = """
<header class="fl-head"><h1>Faceloom</h1>
<button type="button" class="fl-scheme" title="Light or dark">Dark</button></header>
"""


def build_page(services: Services) -> gr.Blocks:
    script = (Path(__file__).parent / "shell.js").read_text(encoding="utf-8")

    def leave(request: gr.Request) -> None:
        services.stops.stop_all(str(request.session_hash))

    page: gr.Blocks
    with gr.Blocks(
        title="Faceloom", analytics_enabled=False, fill_width=True, fill_height=True
    ) as page:
        gr.HTML(html_template=_HEADER, js_on_load=script, apply_default_css=False)
        with gr.Tabs(elem_id="studio-tabs"):
            with gr.Tab("Sample", elem_id="tab-sample"):
                sample.build(services)
            with gr.Tab("Control", elem_id="tab-control"):
                control.build(services)
            with gr.Tab("Annotate", elem_id="tab-annotate"):
                annotate.build(services)
            with gr.Tab("Train", elem_id="tab-train") as train_tab:
                train.build(services, train_tab)
            with gr.Tab("Export", elem_id="tab-export"):
                export.build(services)
        page.unload(leave)
    return page


def build_app(services: Services) -> FastAPI:
    """The application to serve; of all files only those of the cache and our modules are."""
    app = FastAPI(title="Faceloom", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(HomeHeaders)
    add_routes(app, services)
    gr.mount_gradio_app(
        app,
        build_page(services),
        path="/",
        theme=build_theme(),
        css=build_css(),
        allowed_paths=[str(services.cache)],
        footer_links=[],
        ssr_mode=False,
        pwa=False,
        show_error=True,
    )
    return app
