"""What the Annotate tab asks of the studio: right answers, and bad input told without loss."""

from __future__ import annotations

import io
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from annotations import AnnotationStore, decode_mask, default_scheme, encode_mask
from annotations.database import Database, open_database
from annotations.errors import DatabaseBusyError, DiskFullError
from core.superpixels import from_wire
from studio.services import Services
from tests.painted_faces import SIZE_HW, labels, picture, project_with_faces
from tests.unit.routed import asking, client, refused, services
from tests.unit.small_models import small_store

__all__ = ["client", "services", "small_store"]  # fixtures


@pytest.fixture
def project(services: Services) -> tuple[int, list[int]]:
    return project_with_faces(services.store, 5)


@pytest.fixture
def face(project: tuple[int, list[int]]) -> int:
    return project[1][0]


def save(client: TestClient, face: int, mask: np.ndarray | bytes, **query: object) -> Any:
    body = mask if isinstance(mask, bytes) else encode_mask(mask)
    asked = {"status": "draft", "key": str(uuid.uuid4())} | query
    return client.post(f"/annotate/faces/{face}/masks", params=asked, content=body)


def png_of(mode: str, size_wh: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size_wh).save(file, "PNG")
    return file.getvalue()


def test_a_project_is_made_listed_and_shown(client: TestClient) -> None:
    made = client.post("/annotate/projects", json={"name": " faces "})
    assert made.status_code == 201 and made.json()["name"] == "faces"
    assert client.get("/annotate/projects").json() == {"projects": [made.json()]}
    shown = client.get(f"/annotate/projects/{made.json()['id']}").json()
    assert shown["num_faces"] == dict.fromkeys(("todo", "draft", "done", "accepted", "rejected"), 0)
    classes = shown["scheme"]["classes"]
    assert [each["id"] for each in classes] == list(range(18))
    assert classes[4] == {"id": 4, "name": "hair", "color": "#a0522d", "key": "h"}


def test_a_project_may_bring_its_own_scheme(client: TestClient) -> None:
    scheme = "name: two\nclasses: [{id: 3, name: a, color: '#000000'}]\n"
    made = client.post("/annotate/projects", json={"name": "mine", "scheme": scheme}).json()
    assert made["scheme"] == {
        "name": "two",
        "classes": [{"id": 3, "name": "a", "color": "#000000", "key": None}],
    }


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({"name": "faces"}, 409, "name_taken", "There is a project 'faces' already"),
        ({"name": ""}, 400, "bad_request", "must be 1 to 100 printable characters, is ''"),
        ({}, 400, "bad_request", "name: Field required"),
        ({"name": "x", "scheme": "classes: 3"}, 400, "bad_scheme", "The label scheme"),
        ({"name": "x", "scheme": "a" * 1_000_001}, 400, "bad_request", "at most 1000000"),
    ],
)
def test_a_project_that_cannot_be_is_refused(
    client: TestClient, project: object, body: Any, status: int, code: str, said: str
) -> None:
    found = refused(client.post("/annotate/projects", json=body))
    assert found[:2] == (status, code) and said in found[2]


def test_faces_come_in_pages_and_by_status(
    client: TestClient, project: tuple[int, list[int]]
) -> None:
    project_id, ids = project
    save(client, ids[2], labels(1))
    save(client, ids[4], labels(2), status="done")
    path = f"/annotate/projects/{project_id}/faces"
    page = client.get(path, params={"offset": 1, "limit": 2}).json()
    assert (page["total"], page["offset"]) == (5, 1)
    assert [each["id"] for each in page["faces"]] == ids[1:3]
    some = client.get(path, params={"status": ["draft", "done"]}).json()
    assert [each["id"] for each in some["faces"]] == [ids[2], ids[4]]
    assert [each["status"] for each in some["faces"]] == ["draft", "done"]
    shown = client.get(f"/annotate/faces/{ids[4]}", params={"status": ["draft", "done"]}).json()
    assert shown["face"] == some["faces"][1] and shown["place"] == 1


def test_pictures_and_masks_are_the_very_bytes_and_kept_by_the_browser(
    client: TestClient, face: int
) -> None:
    shown = client.get(f"/annotate/faces/{face}").json()["face"]
    answer = client.get("/" + shown["picture"])
    assert answer.content == picture(0) and "immutable" in answer.headers["cache-control"]
    small = client.get("/" + shown["thumbnail"])
    assert Image.open(io.BytesIO(small.content)).size == SIZE_HW[::-1]
    revision = save(client, face, labels(3)).json()["revision"]
    answer = client.get("/" + revision["mask"])
    assert answer.content == encode_mask(labels(3))
    assert np.array_equal(decode_mask(answer.content, default_scheme()), labels(3))


def test_regions_come_as_the_painter_reads_them(client: TestClient, face: int) -> None:
    answer = client.get(f"/annotate/faces/{face}/regions")
    assert answer.headers["content-encoding"] == "gzip"
    regions = from_wire(answer.content)
    assert regions.ids.shape == SIZE_HW and regions.num_regions >= 1
    assert refused(client.get("/annotate/faces/9/regions"))[:2] == (404, "not_found")


def test_next_and_previous_pass_over_what_others_have_open(
    client: TestClient, project: tuple[int, list[int]]
) -> None:
    project_id, ids = project
    client.post(f"/annotate/faces/{ids[1]}/lease", headers=asking("Bob", "tab 2"))

    def step(direction: str, **query: object) -> int | None:
        path = f"/annotate/projects/{project_id}/neighbour"
        found = client.get(path, params={"direction": direction, **query}).json()["face"]
        return found["id"] if found else None

    assert step("next") == ids[0] and step("previous") == ids[4]
    assert step("next", of=ids[0]) == ids[1]
    assert step("next", of=ids[0], free=True) == ids[2]
    assert step("previous", of=ids[2], free=True) == ids[0]
    assert step("next", of=ids[4]) is None and step("next", status="done") is None


def test_a_save_says_what_became_of_it(client: TestClient, face: int) -> None:
    first = save(client, face, labels(1), seconds=2.5, comment="begun", key="a").json()
    assert not first["is_stale"] and first["revision"] == first["current"]
    assert first["revision"]["author"] == "Ann" and first["revision"]["seconds"] == 2.5
    assert first["revision"]["pixel_counts"] == {"1": 48}
    assert datetime.fromisoformat(first["revision"]["created_at"]).utcoffset() is not None
    again = save(client, face, labels(1), key="a").json()
    assert again["is_repeat"] and again["revision"] == first["revision"]
    newer = save(client, face, labels(2), base=first["revision"]["id"], key="b").json()
    stale = save(client, face, labels(3), base=first["revision"]["id"], key="c").json()
    assert stale["is_stale"] and stale["current"] == newer["revision"]
    history = client.get(f"/annotate/faces/{face}/revisions").json()["revisions"]
    assert [each["pixel_counts"] for each in history] == [{"1": 48}, {"2": 48}, {"3": 48}]


def test_a_name_of_any_script_arrives_whole(client: TestClient, face: int) -> None:
    client.headers.update(asking("Zoë Ångström 李"))
    assert save(client, face, labels()).json()["revision"]["author"] == "Zoë Ångström 李"


WITHOUT_END = png_of("L", SIZE_HW[::-1])[:-30]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"", "bad_mask", "The mask cannot be read"),
        (b"GIF89a", "bad_mask", "The mask cannot be read"),
        (WITHOUT_END, "bad_mask", "The mask"),
        (png_of("RGB", SIZE_HW[::-1]), "bad_mask", "one 8-bit channel of class ids"),
        (png_of("L", (9, 6)), "bad_mask", "The mask is 9 x 6 px, must be 8 x 6 px"),
        (encode_mask(labels(18)), "bad_mask", "values outside the scheme 'face18': 18 (48 px)"),
    ],
)
def test_a_bad_mask_is_refused_and_nothing_is_kept(
    client: TestClient, face: int, body: bytes, code: str, said: str
) -> None:
    status, found, message = refused(save(client, face, body))
    assert (status, found) == (400, code) and said in message
    assert client.get(f"/annotate/faces/{face}/revisions").json() == {"revisions": []}


def test_a_huge_body_is_refused_before_it_is_read(client: TestClient, face: int) -> None:
    status, code, message = refused(save(client, face, bytes((20 << 20) + 1)))
    assert (status, code) == (413, "too_large") and "more than 20 MiB" in message
    parts = (bytes(1 << 20) for _ in range(21))  # no length declared
    answer = client.post(
        f"/annotate/faces/{face}/masks", params={"status": "draft", "key": "k"}, content=parts
    )
    assert refused(answer)[0] == 413


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"status": "accepted"}, "A save is a draft or done, not accepted"),
        ({"status": "finished"}, "status: Input should be"),
        ({"seconds": -1}, "The time spent must be 0 s or more"),
        ({"seconds": "nan"}, "The time spent must be 0 s or more"),
        ({"key": ""}, "A save key must be 1 to 200"),
        ({"base": "x"}, "base: Input should be a valid integer"),
        ({"comment": "x" * 10_001}, "A comment must be at most 10000"),
    ],
)
def test_a_save_that_says_nonsense_is_refused(
    client: TestClient, face: int, query: dict[str, object], said: str
) -> None:
    status, code, message = refused(save(client, face, labels(), **query))
    assert (status, code) == (400, "bad_request") and said in message


@pytest.mark.parametrize(
    "path",
    [
        "projects/9",
        "projects/9/faces",
        "projects/9/statistics",
        "faces/9",
        "faces/9/picture.png",
        "faces/9/thumbnail.jpg",
        "faces/9/revisions",
        "revisions/9/mask.png",
    ],
)
def test_what_is_not_there_is_said_by_number(client: TestClient, path: str) -> None:
    status, code, message = refused(client.get(f"/annotate/{path}"))
    assert (status, code) == (404, "not_found") and " 9 here" in message


def test_a_parent_of_another_face_is_refused(
    client: TestClient, project: tuple[int, list[int]]
) -> None:
    of_other = save(client, project[1][1], labels()).json()["revision"]["id"]
    status, _, message = refused(save(client, project[1][0], labels(), base=of_other))
    assert status in (400, 404) and str(of_other) in message


def test_a_save_for_a_deleted_face_is_refused(client: TestClient, face: int) -> None:
    revision = save(client, face, labels()).json()["revision"]["id"]
    status, code, _ = refused(client.delete(f"/annotate/faces/{face}"))
    assert (status, code) == (409, "masks_would_be_lost")
    assert client.delete(f"/annotate/faces/{face}", params={"with_masks": True}).json() == {}
    status, code, message = refused(save(client, face, labels(2), base=revision))
    assert (status, code) == (404, "not_found") and "may have been deleted" in message
    assert refused(client.get(f"/annotate/revisions/{revision}/mask.png"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "faces/{}/masks?status=draft&key=k"),
        ("POST", "faces/{}/lease"),
        ("DELETE", "faces/{}"),
    ],
)
def test_nobody_writes_without_a_name(
    client: TestClient, face: int, method: str, path: str
) -> None:
    client.headers.update(asking(""))
    answer = client.request(method, f"/annotate/{path.format(face)}", content=encode_mask(labels()))
    assert refused(answer) == (401, "no_person", "Nobody's name was given. Say your name first.")


def test_who_is_there_is_told_until_they_leave(client: TestClient, face: int) -> None:
    first = client.post(f"/annotate/faces/{face}/lease").json()
    assert first["presence"]["holder"]["person"] == "Ann" and first["current_id"] is None
    bob = asking("Bob", "tab 2")
    seen = client.post(f"/annotate/faces/{face}/lease", headers=bob).json()["presence"]
    assert [seen["holder"]["person"], seen["others"][0]["person"]] == ["Ann", "Bob"]
    revision = save(client, face, labels(), status="done").json()["revision"]["id"]
    heard = client.post(f"/annotate/faces/{face}/lease", headers=bob).json()
    assert (heard["current_id"], heard["status"]) == (revision, "done")
    assert client.post("/annotate/leave?tab=tab%201", headers={}).json() == {}
    assert client.get(f"/annotate/faces/{face}").json()["presence"]["holder"]["person"] == "Bob"
    client.delete(f"/annotate/faces/{face}/lease", headers=bob)
    assert client.get(f"/annotate/faces/{face}").json()["presence"]["holder"] is None


def test_a_review_accepts_rejects_and_is_late(client: TestClient, face: int) -> None:
    draft = save(client, face, labels()).json()["revision"]["id"]
    verdict = {"accept": False, "comment": "<b>hair</b>", "key": "v"}
    answer = refused(client.post(f"/annotate/revisions/{draft}/review", json=verdict))
    assert answer[0] == 400 and "is a draft of Ann" in answer[2]
    done = save(client, face, labels(1), base=draft, status="done").json()["revision"]["id"]
    bob = asking("Bob", "tab 2")
    path = f"/annotate/revisions/{done}/review"
    told = client.post(path, json=verdict, headers=bob).json()["revision"]
    assert (told["author"], told["status"], told["comment"]) == ("Bob", "rejected", "<b>hair</b>")
    assert client.post(path, json=verdict, headers=bob).json()["revision"] == told
    late = refused(client.post(path, json=verdict | {"key": "w"}, headers=bob))
    assert late[:2] == (409, "stale") and "Look at the newer mask" in late[2]


def test_an_earlier_mask_is_restored_on_top(client: TestClient, face: int) -> None:
    first = save(client, face, labels(1), status="done").json()["revision"]["id"]
    second = save(client, face, labels(2), base=first, status="done").json()["revision"]["id"]
    body = {"base": second, "key": "r"}
    restored = client.post(f"/annotate/revisions/{first}/restore", json=body).json()
    assert restored["current"]["pixel_counts"] == {"1": 48}
    assert restored["current"]["comment"] == f"restored from revision {first}"


def test_statistics_name_classes_and_people(
    client: TestClient, project: tuple[int, list[int]]
) -> None:
    save(client, project[1][0], labels(4), status="done", seconds=60)
    told = client.get(f"/annotate/projects/{project[0]}/statistics").json()
    assert told["num_faces"]["done"] == 1 and told["num_faces"]["todo"] == 4
    hair = {"id": 4, "name": "hair", "color": "#a0522d", "num_pixels": 48, "num_faces": 1}
    assert told["classes"][4] == hair and told["classes"][-1]["color"] is None
    (ann,) = told["people"]
    assert (ann["person"], ann["num_done"], ann["seconds"]) == ("Ann", 1, 60.0)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(DatabaseBusyError, 503, "database_busy"), (DiskFullError, 507, "disk_full")],
)
def test_a_database_in_trouble_asks_for_the_save_again(
    client: TestClient,
    face: int,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    status: int,
    code: str,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing", _failing(error("the file", "It is in trouble.")))
        assert refused(save(client, face, labels(), key="k")) == (status, code, "It is in trouble.")
    assert not save(client, face, labels(), key="k").json()["is_repeat"]


def _failing(error: Exception) -> Any:
    def writing(self: Database) -> None:
        raise error

    return writing


def test_a_database_that_another_program_holds_is_waited_for_then_told(
    client: TestClient, services: Services, face: int
) -> None:
    path = services.workspace / "faceloom.db"
    impatient = AnnotationStore(open_database(f"sqlite:///{path}", busy_seconds=0.2))
    client.app.state.services = replace(services, store=impatient)
    with impatient, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, code, message = refused(save(client, face, labels(), key="k"))
        assert (status, code) == (503, "database_busy") and "faceloom.db" in message
        other.execute("ROLLBACK")
        assert not save(client, face, labels(), key="k").json()["is_repeat"]


def test_a_fault_of_ours_is_told_without_its_insides(
    client: TestClient, face: int, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret path /x")

    monkeypatch.setattr(type(client.app.state.services.store.faces), "get", broken)
    status, code, message = refused(client.get(f"/annotate/faces/{face}"))
    assert (status, code) == (500, "fault")
    assert "ZeroDivisionError" in message and "secret" not in message
    assert "A request failed: GET" in caplog.text


def test_modules_are_served_and_nothing_else_of_their_folders(client: TestClient) -> None:
    answer = client.get("/modules/painter/painter.js")
    assert "createPainter" in answer.text and answer.headers["cache-control"] == "no-cache"
    same = client.get(
        "/modules/painter/painter.js", headers={"if-none-match": answer.headers["etag"]}
    )
    assert same.status_code == 304
    for path in (
        "painter/component.py",
        "painter/painter.css",
        "painter/%2e%2e/services.py",
        "painter/..%2fshell.js",
        "painter/%2fetc%2fpasswd.js",
        "painter/",
        "other/x.js",
    ):
        assert client.get(f"/modules/{path}").status_code == 404, path
