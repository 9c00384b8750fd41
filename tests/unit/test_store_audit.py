"""The audit behind `bench store` sees every kind of loss, and annotators repeat as the painter."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from sqlalchemy import Connection, create_engine, text

from annotations import AnnotationStore, Status, default_scheme, encode_mask
from core.errors import InvalidRequestError
from studio.bench import annotators
from studio.bench.annotators import Acknowledged, Annotator, Painted
from studio.bench.auditing import Audit, audit_project
from studio.bench.paintings import Painting
from studio.bench.store import StoreBench
from tests.painted_faces import labels, project_with_faces


@pytest.fixture
def saves(store: AnnotationStore) -> list[Acknowledged]:
    """Two people at one face, the second of them stale, and one at another."""
    _, (shared, own) = project_with_faces(store, 2)
    saves: list[Acknowledged] = []
    for author, face in (("Ann", shared), ("Bo", shared), ("Cy", own)):
        parent_id = None
        for number in range(3):
            saves.append(saved(store, author, face, parent_id, number))
            parent_id = saves[-1].revision_id
    return saves


def saved(
    store: AnnotationStore, author: str, face: int, parent_id: int | None, number: int
) -> Acknowledged:
    mask = labels(len(author) + number)
    status = Status.DONE if number == 2 else Status.DRAFT
    key = f"{author} {number}"
    result = store.masks.save(face, mask, author, parent_id=parent_id, status=status, save_key=key)
    return Acknowledged(
        key=key,
        face_id=face,
        author=author,
        status=status,
        parent_id=parent_id,
        labels_sha256=hashlib.sha256(mask.tobytes()).hexdigest(),
        revision_id=result.revision.id,
        is_stale=result.is_stale,
        is_repeat=False,
        num_tries=1,
        milliseconds=1.0,
    )


def audited(url: str, saves: list[Acknowledged]) -> Audit:
    return audit_project(url, 1, saves)


@contextmanager
def tampering(url: str) -> Iterator[Connection]:
    """A connection for which the store's rules do not count; what is done by it stays."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                for name in connection.execute(text(triggers)).scalars().all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
    finally:
        engine.dispose()


def test_a_store_that_has_all_is_sound(database_url: str, saves: list[Acknowledged]) -> None:
    audit = audited(database_url, saves)
    assert audit == Audit(num_revisions=9, num_stale=3, integrity="ok") and audit.is_sound


def test_a_save_that_is_missing_is_lost(database_url: str, saves: list[Acknowledged]) -> None:
    never = replace(saves[0], key="never arrived")
    assert audited(database_url, [*saves, never]).lost == 1
    with tampering(database_url) as connection:
        connection.execute(
            text(
                "UPDATE face_states SET current_id = NULL, settled_id = NULL, "
                "status = 'todo' WHERE face_id = 2"
            )
        )
        connection.execute(text("DELETE FROM mask_revisions WHERE author = 'Cy'"))
    audit = audited(database_url, saves)
    assert (audit.lost, audit.corrupt, audit.is_sound) == (3, 0, False)


def test_a_save_that_nobody_was_told_of_is_extra(
    database_url: str, saves: list[Acknowledged]
) -> None:
    audit = audited(database_url, saves[:-1])
    assert (audit.extra, audit.lost, audit.is_sound) == (1, 0, False)


def test_other_pixels_are_corrupt_whether_their_bytes_are_whole_or_not(
    database_url: str, saves: list[Acknowledged]
) -> None:
    other = encode_mask(labels(17))
    with tampering(database_url) as connection:
        connection.execute(
            text("UPDATE masks SET png = :png WHERE face_id = 2 AND sha256 = :sha256"),
            {"png": other, "sha256": hashlib.sha256(encode_mask(labels(2))).hexdigest()},
        )
        connection.execute(
            text("UPDATE masks SET png = NULL WHERE face_id = 2 AND sha256 = :sha256"),
            {"sha256": hashlib.sha256(encode_mask(labels(3))).hexdigest()},
        )
    assert audited(database_url, saves).corrupt == 2
    wrong = [replace(saves[0], labels_sha256="0" * 64), *saves[1:]]
    assert audited(database_url, wrong).corrupt == 3


def test_a_save_that_is_there_twice_is_doubled(sqlite_database_url: str) -> None:
    with AnnotationStore.open_url(sqlite_database_url) as store:
        _, (face,) = project_with_faces(store, 1)
        saves = [saved(store, "Ann", face, None, 0)]
    with tampering(sqlite_database_url) as connection:
        for change in (
            "CREATE TABLE other AS SELECT * FROM mask_revisions",  # without its rules
            "INSERT INTO other SELECT * FROM mask_revisions",
            "UPDATE other SET id = rowid, parent_id = rowid - 1 WHERE rowid > 1",
            "DROP TABLE mask_revisions",
            "ALTER TABLE other RENAME TO mask_revisions",
        ):
            connection.execute(text(change))
    audit = audited(sqlite_database_url, saves)
    assert (audit.doubled, audit.lost, audit.corrupt, audit.extra) == (1, 0, 0, 0)
    assert not audit.is_sound


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE face_states SET current_id = 1 WHERE face_id = 1", r"face 1 is \(1, 3, 'done'\)"),
        ("UPDATE face_states SET status = 'draft' WHERE face_id = 1", r"make it \(3, 3, 'done'\)"),
        ("UPDATE mask_revisions SET parent_id = 1 WHERE id = 3", "its parent is 1, acknowledged"),
        ("UPDATE mask_revisions SET author = 'Bo' WHERE id = 3", "its author is 'Bo'"),
        ("UPDATE mask_revisions SET was_stale = (1 = 1) WHERE id = 9", "revision 9 says stale"),
    ],
)
def test_whatever_else_does_not_fit_is_a_fault(
    database_url: str, saves: list[Acknowledged], change: str, fault: str
) -> None:
    with tampering(database_url) as connection:
        connection.execute(text(change))
    audit = audited(database_url, saves)
    assert any(re.search(fault, one) for one in audit.faults) and not audit.is_sound


def test_a_damaged_file_is_seen_by_the_databases_own_check(
    sqlite_database_url: str,
) -> None:
    with AnnotationStore.open_url(sqlite_database_url) as store:
        _, (face,) = project_with_faces(store, 1)
        save = saved(store, "Ann", face, None, 0)
    with tampering(sqlite_database_url) as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text("DELETE FROM masks"))
    audit = audited(sqlite_database_url, [save])
    assert (audit.integrity, audit.corrupt, audit.is_sound) == ("damaged", 1, False)


def test_sharing_is_two_and_two() -> None:
    config = StoreBench(num_annotators=6, num_shared=4)
    assert [config.face_of(number) for number in range(6)] == [0, 0, 1, 1, 2, 3]
    assert config.num_faces == 4
    with pytest.raises(InvalidRequestError, match=r"3 annotators cannot share .* up to 6"):
        StoreBench(num_annotators=6, num_shared=3).check()


def test_paintings_have_all_classes_and_grow_by_strokes() -> None:
    painting = Painting(1, 128, default_scheme())
    before = painting.labels.copy()
    first, second = painting.stroke(), painting.stroke()
    assert set(np.unique(before)) == set(range(18))
    assert 0 < (before != first).sum() < before.size and (first != second).any()
    again = Painting(1, 128, default_scheme())
    again.stroke()
    assert (again.stroke() == second).all()


Answers = list[int | None]  # statuses; None: the connection breaks without an answer


@contextmanager
def answering(answers: Answers) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """A server that answers so, one after the other, and what it was asked."""
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            asked.append(parse_qs(urlsplit(self.path).query))
            status = answers.pop(0)
            if status is None:
                self.close_connection = True
                return
            said = {"revision": {"id": len(asked)}, "is_stale": False, "is_repeat": len(asked) > 1}
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def annotator(address: str, count: int, on_saved: Callable[[Acknowledged], None]) -> Annotator:
    return Annotator("Ann", address, 7, [Painted(b"png", "00")] * count, 0.0, on_saved)


def test_a_save_without_an_answer_is_sent_again_with_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(annotators, "RETRY_FIRST", 0.01)
    saves: list[Acknowledged] = []
    with answering([None, 503, 401, 200, 200]) as (address, asked):
        person = annotator(address, 2, saves.append)
        person.run()
    assert person.failure is None
    assert [save.num_tries for save in saves] == [4, 1] and saves[0].is_repeat
    keys = [query["key"][0] for query in asked]
    assert len(set(keys[:4])) == 1 and keys[4] != keys[3]
    assert [query.get("base") for query in asked] == [None] * 4 + [["4"]]
    assert [query["status"] for query in asked] == [["draft"]] * 4 + [["done"]]


def test_a_refusal_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering([409]) as (address, asked):
        person = annotator(address, 2, lambda save: None)
        person.run()
    assert "A save of Ann was refused" in str(person.failure) and len(asked) == 1
