"""Masks to files, in a new folder that is whole or not there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from annotations.errors import BadRequestError
from annotations.interchange.found import Format, NamedMask, OnFile
from annotations.interchange.importing import all_faces
from annotations.interchange.manifest import ManifestEntry, entry_of, write_manifest
from annotations.interchange.new_folder import new_folder
from annotations.interchange.resizing import resize_labels
from annotations.records import Face, Revision, Status
from annotations.store import AnnotationStore
from annotations.taxonomy import IGNORE_ID


@dataclass(frozen=True)
class ExportReport:
    """num_left_out: faces without a mask of the wanted statuses.

    num_unlabelled: pixels in what was written; the format 'celebamask' cannot tell them
    from background.
    """

    folder: Path
    num_masks: int
    num_left_out: int
    num_unlabelled: int


def export_masks(
    store: AnnotationStore,
    project_id: int,
    folder: Path,
    format: Format,
    *,
    statuses: Collection[Status] = (Status.DONE, Status.ACCEPTED),
    size: int | None = None,
    on_file: OnFile = lambda done, total: None,
) -> ExportReport:
    """Write a project's masks to a folder that is new or empty, with masks.json beside.

    Of each face the newest mask in force that is no draft counts, so a draft on top of a
    finished mask hides nothing; with 'draft' among the statuses, the mask in force counts.
    A file's number is the face's position in its project. size: pixels of the longer side,
    None for the face's own (celebamask: 512). Raises BadRequestError if there is nothing
    to write, BadSchemeError, DatabaseError; then the folder is as it was.
    """
    project = store.projects.get(project_id)
    format.check(project.scheme)
    faces = all_faces(store, project_id)
    chosen = list(_chosen(store, faces, frozenset(statuses)))
    if not chosen:
        raise BadRequestError(
            f"None of the {len(faces)} faces of '{project.name}' has a mask that is "
            f"{' or '.join(sorted(statuses))}. Finish some, or export other statuses."
        )
    size = size or format.export_size
    num_unlabelled = 0
    entries: list[ManifestEntry] = []

    def masks() -> Iterator[NamedMask]:
        nonlocal num_unlabelled
        for done, (place, face, revision) in enumerate(chosen):
            on_file(done, len(chosen))
            labels = store.masks.labels(revision.id)
            if size is not None:
                labels = resize_labels(labels, *_scaled(face, size))
            num_unlabelled += int((labels == IGNORE_ID).sum())
            name = f"{place:05d}"
            entries.append(entry_of(name, face, revision))
            yield NamedMask(name, labels)

    with new_folder(folder) as unfinished:
        format.write(unfinished, project.scheme, masks())
        write_manifest(unfinished, format.name, project.scheme, entries)
    on_file(len(chosen), len(chosen))
    return ExportReport(folder, len(chosen), len(faces) - len(chosen), num_unlabelled)


def chosen_masks(
    store: AnnotationStore, project_id: int, statuses: Collection[Status]
) -> Iterator[tuple[int, Face, Revision]]:
    """Position, face and the mask that `export_masks` would write, in order. Read-only."""
    return _chosen(store, all_faces(store, project_id), frozenset(statuses))


def _chosen(
    store: AnnotationStore, faces: list[Face], statuses: frozenset[Status]
) -> Iterator[tuple[int, Face, Revision]]:
    """Position, face and the mask that counts."""
    for place, face in enumerate(faces):
        if face.current is None:
            continue
        revision: Revision | None = face.current
        if face.current.id != face.settled_id and Status.DRAFT not in statuses:
            revision = store.masks.revision(face.settled_id) if face.settled_id else None
        if revision is not None and revision.status in statuses:
            yield place, face, revision


def _scaled(face: Face, size: int) -> tuple[int, int]:
    """Height and width with the longer side `size` px."""
    longer = max(face.height, face.width)
    return max(1, face.height * size // longer), max(1, face.width * size // longer)
