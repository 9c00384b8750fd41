"""What the first schema refuses, whoever asks: changing or removing what was saved.

Faces and revisions never change. A revision, and the bytes of a mask, go only with their
face; the bytes alone may be dropped (set to NULL) where nothing but drafts has them and
none of those is in force. Not a step: it has no `revision`; v0001_initial runs it.
"""

from __future__ import annotations

_DROPPABLE = """
    NEW.png IS NULL AND NOT EXISTS (
        SELECT 1 FROM mask_revisions r
        LEFT JOIN face_states s ON s.face_id = r.face_id AND s.current_id = r.id
        WHERE r.face_id = OLD.face_id AND r.sha256 = OLD.sha256
        AND (r.status <> 'draft' OR s.current_id IS NOT NULL))"""
_ALLOWED = f"""
    NEW.face_id = OLD.face_id AND NEW.sha256 = OLD.sha256
    AND (OLD.png IS NULL OR (NEW.png IS NOT NULL AND NEW.png = OLD.png) OR ({_DROPPABLE}))"""
_FACE_STAYS = "EXISTS (SELECT 1 FROM faces WHERE id = OLD.face_id)"

_RULES = (  # table, what is refused, when
    ("faces", "UPDATE", "TRUE"),
    ("face_contents", "UPDATE", "TRUE"),
    ("mask_revisions", "UPDATE", "TRUE"),
    ("mask_revisions", "DELETE", _FACE_STAYS),
    ("masks", "UPDATE", f"NOT ({_ALLOWED})"),
    ("masks", "DELETE", _FACE_STAYS),
)

SQLITE = tuple(
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} WHEN {when} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for table, verb, when in _RULES
)

POSTGRESQL = tuple(
    statement
    for table, verb, when in _RULES
    for statement in (
        f"CREATE FUNCTION {table}_no_{verb.lower()}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {when} THEN RAISE EXCEPTION '{table} is append-only' "
        f"USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"RETURN {'NEW' if verb == 'UPDATE' else 'OLD'}; END $$",
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_no_{verb.lower()}()",
    )
)
