"""Projects, faces, masks, leases and jobs.

Written out once and never edited: a later change is a new step with the next number.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from annotations.migrations.v0001_triggers import POSTGRESQL, SQLITE

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table of the first schema."""
    _create_projects()
    _create_faces()
    _create_masks()
    _create_states()
    _create_jobs()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), primary_key=True)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False)


def _face_key() -> sa.Column[int]:
    cascade = sa.ForeignKey("faces.id", ondelete="CASCADE")
    return sa.Column("face_id", sa.Integer(), cascade, primary_key=True, autoincrement=False)


def _one_of(name: str, *choices: str) -> sa.Column[str]:
    kind = sa.Enum(*choices, name=name, native_enum=False, create_constraint=True, length=16)
    return sa.Column(name, kind, nullable=False)


def _create_projects() -> None:
    op.create_table(
        "label_schemes",
        _id(),
        _text("name", 100),
        _text("sha256", 64),
        _text("yaml"),
        sa.UniqueConstraint("sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "projects",
        _id(),
        _text("name", 100),
        sa.Column("scheme_id", sa.Integer(), sa.ForeignKey("label_schemes.id"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("name"),
        sa.CheckConstraint("length(name) > 0", "named"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_projects_scheme_id", "projects", ["scheme_id"])


def _create_faces() -> None:
    cascade = sa.ForeignKey("projects.id", ondelete="CASCADE")
    op.create_table(
        "faces",
        _id(),
        sa.Column("project_id", sa.Integer(), cascade, nullable=False),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("psi", sa.Double(), nullable=False),
        _text("noise", 100),
        _text("generator", 200),
        _text("generator_sha256", 64),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        _text("identity_sha256", 64),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("project_id", "identity_sha256"),
        sa.UniqueConstraint("project_id", "id"),
        sa.CheckConstraint("width > 0 AND height > 0", "size"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "face_contents",
        _face_key(),
        _text("picture_sha256", 64),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.Column("latent", sa.LargeBinary(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
    )


def _create_masks() -> None:
    cascade = sa.ForeignKey("faces.id", ondelete="CASCADE")
    op.create_table(
        "masks",
        _face_key(),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("png", sa.LargeBinary()),
    )
    op.create_table(
        "mask_revisions",
        _id(),
        sa.Column("face_id", sa.Integer(), cascade, nullable=False),
        sa.Column("parent_id", sa.Integer()),
        _text("author", 100),
        _one_of("source", "painted", "imported", "predicted"),
        _one_of("status", "draft", "done", "accepted", "rejected"),
        _text("comment"),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("was_stale", sa.Boolean(), nullable=False),
        _text("sha256", 64),
        sa.Column("num_bytes", sa.Integer(), nullable=False),
        sa.Column("pixel_counts", sa.JSON(), nullable=False),
        _text("save_key", 200),
        sa.UniqueConstraint("save_key"),
        sa.UniqueConstraint("face_id", "id"),
        sa.ForeignKeyConstraint(["face_id", "sha256"], ["masks.face_id", "masks.sha256"]),
        sa.ForeignKeyConstraint(
            ["face_id", "parent_id"], ["mask_revisions.face_id", "mask_revisions.id"]
        ),
        sa.CheckConstraint("parent_id < id", "parent_is_older"),
        sa.CheckConstraint("length(author) > 0", "has_author"),
        sa.CheckConstraint("seconds >= 0 AND num_bytes > 0", "amounts"),
        sqlite_autoincrement=True,
    )
    for column in ("parent_id", "sha256"):
        name = f"ix_mask_revisions_face_id_{column}"
        op.create_index(name, "mask_revisions", ["face_id", column])


def _create_states() -> None:
    revision_of_face = ["mask_revisions.face_id", "mask_revisions.id"]
    op.create_table(
        "face_states",
        sa.Column("face_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        _one_of("status", "todo", "draft", "done", "accepted", "rejected"),
        sa.Column("current_id", sa.Integer()),
        sa.Column("settled_id", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["project_id", "face_id"], ["faces.project_id", "faces.id"], ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["face_id", "current_id"], revision_of_face),
        sa.ForeignKeyConstraint(["face_id", "settled_id"], revision_of_face),
        sa.CheckConstraint("(current_id IS NULL) = (status = 'todo')", "todo_without_mask"),
    )
    for columns in (["project_id", "status", "face_id"], ["project_id", "face_id"]):
        op.create_index(f"ix_face_states_{'_'.join(columns)}", "face_states", columns)
    op.create_table(
        "leases",
        _face_key(),
        sa.Column("session", sa.String(100), primary_key=True),
        _text("person", 100),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.CheckConstraint("length(person) > 0", "has_person"),
    )


def _create_jobs() -> None:
    times = ("started_at", "heartbeat_at", "finished_at")
    op.create_table(
        "jobs",
        _id(),
        _text("kind", 100),
        _one_of("state", "queued", "running", "done", "failed", "cancelled"),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON()),
        _text("person", 100),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("done", "total")),
        *(_text(name) for name in ("doing", "error", "traceback")),
        sa.Column("is_cancel_requested", sa.Boolean(), nullable=False),
        _text("host", 200),
        sa.Column("pid", sa.Integer()),
        sa.Column("created_at", _TIME, nullable=False),
        *(sa.Column(name, _TIME) for name in times),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_state_id", "jobs", ["state", "id"])
