"""Masks into a project from a zip file that somebody sends, and out of it into one."""

from __future__ import annotations

import errno
import json
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from annotations import AnnotationError, AnnotationStore, Status
from annotations.errors import BadRequestError, BadSchemeError, DiskFullError
from annotations.interchange import (
    FORMATS,
    Format,
    ImportReport,
    ImportRequest,
    IndexOrder,
    MatchBy,
    export_masks,
    import_masks,
)
from annotations.interchange.found import OnFile
from annotations.interchange.manifest import MANIFEST_FILE
from studio.workflows.zip_files import pack, unpack

PICTURES = "images"  # folder of the faces in an export
DESCRIPTIONS = {
    "index": "Index PNG: one grey file a face, its values are class ids",
    "palette": "Palette PNG: one file a face in the scheme's colours",
    "celebamask": "CelebAMask-HQ: a black and white PNG for each part, 512 px",
    "panoptic": "COCO panoptic: one JSON file, and a PNG of segments a face",
    "rle": "COCO RLE: one JSON file with run lengths of each class",
}

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class MaskImport:
    """What to do with the masks of a zip file; see `ImportRequest`."""

    format: str
    author: str
    status: Status = Status.DRAFT
    match: MatchBy = MatchBy.AUTO
    order: IndexOrder = IndexOrder.SCHEME
    replace: bool = False
    resize: bool = False


@dataclass(frozen=True)
class MaskExport:
    """Which masks to take. has_pictures: with the faces, as images/<number of the mask>.png."""

    format: str
    statuses: tuple[Status, ...] = (Status.DONE, Status.ACCEPTED)
    has_pictures: bool = False


@dataclass(frozen=True)
class ZipFile:
    """A finished zip file without a name on the disk: it is gone once it is closed.

    name: what to call it, as 'faces-index.zip'. num_masks: of them in it.
    """

    file: IO[bytes]
    name: str
    num_bytes: int
    num_masks: int


def named_format(name: str) -> Format:
    """Raises BadRequestError that lists the formats there are."""
    if name not in FORMATS:
        raise BadRequestError(
            f"There is no format '{name[:40]}' of masks. Choose one of: {', '.join(FORMATS)}."
        )
    return FORMATS[name]


def import_zip(
    store: AnnotationStore, project_id: int, upload: IO[bytes], wanted: MaskImport, cache: Path
) -> ImportReport:
    """Keep the masks of a zip file in a project: all of them, or none.

    The pictures of our own exports are passed over. Raises BadRequestError or BadSchemeError
    for a file that cannot be read, NotFoundError, DiskFullError, DatabaseError.
    """
    format = named_format(wanted.format)
    with temporary_folder(cache) as folder, _told_as_zip(folder):
        unpack(upload, folder)
        if (folder / MANIFEST_FILE).exists():
            shutil.rmtree(folder / PICTURES, ignore_errors=True)
        request = ImportRequest(
            folder,
            format,
            wanted.author,
            match=wanted.match,
            order=wanted.order,
            status=wanted.status,
            resize=wanted.resize,
            replace=wanted.replace,
        )
        return import_masks(store, project_id, request)


def export_zip(
    store: AnnotationStore,
    project_id: int,
    wanted: MaskExport,
    cache: Path,
    on_file: OnFile = lambda done, total: None,
) -> ZipFile:
    """Write a project's masks into a zip file, which the caller closes.

    The same masks make the same bytes. Raises BadRequestError if there is nothing to write,
    BadSchemeError, NotFoundError, DiskFullError, DatabaseError; then nothing is left.
    """
    format = named_format(wanted.format)
    project = store.projects.get(project_id)
    with temporary_folder(cache) as folder:
        masks = folder / "masks"
        report = export_masks(
            store, project_id, masks, format, statuses=wanted.statuses, on_file=on_file
        )
        faces = _faces_of(masks) if wanted.has_pictures else {}

        def pictures() -> Iterator[tuple[str, bytes]]:
            for done, (name, face_id) in enumerate(faces.items()):
                on_file(done, len(faces))
                yield f"{PICTURES}/{name}.png", store.faces.picture(face_id)

        file = tempfile.TemporaryFile(dir=cache)  # noqa: SIM115 - the caller's
        try:
            pack(file, masks, pictures())
            num_bytes = file.tell()
            file.seek(0)
        except BaseException:
            file.close()
            raise
    name = f"{_plain(project.name)}-{format.name}.zip"
    return ZipFile(file, name, num_bytes, report.num_masks)


@contextmanager
def temporary_folder(cache: Path) -> Iterator[Path]:
    """A folder in the cache that is removed whatever happens; after a kill, by `tidy_up`.

    Raises DiskFullError where the block met a full disk, AnnotationError where the system
    refuses otherwise.
    """
    folder = cache / f".unfinished-{secrets.token_hex(8)}"
    try:
        folder.mkdir()
        yield folder
    except (OSError, AnnotationError) as error:
        # An export fails by a plain AnnotationError; those of other classes say more already.
        cause = error.__cause__ if type(error) is AnnotationError else error
        if not isinstance(cause, OSError):
            raise
        if cause.errno in _FULL:
            raise DiskFullError(
                str(cache),
                "The studio's disk is full. Nothing was changed and nothing of this was left; "
                "free some space and try again.",
            ) from error
        raise AnnotationError(
            f"The studio cannot use the folder {cache} ({cause.strerror}). Nothing was changed; "
            "check that it is there and may be written."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _told_as_zip(folder: Path) -> Iterator[None]:
    """Whoever sent a zip file knows nothing of the folder it was unpacked to."""

    def told(error: AnnotationError) -> str:
        return str(error).replace(f"{folder}/", "").replace(str(folder), "The zip file")

    try:
        yield
    except BadSchemeError as error:
        raise BadSchemeError(told(error)) from error
    except BadRequestError as error:
        raise BadRequestError(told(error)) from error


def _faces_of(masks: Path) -> dict[str, int]:
    """Name of each mask of an export -> id of its face."""
    manifest = json.loads((masks / MANIFEST_FILE).read_text(encoding="utf-8"))
    return {entry["name"]: entry["face"] for entry in manifest["masks"]}


def _plain(name: str) -> str:
    """A project's name as part of a file's name on any system."""
    return re.sub(r'[\\/:*?"<>|\s]+', "-", name).strip("-.") or "masks"
