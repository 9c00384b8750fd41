"""What pages ask of the studio beside Gradio: plain HTTP, so that it outlives a restart."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from studio.routes import (
    control,
    exchange,
    export_recipe,
    exports,
    faces,
    live,
    masks,
    own_sliders,
    photos,
    projects,
    runs,
)
from studio.routes.modules import MODULES, ModuleFiles
from studio.routes.refusals import add_refusals
from studio.services import Services

PREFIX = "/annotate"


def add_routes(app: FastAPI, services: Services) -> None:
    """Put the routes, their errors and the page's modules into the application."""
    app.state.services = services
    router = APIRouter(prefix=PREFIX)
    for part in (projects, faces, masks, exchange, live):
        router.include_router(part.router)
    app.include_router(router)
    app.include_router(runs.router, prefix=runs.PREFIX)
    app.include_router(control.router, prefix=control.PREFIX)
    for steered in (own_sliders, photos):
        app.include_router(steered.router, prefix=control.PREFIX)
    for part in (export_recipe, exports):
        app.include_router(part.router, prefix=export_recipe.PREFIX)
    add_refusals(app, (PREFIX, control.PREFIX, export_recipe.PREFIX))
    for name, folder in MODULES.items():
        app.mount(f"/modules/{name}", ModuleFiles(directory=folder))
