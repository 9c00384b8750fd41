"""Masks from files: looked at all together first, then all of them kept, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from annotations.bulk_saving import BulkMask, BulkResult
from annotations.errors import BadMaskError, BadRequestError, BadSchemeError
from annotations.interchange.found import Format, Found, FoundMask, IndexOrder, OnFile, Problem
from annotations.interchange.manifest import read_scheme
from annotations.interchange.matching import MatchBy, matcher
from annotations.interchange.part_orders import id_table
from annotations.interchange.resizing import resize_labels
from annotations.mask_codec import EncodedMask, check_size, check_values, prepare_mask
from annotations.records import Face, FaceStatus, Source, Status
from annotations.store import AnnotationStore
from annotations.store_faces import MAX_PAGE
from annotations.taxonomy import IGNORE_ID, LabelScheme, default_scheme


@dataclass(frozen=True)
class ImportRequest:
    """folder: what to read. resize: fit masks of other sizes to their faces.

    replace: the import comes into force on faces that have a mask; otherwise it is kept
    beside. order: what the values of index PNGs mean.
    """

    folder: Path
    format: Format
    author: str
    match: MatchBy = MatchBy.AUTO
    order: IndexOrder = IndexOrder.SCHEME
    status: Status = Status.DRAFT
    source: Source = Source.IMPORTED
    resize: bool = False
    replace: bool = False


@dataclass(frozen=True)
class ImportReport:
    """problems: if there are any, nothing was imported and `result` is None."""

    num_files: int
    problems: tuple[Problem, ...]
    result: BulkResult | None


@dataclass(frozen=True)
class CheckReport:
    """pixel_counts: class id -> pixels of all masks that could be read, 255 included."""

    num_files: int
    problems: tuple[Problem, ...]
    pixel_counts: dict[int, int]

    @property
    def num_unlabelled(self) -> int:
        return self.pixel_counts.get(IGNORE_ID, 0)


def import_masks(
    store: AnnotationStore,
    project_id: int,
    request: ImportRequest,
    on_file: OnFile = lambda done, total: None,
) -> ImportReport:
    """Read a folder of masks into a project.

    Every file is looked at and every problem reported; with one or more, nothing is
    imported. Raises BadRequestError or BadSchemeError for a folder that cannot be read at
    all, NotFoundError, DatabaseError.
    """
    scheme = store.projects.get(project_id).scheme
    found = _found(request.folder, request.format, scheme, request.order)
    face_of = matcher(request.match, request.folder, all_faces(store, project_id))
    masks: dict[int, BulkMask] = {}
    problems = list(found.problems)
    for place, one in enumerate(found.masks):
        on_file(place, len(found.masks))
        try:
            face = face_of(one.name)
            if face.id in masks:
                raise BadMaskError(f"Face {face.id} was given another mask by this folder too.")
            mask = _prepared(one, face, scheme, request.resize)
            masks[face.id] = BulkMask(face.id, mask, f"from {one.file}")
        except BadMaskError as error:
            problems.append(Problem(one.file, str(error)))
    on_file(len(found.masks), len(found.masks))
    if problems:
        return ImportReport(len(found.masks), tuple(problems), None)
    result = store.imports.save_all(
        list(masks.values()),
        request.author,
        status=request.status,
        source=request.source,
        replace=request.replace,
    )
    return ImportReport(len(found.masks), (), result)


def check_masks(
    folder: Path,
    format: Format,
    scheme: LabelScheme | None = None,
    *,
    order: IndexOrder = IndexOrder.SCHEME,
    size_hw: tuple[int, int] | None = None,
    on_file: OnFile = lambda done, total: None,
) -> CheckReport:
    """Read a folder of masks and report every problem; changes nothing.

    scheme: None means the folder's scheme.yaml, or the default one. size_hw: what each mask
    must have. Raises as `import_masks` does.
    """
    scheme = scheme or read_scheme(folder) or default_scheme()
    found = _found(folder, format, scheme, order)
    problems = list(found.problems)
    pixels: Counter[int] = Counter()
    for place, one in enumerate(found.masks):
        on_file(place, len(found.masks))
        try:
            labels = one.read()
            check_size((labels.shape[0], labels.shape[1]), size_hw)
            pixels.update(check_values(labels, scheme))
        except BadMaskError as error:
            problems.append(Problem(one.file, str(error)))
    on_file(len(found.masks), len(found.masks))
    return CheckReport(len(found.masks), tuple(problems), dict(sorted(pixels.items())))


def all_faces(
    store: AnnotationStore, project_id: int, statuses: Collection[FaceStatus] | None = None
) -> list[Face]:
    """Every face of a project, in order, read page by page."""
    faces: list[Face] = []
    while True:
        page = store.faces.page(project_id, statuses, offset=len(faces), limit=MAX_PAGE)
        faces += page.faces
        if len(page.faces) < MAX_PAGE:
            return faces


def _found(folder: Path, format: Format, scheme: LabelScheme, order: IndexOrder) -> Found:
    if not folder.is_dir():
        raise BadRequestError(f"There is no folder {folder}. Check the path.")
    if order == IndexOrder.SCHEME:
        _check_same_scheme(folder, format, scheme)
    elif format.has_ids:
        id_table(order, scheme)  # says at once what the scheme lacks
    format.check(scheme)
    try:
        found = format.find(folder, scheme, order)
    except BadMaskError as error:
        raise BadRequestError(f"{folder}: {error}") from error
    if not found.masks and not found.problems:
        raise BadRequestError(
            f"{folder} has no masks in the format '{format.name}'. Check the folder and format."
        )
    return found


def _check_same_scheme(folder: Path, format: Format, scheme: LabelScheme) -> None:
    """Numbers mean nothing without their scheme; refuse those of another one."""
    theirs = read_scheme(folder) if format.has_ids else None
    if theirs is None:
        return
    names, ours = ({c.id: c.name for c in one.classes} for one in (theirs, scheme))
    if names != ours:
        differing = sorted(i for i in names.keys() | ours.keys() if names.get(i) != ours.get(i))
        first = differing[0]
        raise BadSchemeError(
            f"{folder} has masks of the scheme '{theirs.name}', in which {first} is "
            f"{names.get(first)!r}; in '{scheme.name}' it is {ours.get(first)!r}. "
            "Import them into a project with their scheme."
        )


def _prepared(one: FoundMask, face: Face, scheme: LabelScheme, resize: bool) -> EncodedMask:
    labels = one.read()
    if resize:
        labels = resize_labels(labels, face.height, face.width)
    return prepare_mask(labels, scheme, (face.height, face.width))
