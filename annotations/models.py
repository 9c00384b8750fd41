"""The tables. Rules live here where the database can hold them, not in the code that writes.

faces and mask_revisions never change (triggers in migrations/ refuse it); what changes of
a face is its one row in face_states. Large bytes (pictures, latents, masks) are in tables
of their own, which listings never read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from annotations.records import FaceStatus, JobState, Source, Status


class UtcDateTime(TypeDecorator[datetime]):
    """Times with a zone, stored as UTC; SQLite has no zones, so there it is added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert value.tzinfo is not None, "only times with a zone are stored"
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(choices: type[StrEnum], name: str) -> Enum:
    """A text column that the database restricts to the values of `choices`."""
    return Enum(
        choices,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda kinds: [kind.value for kind in kinds],
    )


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# Ids of deleted rows must not come back: a late save for a deleted face would land on another.
NEVER_REUSE_IDS = {"sqlite_autoincrement": True}


class SchemeRow(Base):
    """A label scheme as YAML; projects with equal schemes share it."""

    __tablename__ = "label_schemes"
    __table_args__ = (UniqueConstraint("sha256"), NEVER_REUSE_IDS)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    yaml: Mapped[str] = mapped_column(Text)


class ProjectRow(Base):
    __tablename__ = "projects"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("length(name) > 0", "named"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    scheme_id: Mapped[int] = mapped_column(ForeignKey("label_schemes.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FaceRow(Base):
    """identity_sha256: of picture, latent and provenance; adding a face again finds it."""

    __tablename__ = "faces"
    __table_args__ = (
        UniqueConstraint("project_id", "identity_sha256"),
        UniqueConstraint("project_id", "id"),  # what face_states refers to
        CheckConstraint("width > 0 AND height > 0", "size"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    seed: Mapped[int | None] = mapped_column(BigInteger)
    psi: Mapped[float]
    noise: Mapped[str] = mapped_column(String(100))
    generator: Mapped[str] = mapped_column(String(200))
    generator_sha256: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    identity_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FaceContentRow(Base):
    """The large bytes of a face. latent: .npy of float32 [L, C]. thumbnail: JPEG."""

    __tablename__ = "face_contents"

    face_id: Mapped[int] = mapped_column(
        ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    picture_sha256: Mapped[str] = mapped_column(String(64))
    thumbnail: Mapped[bytes] = mapped_column(LargeBinary)
    latent: Mapped[bytes] = mapped_column(LargeBinary)
    picture: Mapped[bytes] = mapped_column(LargeBinary)


class MaskRow(Base):
    """The bytes of a mask, once per face however many revisions have them.

    png: None once the drafts that had it were thinned.
    """

    __tablename__ = "masks"

    face_id: Mapped[int] = mapped_column(
        ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    png: Mapped[bytes | None] = mapped_column(LargeBinary)


class RevisionRow(Base):
    """save_key: chosen by who saves; a save that arrives twice is recognised by it."""

    __tablename__ = "mask_revisions"
    __table_args__ = (
        UniqueConstraint("save_key"),
        UniqueConstraint("face_id", "id"),  # what the pairs below refer to
        ForeignKeyConstraint(["face_id", "sha256"], ["masks.face_id", "masks.sha256"]),
        ForeignKeyConstraint(
            ["face_id", "parent_id"], ["mask_revisions.face_id", "mask_revisions.id"]
        ),
        CheckConstraint("parent_id < id", "parent_is_older"),
        CheckConstraint("length(author) > 0", "has_author"),
        CheckConstraint("seconds >= 0 AND num_bytes > 0", "amounts"),
        Index(None, "face_id", "parent_id"),
        Index(None, "face_id", "sha256"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    face_id: Mapped[int] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None]
    author: Mapped[str] = mapped_column(String(100))
    source: Mapped[Source] = mapped_column(one_of(Source, "source"))
    status: Mapped[Status] = mapped_column(one_of(Status, "status"))
    comment: Mapped[str] = mapped_column(Text)
    seconds: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    was_stale: Mapped[bool]
    sha256: Mapped[str] = mapped_column(String(64))
    num_bytes: Mapped[int]
    pixel_counts: Mapped[dict[str, int]] = mapped_column(JSON)
    save_key: Mapped[str] = mapped_column(String(200))


class FaceStateRow(Base):
    """What is in force on a face. project_id: as the face has it, for the index."""

    __tablename__ = "face_states"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "face_id"], ["faces.project_id", "faces.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["face_id", "current_id"], ["mask_revisions.face_id", "mask_revisions.id"]
        ),
        ForeignKeyConstraint(
            ["face_id", "settled_id"], ["mask_revisions.face_id", "mask_revisions.id"]
        ),
        CheckConstraint("(current_id IS NULL) = (status = 'todo')", "todo_without_mask"),
        Index(None, "project_id", "status", "face_id"),
        Index(None, "project_id", "face_id"),
    )

    face_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    status: Mapped[FaceStatus] = mapped_column(one_of(FaceStatus, "status"))
    current_id: Mapped[int | None]
    settled_id: Mapped[int | None]


class LeaseRow(Base):
    __tablename__ = "leases"
    __table_args__ = (CheckConstraint("length(person) > 0", "has_person"),)

    face_id: Mapped[int] = mapped_column(
        ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    session: Mapped[str] = mapped_column(String(100), primary_key=True)
    person: Mapped[str] = mapped_column(String(100))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobRow(Base):
    __tablename__ = "jobs"
    __table_args__ = (Index(None, "state", "id"), NEVER_REUSE_IDS)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(100))
    state: Mapped[JobState] = mapped_column(one_of(JobState, "state"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    person: Mapped[str] = mapped_column(String(100))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    doing: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(Text, default="")
    traceback: Mapped[str] = mapped_column(Text, default="")
    is_cancel_requested: Mapped[bool] = mapped_column(default=False)
    host: Mapped[str] = mapped_column(String(200), default="")
    pid: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
