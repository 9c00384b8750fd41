"""Files of trainings for the page: sample pictures, the report, weights, log. Nothing else."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from studio.routes.asking import Studio
from studio.routes.refusals import RefusedError
from studio.workflows.run_folders import RunFolder, find_run

PREFIX = "/train"
router = APIRouter()

_SHOWN = re.compile(
    r"samples/epoch-\d+\.jpg|report/[\w./-]+\.(?:html|json|png|jpg|css)"
    r"|log\.txt|config\.yaml|run\.json|history\.jsonl"
)
_ASKED_EACH_TIME = {"cache-control": "no-cache"}


@router.get("/runs/{run}/weights.safetensors")
def weights(studio: Studio, run: str) -> Response:
    """The segmenter of the best epoch, as a download."""
    found = find_run(studio.workspace, run)
    if not found.best.is_file():
        raise RefusedError(404, "not_found", f"Run {found.name} has no finished epoch yet.")
    return FileResponse(
        found.best, media_type="application/octet-stream", filename=f"{found.name}.safetensors"
    )


@router.get("/runs/{run}/{file:path}")
def run_file(studio: Studio, run: str, file: str) -> Response:
    found: RunFolder = find_run(studio.workspace, run)
    path = (found.path / file).resolve()
    is_inside = path.is_relative_to(found.path.resolve())
    if not (_SHOWN.fullmatch(file) and is_inside and path.is_file()):
        raise RefusedError(404, "not_found", f"Run {found.name} has no file {file}.")
    kind = "text/plain; charset=utf-8" if path.suffix in (".txt", ".yaml", ".jsonl") else None
    return FileResponse(path, media_type=kind, headers=_ASKED_EACH_TIME)
