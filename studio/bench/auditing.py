"""Was anything lost? The database held against what was acknowledged.

Reads the tables by SQL of its own and decodes masks by Pillow alone, so that the code that
wrote them is not asked whether it did well.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from PIL import Image
from sqlalchemy import Connection, Row, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from studio.bench.annotators import Acknowledged

MaskRow: TypeAlias = "Row[Any]"

_MASKS = """
SELECT revision.id, revision.face_id, revision.parent_id, revision.author, revision.status,
       revision.was_stale, revision.save_key, revision.sha256, mask.png
FROM mask_revisions AS revision
JOIN faces AS face ON face.id = revision.face_id
LEFT JOIN masks AS mask ON mask.face_id = revision.face_id AND mask.sha256 = revision.sha256
WHERE face.project_id = :project ORDER BY revision.id
"""
_STATES = (
    "SELECT face_id, current_id, settled_id, status FROM face_states WHERE project_id = :project"
)
_INDEXES = """
SELECT c.oid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
"""
_TABLES = """
SELECT c.oid FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
WHERE c.relkind = 'r'
"""


@dataclass
class Audit:
    """Acknowledged saves that are missing (lost), have other pixels (corrupt) or are there more
    than once (doubled); extra: revisions that nobody was told of. num_saves and num_stale: of
    what is there. faults: whatever else does not fit, in words. integrity: the database's own
    check of itself."""

    lost: int = 0
    corrupt: int = 0
    doubled: int = 0
    extra: int = 0
    num_revisions: int = 0
    num_stale: int = 0
    integrity: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        wrong = self.lost or self.corrupt or self.doubled or self.extra or self.faults
        return not wrong and self.integrity != "damaged"


def audit_project(url: str, project_id: int, saves: Sequence[Acknowledged]) -> Audit:
    """Compare a project's revisions with the saves that were acknowledged. Read-only."""
    audit = Audit()
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text(_MASKS), {"project": project_id}).all()
            states = connection.execute(text(_STATES), {"project": project_id}).all()
            audit.integrity = _integrity(connection, audit.faults)
    finally:
        engine.dispose()
    _compare(audit, rows, saves)
    audit.faults += _broken_chains(rows, states)
    return audit


def _compare(audit: Audit, rows: Sequence[MaskRow], saves: Sequence[Acknowledged]) -> None:
    audit.num_revisions = len(rows)
    audit.num_stale = sum(bool(row.was_stale) for row in rows)
    by_key: dict[str, list[MaskRow]] = defaultdict(list)
    for row in rows:
        by_key[row.save_key].append(row)
    for save in saves:
        found = by_key.pop(save.key, [])
        if not found:
            audit.lost += 1
            continue
        audit.doubled += len(found) - 1
        audit.corrupt += _labels_sha256(found[0]) != save.labels_sha256
        audit.faults += _differences(found[0], save)
    audit.extra = sum(len(found) for found in by_key.values())
    twice = Counter(save.key for save in saves)
    audit.faults += [f"{key} was acknowledged twice" for key, count in twice.items() if count > 1]


def _labels_sha256(row: MaskRow) -> str | None:
    """Of the label map's bytes; None where the PNG is missing, damaged or not what it says."""
    if row.png is None or hashlib.sha256(row.png).hexdigest() != row.sha256:
        return None
    try:
        with Image.open(io.BytesIO(row.png)) as image:
            return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()
    except (OSError, SyntaxError, ValueError):
        return None


def _differences(row: MaskRow, save: Acknowledged) -> Iterator[str]:
    pairs = {
        "revision": (row.id, save.revision_id),
        "face": (row.face_id, save.face_id),
        "parent": (row.parent_id, save.parent_id),
        "author": (row.author, save.author),
        "status": (row.status, save.status),
        "stale": (bool(row.was_stale), save.is_stale),
    }
    for name, (stored, told) in pairs.items():
        if stored != told:
            yield f"save {save.key}: its {name} is {stored!r}, acknowledged was {told!r}"


def _broken_chains(rows: Sequence[MaskRow], states: Sequence[MaskRow]) -> Iterator[str]:
    """Play every face's revisions again, by the rule of annotations/store_masks.py."""
    current: dict[int, int] = {}
    settled: dict[int, int] = {}
    status: dict[int, str] = {}
    known = {row.id: row.face_id for row in rows}
    for row in rows:
        if row.parent_id is not None and known.get(row.parent_id) != row.face_id:
            yield f"revision {row.id}: its parent {row.parent_id} is none of face {row.face_id}"
        is_stale = row.parent_id != current.get(row.face_id)
        if is_stale != bool(row.was_stale):
            yield f"revision {row.id} says stale: {row.was_stale}, but is {is_stale}"
        if not is_stale:
            current[row.face_id], status[row.face_id] = row.id, row.status
            if row.status != "draft":
                settled[row.face_id] = row.id
    for state in states:
        face = state.face_id
        played = (current.get(face), settled.get(face), status.get(face, "todo"))
        if (state.current_id, state.settled_id, state.status) != played:
            yield f"face {face} is {tuple(state)[1:]}, its revisions make it {played}"


def _integrity(connection: Connection, faults: list[str]) -> str:
    """'ok', 'damaged' (then why is in `faults`), or 'not checked' where that is not allowed."""
    is_file = connection.dialect.name == "sqlite"
    if not is_file and not _may_check(connection):
        return "not checked"
    try:
        found = (
            _complaints_of_sqlite(connection) if is_file else _complaints_of_postgres(connection)
        )
    except DBAPIError as error:
        found = [str(error.orig)]
    faults += found
    return "damaged" if found else "ok"


def _complaints_of_sqlite(connection: Connection) -> list[str]:
    found = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
    found += [str(row) for row in connection.execute(text("PRAGMA foreign_key_check"))]
    return [one for one in found if one != "ok"]


def _may_check(connection: Connection) -> bool:
    """Only an administrator may have the server look; the extension goes with the transaction."""
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS amcheck"))
    except DBAPIError:
        return False
    return True


def _complaints_of_postgres(connection: Connection) -> list[str]:
    for index in connection.execute(text(_INDEXES)).scalars().all():
        connection.execute(text("SELECT bt_index_check(:index, true)"), {"index": index})
    found: list[str] = []
    for table in connection.execute(text(_TABLES)).scalars().all():
        look = text("SELECT msg FROM verify_heapam(:table)")
        found += connection.execute(look, {"table": table}).scalars()
    return found
