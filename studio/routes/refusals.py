"""Errors of the routes as JSON: a message for the person, a code for the page."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from annotations import errors
from core.errors import CoreError, InvalidRequestError
from core.inversion.photo_files import PhotoError
from studio.workflows.photo_folder import NoPhotoError

log = logging.getLogger(__name__)

# The first class that fits counts.
_STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.NotFoundError, 404, "not_found"),
    (errors.NameTakenError, 409, "name_taken"),
    (errors.MasksWouldBeLostError, 409, "masks_would_be_lost"),
    (errors.StaleRevisionError, 409, "stale"),
    (errors.BadMaskError, 400, "bad_mask"),
    (errors.BadSchemeError, 400, "bad_scheme"),
    (errors.BadPictureError, 400, "bad_picture"),
    (errors.BadRequestError, 400, "bad_request"),
    (errors.DiskFullError, 507, "disk_full"),
    (errors.DatabaseBusyError, 503, "database_busy"),
    (errors.DatabaseError, 503, "database"),
    (NoPhotoError, 404, "no_photo"),
    (PhotoError, 400, "bad_photo"),
    (InvalidRequestError, 400, "bad_request"),
)
_RETRY_AFTER = {"retry-after": "2"}  # s


class RefusedError(Exception):
    """A refusal of the routes themselves."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def add_refusals(app: FastAPI, prefixes: tuple[str, ...]) -> None:
    """Have the application answer errors below `prefixes` with {"error", "code"}."""

    def known(request: Request, error: Exception) -> Response:
        return refuse(*status_of(error))

    def of_routes(request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return refuse(error.status, error.code, str(error))

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        return refuse(400, "bad_request", f"{where}: {first['msg']}.")

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refuse(error.status_code, "http", str(error.detail))

    def fault(request: Request, error: Exception) -> Response:
        log.error("A request failed: %s %s", request.method, request.url.path, exc_info=error)
        if not request.url.path.startswith(prefixes):
            return Response("Internal Server Error", status_code=500)
        return refuse(500, "fault", _fault_text(error))

    app.add_exception_handler(errors.AnnotationError, known)
    app.add_exception_handler(CoreError, known)
    app.add_exception_handler(RefusedError, of_routes)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(Exception, fault)


def status_of(error: Exception) -> tuple[int, str, str]:
    """Status, code and message of an error, where it cannot be raised any more: in a stream."""
    if not isinstance(error, errors.AnnotationError | CoreError):
        log.error("A request failed", exc_info=error)
        return 500, "fault", _fault_text(error)
    for kind, status, code in _STATUSES:
        if isinstance(error, kind):
            return status, code, str(error)
    return 500, "failed", str(error)


def _fault_text(error: Exception) -> str:
    return f"This is a fault in Faceloom ({type(error).__name__}); see the terminal."


def refuse(status: int, code: str, message: str) -> JSONResponse:
    headers = _RETRY_AFTER if status == 503 else None
    return JSONResponse({"error": message, "code": code}, status, headers)
