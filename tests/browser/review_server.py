"""The studio's routes with a real store behind them, without Gradio: for review and dialogs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.responses import FileResponse, JSONResponse

from annotations import AnnotationStore
from core.weights import WeightStore
from studio.jobs import JobRunner
from studio.model_cache import ModelCache
from studio.routes import add_routes
from studio.services import Services
from studio.theme import build_css
from studio.workflows.export_sampling import ExportSampler
from studio.workflows.live_labelling import LiveLabelling
from studio.workflows.photos import Photos
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering import Steering
from studio.workspace_lock import WorkspaceLock

HERE = Path(__file__).parent


class ReviewServer:
    """Serves one workspace; `mood` decides what happens to what is written.

    'well': kept. 'down': not kept, answered 503. 'lost': kept, but the answer is 503.
    """

    def __init__(self, workspace: Path) -> None:
        (workspace / "cache").mkdir()
        self.store = AnnotationStore.open(workspace)
        self.mood = "well"
        self.css = build_css()
        models = ModelCache(WeightStore(), "cpu")
        jobs = JobRunner(self.store, workspace, [], {})  # not started
        segmenters, lock = Segmenters(models, workspace), WorkspaceLock(workspace)
        live = LiveLabelling(self.store, models, segmenters, workspace / "cache")
        steering = Steering(models, segmenters, workspace)
        sampler = ExportSampler(models, segmenters, steering.parts, workspace)
        photos = Photos(models, steering.photos)
        parts = (lock, jobs, segmenters, live, steering, photos, sampler)
        services = Services(workspace, models, "none", self.store, *parts)
        config = uvicorn.Config(self._app(services), log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        run = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        run.start()
        self._thread = run
        while not self._server.started:
            time.sleep(0.01)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
        self.store.close()

    def _app(self, services: Services) -> FastAPI:
        app = FastAPI()
        add_routes(app, services)

        @app.middleware("http")
        async def moody(
            request: Request, go_on: Callable[[Request], Awaitable[Response]]
        ) -> Response:
            down = JSONResponse({"error": "The database is busy.", "code": "database_busy"}, 503)
            if request.method == "POST" and self.mood == "down":
                return down
            answer = await go_on(request)
            return down if request.method == "POST" and self.mood == "lost" else answer

        @app.get("/theme.css")
        def theme() -> Response:
            return Response(self.css, media_type="text/css")

        @app.get("/review_harness.html")
        def page() -> FileResponse:
            return FileResponse(HERE / "review_harness.html")

        @app.get("/review_harness.js")
        def script() -> FileResponse:
            return FileResponse(HERE / "review_harness.js", media_type="text/javascript")

        return app
