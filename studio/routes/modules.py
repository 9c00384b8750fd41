"""The page's JavaScript modules as files: of these folders the .js files, and nothing else."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_STUDIO = Path(__file__).parent.parent
MODULES = {name: _STUDIO / name for name in ("painter", "annotate", "control", "export")}


class ModuleFiles(StaticFiles):
    """The browser asks each time whether a module changed, and mostly is told that it did not."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not path.endswith(".js"):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response
