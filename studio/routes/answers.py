"""Records of the store as JSON values. Addresses are relative to the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from annotations.records import (
    Face,
    Lease,
    Presence,
    Project,
    ProjectStatistics,
    Revision,
    SaveResult,
)
from annotations.taxonomy import LabelScheme

Answer = dict[str, Any]


def project_answer(project: Project) -> Answer:
    return {
        "id": project.id,
        "name": project.name,
        "created_at": time_answer(project.created_at),
        "num_faces": dict(project.num_faces),
        "scheme": _scheme(project.scheme),
    }


def face_answer(face: Face) -> Answer:
    """The addresses name what they show, so that browsers may keep it for ever."""
    version = face.identity_sha256[:16]
    return {
        "id": face.id,
        "project_id": face.project_id,
        "seed": face.seed,
        "psi": face.psi,
        "noise": face.noise,
        "generator": face.generator,
        "generator_sha256": face.generator_sha256,
        "width": face.width,
        "height": face.height,
        "created_at": time_answer(face.created_at),
        "status": face.status,
        "current": revision_answer(face.current) if face.current else None,
        "settled_id": face.settled_id,
        "picture": f"annotate/faces/{face.id}/picture.png?v={version}",
        "thumbnail": f"annotate/faces/{face.id}/thumbnail.jpg?v={version}",
    }


def revision_answer(revision: Revision) -> Answer:
    return {
        "id": revision.id,
        "face_id": revision.face_id,
        "parent_id": revision.parent_id,
        "author": revision.author,
        "source": revision.source,
        "status": revision.status,
        "comment": revision.comment,
        "seconds": revision.seconds,
        "created_at": time_answer(revision.created_at),
        "was_stale": revision.was_stale,
        "sha256": revision.sha256,
        "num_bytes": revision.num_bytes,
        "pixel_counts": {str(value): count for value, count in revision.pixel_counts.items()},
        "mask": f"annotate/revisions/{revision.id}/mask.png?v={revision.sha256[:16]}",
    }


def save_answer(saved: SaveResult) -> Answer:
    return {
        "revision": revision_answer(saved.revision),
        "current": revision_answer(saved.current),
        "is_stale": saved.is_stale,
        "is_repeat": saved.is_repeat,
    }


def presence_answer(presence: Presence) -> Answer:
    return {
        "holder": _lease(presence.holder) if presence.holder else None,
        "others": [_lease(lease) for lease in presence.others],
    }


def statistics_answer(statistics: ProjectStatistics, scheme: LabelScheme) -> Answer:
    colours = {label.id: label.color for label in scheme.classes}
    return {
        "num_faces": dict(statistics.num_faces),
        "classes": [
            {
                "id": each.class_id,
                "name": each.name,
                "color": colours.get(each.class_id),
                "num_pixels": each.num_pixels,
                "num_faces": each.num_faces,
            }
            for each in statistics.classes
        ],
        "people": [vars(each) for each in statistics.people],
    }


def _scheme(scheme: LabelScheme) -> Answer:
    classes = [
        {"id": label.id, "name": label.name, "color": label.color, "key": label.key}
        for label in scheme.classes
    ]
    return {"name": scheme.name, "classes": classes}


def _lease(lease: Lease) -> Answer:
    return {
        "person": lease.person,
        "session": lease.session,
        "since": time_answer(lease.since),
        "expires_at": time_answer(lease.expires_at),
    }


def time_answer(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
