"""Masks sent as a zip file, and fetched as one."""

from __future__ import annotations

import asyncio
import functools
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from annotations import Status
from annotations.interchange import FORMATS, ImportReport, IndexOrder, MatchBy
from core.errors import Cancelled
from studio.routes.answers import Answer
from studio.routes.asking import Person, Studio
from studio.routes.refusals import RefusedError
from studio.workflows.exchanging import (
    DESCRIPTIONS,
    MaskExport,
    MaskImport,
    ZipFile,
    export_zip,
    import_zip,
    named_format,
    temporary_folder,
)

router = APIRouter()

MAX_UPLOAD = 512 << 20  # bytes
MAX_TOLD = 200  # problems; the rest is only counted

_AT_ONCE = 1 << 20  # bytes written or sent together
_LOOK_EVERY = 0.5  # s; whether somebody still waits for an export


class ImportOptions(BaseModel):
    """See `MaskImport`."""

    format: str
    status: Literal[Status.DRAFT, Status.DONE] = Status.DRAFT
    match: MatchBy = MatchBy.AUTO
    order: IndexOrder = IndexOrder.SCHEME
    replace: bool = False
    resize: bool = False


@router.get("/formats")
def formats() -> Answer:
    """max_import_bytes: of the zip file."""
    known = [
        {"name": name, "description": DESCRIPTIONS[name], "can_import": True, "can_export": True}
        for name in FORMATS
    ]
    return {"formats": known, "max_import_bytes": MAX_UPLOAD}


@router.post("/projects/{project_id}/import")
async def import_(
    studio: Studio,
    person: Person,
    request: Request,
    project_id: int,
    options: Annotated[ImportOptions, Query()],
) -> Answer:
    """Body: a zip file. Every mask of it is kept, or none and the answer lists the problems."""
    named_format(options.format)
    await run_in_threadpool(studio.store.projects.get, project_id)  # before all that is sent
    wanted = MaskImport(author=person, **dict(options))
    with temporary_folder(studio.cache) as folder, tempfile.TemporaryFile(dir=folder) as upload:
        await _receive(request, upload)
        report = await run_in_threadpool(
            import_zip, studio.store, project_id, upload, wanted, studio.cache
        )
    return _import_answer(report)


@router.get("/projects/{project_id}/export.zip")
async def export(
    studio: Studio,
    request: Request,
    project_id: int,
    format: str,
    status: Annotated[list[Status] | None, Query()] = None,
    pictures: bool = False,
) -> StreamingResponse:
    """status: of the masks to take, by default done and accepted. pictures: of the faces too."""
    statuses = tuple(status) if status else MaskExport.statuses
    wanted = MaskExport(format, statuses, pictures)
    gone = threading.Event()

    def stop_if_gone(done: int, total: int) -> None:
        if gone.is_set():
            raise Cancelled(f"Nobody waits for the export any more; {done} of {total} were made.")

    watcher = asyncio.create_task(_set_when_gone(request, gone))
    make = functools.partial(export_zip, studio.store, project_id, wanted, studio.cache)
    try:
        return Download(await run_in_threadpool(make, stop_if_gone))
    finally:
        watcher.cancel()


class Download(StreamingResponse):
    """A zip file on its way to the disk of whoever asked; closed however that ends."""

    def __init__(self, zip_file: ZipFile) -> None:
        plain = zip_file.name.encode("ascii", "replace").decode().replace("?", "_")
        headers = {
            "content-length": str(zip_file.num_bytes),
            "content-disposition": f'attachment; filename="{plain}"; '
            f"filename*=utf-8''{quote(zip_file.name, safe='')}",
            "cache-control": "no-store",
        }
        super().__init__(_parts(zip_file.file), headers=headers, media_type="application/zip")
        self._file = zip_file.file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(_AT_ONCE):
        yield part


async def _receive(request: Request, upload: IO[bytes]) -> None:
    """Write the body to a file; refused as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > MAX_UPLOAD:
        raise _too_large()
    waiting, num_bytes = bytearray(), 0
    try:
        async for part in request.stream():
            waiting += part
            num_bytes += len(part)
            if num_bytes > MAX_UPLOAD:
                raise _too_large()
            if len(waiting) >= _AT_ONCE:
                await run_in_threadpool(upload.write, bytes(waiting))
                waiting.clear()
    except ClientDisconnect as error:
        text = f"The zip file ended after {num_bytes} bytes. Nothing was kept; send it again."
        raise RefusedError(400, "incomplete", text) from error
    await run_in_threadpool(upload.write, bytes(waiting))
    await run_in_threadpool(upload.flush)


def _too_large() -> RefusedError:
    text = (
        f"The zip file has more than {MAX_UPLOAD >> 20} MiB. Nothing was kept; send it in parts, "
        "or copy it to the studio's machine and run: python launch.py masks import --help"
    )
    return RefusedError(413, "too_large", text)


async def _set_when_gone(request: Request, gone: threading.Event) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(_LOOK_EVERY)
    gone.set()


def _import_answer(report: ImportReport) -> Answer:
    """num_imported: masks that were added; num_beside: those not in force, since their face
    has a mask. num_skipped: masks that were there already."""
    result = report.result
    told = [f"{problem.file}: {problem.message}" for problem in report.problems[:MAX_TOLD]]
    return {
        "num_files": report.num_files,
        "num_imported": result.num_current + result.num_beside if result else 0,
        "num_beside": result.num_beside if result else 0,
        "num_skipped": result.num_known if result else 0,
        "num_problems": len(report.problems),
        "problems": told,
    }
