"""Masks as zip files over HTTP: there and back, and files that mean harm."""

from __future__ import annotations

import asyncio
import io
import os
import re
import resource
import stat
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from annotations import AnnotationStore, Status, encode_mask
from annotations.errors import BadRequestError
from annotations.interchange import FORMATS
from core.errors import Cancelled
from studio.routes import exchange
from studio.services import Services
from studio.workflows import zip_files
from studio.workflows.exchanging import DESCRIPTIONS, MaskExport, export_zip
from studio.workflows.zip_files import pack, unpack
from tests.own_loop import run
from tests.painted_faces import SIZE_HW, labels, new_face, picture
from tests.unit.routed import asking, client, refused, services
from tests.unit.small_models import small_store

__all__ = ["client", "services", "small_store"]  # fixtures

Members = dict[str, bytes]


@pytest.fixture
def project(services: Services) -> int:
    """Three faces, two of them with a finished mask."""
    return painted(services.store, "the faces", num_masks=2)


def painted(store: AnnotationStore, name: str, num_masks: int) -> int:
    made = store.projects.create(name)
    for number, face in enumerate(
        store.faces.add(made.id, [new_face(n) for n in range(3)]).face_ids
    ):
        if number < num_masks:
            store.masks.save(face, mask(number), "Bo", parent_id=None, status=Status.DONE)
    return made.id


def mask(number: int) -> np.ndarray:
    """Of every class something, and nothing unlabelled, which celebamask cannot tell."""
    return np.random.default_rng(number).integers(0, 18, SIZE_HW, np.uint8)


def masks_of(store: AnnotationStore, project_id: int) -> list[list[list[int]] | None]:
    faces = store.faces.page(project_id).faces
    return [
        store.masks.labels(face.current.id).tolist() if face.current else None for face in faces
    ]


def send(client: TestClient, project: int, body: bytes, **query: object) -> Any:
    asked = {"format": "index"} | query
    return client.post(f"/annotate/projects/{project}/import", params=asked, content=body)


def fetch(client: TestClient, project: int, **query: object) -> Any:
    return client.get(
        f"/annotate/projects/{project}/export.zip", params={"format": "index"} | query
    )


def zipped(members: Members, **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def members_of(content: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def left_over(services: Services) -> list[Path]:
    return list(services.cache.iterdir())


def good() -> Members:
    return {"0.png": encode_mask(labels(4)), "1.png": encode_mask(labels(5))}


@pytest.mark.parametrize("pictures", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_masks_come_back_as_they_went(
    client: TestClient, services: Services, project: int, name: str, pictures: bool
) -> None:
    fetched = fetch(client, project, format=name, pictures=pictures)
    assert fetched.status_code == 200 and fetched.headers["content-type"] == "application/zip"
    assert f'filename="the-faces-{name}.zip"' in fetched.headers["content-disposition"]
    assert int(fetched.headers["content-length"]) == len(fetched.content)
    other = painted(services.store, "other", num_masks=0)
    size = "true" if name == "celebamask" else "false"  # that format has 512 px
    answer = send(client, other, fetched.content, format=name, status="done", resize=size)
    assert answer.json() == {
        "num_files": 2,
        "num_imported": 2,
        "num_beside": 0,
        "num_skipped": 0,
        "num_problems": 0,
        "problems": [],
    }
    if name != "celebamask":
        assert masks_of(services.store, other) == [mask(0).tolist(), mask(1).tolist(), None]
    current = services.store.faces.page(other).faces[0].current
    assert current is not None and (current.author, current.status) == ("Ann", Status.DONE)
    assert left_over(services) == []


def test_pictures_have_the_number_of_their_mask(client: TestClient, project: int) -> None:
    members = members_of(fetch(client, project, pictures=True).content)
    assert members["images/00001.png"] == picture(1)
    assert list(members) == [
        "00000.png",
        "00001.png",
        "masks.json",
        "scheme.yaml",
        "images/00000.png",
        "images/00001.png",
    ]


def test_the_same_masks_make_the_same_bytes_and_pngs_are_stored(
    client: TestClient, project: int
) -> None:
    first, second = (fetch(client, project, pictures=True).content for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        methods = {info.filename: info.compress_type for info in archive.infolist()}
    assert methods["00000.png"] == methods["images/00000.png"] == zipfile.ZIP_STORED
    assert methods["masks.json"] == zipfile.ZIP_DEFLATED


def test_only_masks_of_the_wanted_statuses_are_fetched(
    client: TestClient, services: Services, project: int
) -> None:
    face = services.store.faces.page(project).faces[2]
    services.store.masks.save(face.id, labels(3), "Bo", parent_id=None, status=Status.DRAFT)
    assert "00002.png" not in members_of(fetch(client, project).content)
    drafts = members_of(fetch(client, project, status=["draft"]).content)
    assert [name for name in drafts if name.endswith(".png")] == ["00002.png"]


def test_a_name_in_any_script_becomes_a_name_of_a_file(
    client: TestClient, services: Services
) -> None:
    made = painted(services.store, "Lucía: a/b", num_masks=1)
    said = fetch(client, made).headers["content-disposition"]
    assert said == (
        "attachment; filename=\"Luc_a-a-b-index.zip\"; filename*=utf-8''Luc%C3%ADa-a-b-index.zip"
    )


def test_an_import_comes_beside_what_is_there_and_a_second_one_is_recognised(
    client: TestClient, services: Services, project: int
) -> None:
    body = zipped(good())
    first = send(client, project, body, match="position").json()
    assert (first["num_imported"], first["num_beside"], first["num_skipped"]) == (2, 2, 0)
    assert masks_of(services.store, project) == [mask(0).tolist(), mask(1).tolist(), None]
    again = send(client, project, body, match="position").json()
    assert (again["num_imported"], again["num_skipped"]) == (0, 2)
    replaced = send(client, project, body, match="position", replace=True).json()
    assert (replaced["num_imported"], replaced["num_beside"]) == (2, 0)
    assert masks_of(services.store, project) == [labels(4).tolist(), labels(5).tolist(), None]


def test_problems_are_listed_and_then_nothing_is_imported(
    client: TestClient, services: Services, project: int
) -> None:
    members = good() | {"2.png": b"no picture", "7.png": encode_mask(labels(1))}
    answer = send(client, project, zipped(members), match="position", replace=True).json()
    assert (answer["num_files"], answer["num_imported"], answer["num_problems"]) == (4, 0, 2)
    assert answer["problems"][0].startswith("2.png: The mask cannot be read")
    assert answer["problems"][1] == "7.png: No face of this project has the position 7."
    assert masks_of(services.store, project)[0] == mask(0).tolist()


@pytest.mark.parametrize("folder", ["", "one/", "one/two/", "./one/"])
def test_folders_around_all_masks_and_what_systems_add_are_passed_over(
    client: TestClient, services: Services, folder: str
) -> None:
    project = painted(services.store, "empty", num_masks=0)
    members = {folder + name: content for name, content in good().items()}
    members |= {"__MACOSX/._0.png": b"x", folder + ".DS_Store": b"x"}
    assert send(client, project, zipped(members), match="seed").json()["num_imported"] == 2


def link() -> bytes:
    file, info = io.BytesIO(), zipfile.ZipInfo("0.png")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return file.getvalue()


def twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("0.png", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("0.png", b"second")
    return file.getvalue()


def encrypted() -> bytes:
    """Only its flags say so; no byte of it may be read."""
    content = bytearray(zipped(good()))
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = content.find(signature)
        while start >= 0:
            content[start + place] |= 1
            start = content.find(signature, start + 4)
    return bytes(content)


def other_bytes_inside() -> bytes:
    content = bytearray(zipped({"0.png": encode_mask(labels(4))}))
    content[60] ^= 255
    return bytes(content)


def bomb(num_bytes: int = 100 << 20) -> bytes:
    return zipped({"0.png": bytes(num_bytes)}, compression=zipfile.ZIP_DEFLATED)


def huge() -> bytes:
    """Says that it has 5 GiB, each GiB of which is in the same bytes."""
    content = bytearray(zipped({f"{n}.png": b"x" for n in range(5)}))
    start = content.find(b"PK\1\2")
    while start >= 0:
        content[start + 24 : start + 28] = (2**30).to_bytes(4, "little")
        start = content.find(b"PK\1\2", start + 4)
    return bytes(content)


def is_file_and_folder() -> bytes:
    return zipped({"a/0.png": b"x", "a/0.png/1.png": b"y"})


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"GIF89a" * 100, "cannot be read: File is not a zip file"),
    "empty": (lambda: b"", "cannot be read: File is not a zip file"),
    "cut off": (lambda: zipped(good())[:-30], "cannot be read"),
    "damaged": (other_bytes_inside, "cannot be read: Bad CRC-32"),
    "up": (lambda: zipped({"../0.png": b"x"}), "'../0.png', which leads elsewhere"),
    "up inside": (lambda: zipped({"a/../../0.png": b"x"}), "leads elsewhere"),
    "absolute": (lambda: zipped({"/etc/0.png": b"x"}), "'/etc/0.png', which leads elsewhere"),
    "backslash": (lambda: zipped({"..\\0.png": b"x"}), "leads elsewhere or is no name"),
    "drive": (lambda: zipped({"C:/0.png": b"x"}), "leads elsewhere or is no name"),
    "link": (link, "'0.png' is a link or a device"),
    "twice": (twice, "two files '0.png'"),
    "encrypted": (encrypted, r"is encrypted \('0.png'\). Make it again without a password"),
    "method": (lambda: zipped(good(), compression=zipfile.ZIP_LZMA), "packed by method 14; 0"),
    "bomb": (bomb, r"grows \d{3,} times when it is unpacked; masks grow at most 200"),
    "huge": (huge, "5.0 GiB unpacked; at most 4 GiB are allowed"),
    "file and folder": (is_file_and_folder, "names that cannot be unpacked"),
    "long name": (lambda: zipped({"a" * 300 + ".png": b"x"}), "names that cannot be unpacked"),
    "nothing": (lambda: zipped({}), "The zip file has no masks in the format 'index'"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_zip_file_that_means_harm_or_is_damaged_is_refused_and_leaves_nothing(
    client: TestClient, services: Services, project: int, tmp_path: Path, kind: str
) -> None:
    make, message = HOSTILE[kind]
    before = sorted(tmp_path.rglob("*")), masks_of(services.store, project)
    status, code, said = refused(send(client, project, make(), match="position"))
    assert (status, code) == (400, "bad_request")
    assert re.search(message, said)
    assert str(services.workspace) not in said
    assert (sorted(tmp_path.rglob("*")), masks_of(services.store, project)) == before


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("masks.json", "bad_request", "masks.json does not say which mask is whose"),
        ("masks.json/0.png", "bad_request", "masks.json does not say which mask is whose"),
        ("scheme.yaml", "bad_scheme", "scheme.yaml"),
        ("scheme.yaml/0.png", "bad_scheme", "scheme.yaml cannot be read as a label scheme"),
    ],
)
def test_a_zip_file_that_lies_about_itself_is_refused(
    client: TestClient, services: Services, project: int, name: str, code: str, message: str
) -> None:
    answer = refused(send(client, project, zipped(good() | {name: b"[[["})))
    assert answer[:2] == (400, code) and answer[2].startswith(message)
    assert str(services.workspace) not in answer[2] and left_over(services) == []


def test_too_many_files_are_refused(
    client: TestClient, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_files, "MAX_MEMBERS", 1)
    _, _, said = refused(send(client, project, zipped(good())))
    assert said.startswith("The zip file has 2 files; at most 1 are allowed.")


def test_a_table_of_contents_that_is_a_bomb_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_files, "_MAX_AT_ONCE", 100_000)
    with tempfile.TemporaryFile() as file:
        file.write(zipped({f"{number}.png": b"" for number in range(2000)}))
        with pytest.raises(BadRequestError, match=r"table of contents has more than"):
            unpack(file, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_says_to_be_small_is_not_unpacked_further(tmp_path: Path) -> None:
    content = bytearray(bomb(1 << 20))
    for signature, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        start = content.find(signature) + place
        content[start : start + 4] = (100).to_bytes(4, "little")
    with tempfile.TemporaryFile() as file:
        file.write(content)
        with pytest.raises(BadRequestError, match=r"cannot be read: Bad CRC-32"):
            unpack(file, tmp_path)
    assert (tmp_path / "0.png").stat().st_size <= 100


def test_whatever_is_damaged_no_file_comes_out_changed(tmp_path: Path) -> None:
    """One byte after the other is changed: nothing else than BadRequestError may come."""
    whole, refusals = zipped({"a/0.png": b"0" * 40, "a/1.png": b"1"}), 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 255
        target = tmp_path / str(place)
        target.mkdir()
        with tempfile.TemporaryFile() as file:
            file.write(damaged)
            try:
                unpack(file, target)
            except BadRequestError:
                refusals += 1
                continue
        files = [path.read_bytes() for path in sorted(target.rglob("*")) if path.is_file()]
        assert {b"0" * 40, b"1"}.issuperset(files)
    assert refusals > len(whole) / 2


@pytest.mark.parametrize("declared", [True, False])
def test_a_file_that_is_too_large_is_refused_with_413(
    client: TestClient,
    services: Services,
    project: int,
    declared: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "MAX_UPLOAD", 1 << 20)
    body: Any = bytes(3 << 20)

    def parts() -> Iterator[bytes]:
        for start in range(0, len(body), 1 << 18):
            yield body[start : start + (1 << 18)]

    answer = send(client, project, body if declared else parts())
    status, code, said = refused(answer)
    assert (status, code) == (413, "too_large") and "more than 1 MiB" in said
    assert left_over(services) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"format": "psd"}, "There is no format 'psd' of masks. Choose one of: index, palette"),
        ({"match": "guess"}, "match: Input should be"),
        ({"order": "other"}, "order: Input should be"),
        ({"status": "accepted"}, "status: Input should be"),
        ({}, "The zip file has no masks.json that says which mask is whose"),
    ],
)
def test_options_that_cannot_be_are_refused(
    client: TestClient, project: int, query: dict[str, str], message: str
) -> None:
    status, code, said = refused(send(client, project, zipped(good()), **query))
    assert (status, code) == (400, "bad_request") and said.startswith(message)


def test_what_is_not_there_is_said(client: TestClient, services: Services, project: int) -> None:
    assert refused(send(client, 99, zipped(good())))[:2] == (404, "not_found")
    assert refused(fetch(client, 99))[:2] == (404, "not_found")
    assert refused(fetch(client, project, format="psd"))[:2] == (400, "bad_request")
    assert refused(fetch(client, project, status=["todo"]))[:2] == (400, "bad_request")
    _, _, said = refused(fetch(client, project, status=["accepted"]))
    assert said.startswith("None of the 3 faces of 'the faces' has a mask that is accepted.")
    nobody = client.post("/annotate/projects/1/import?format=index", headers=asking(""))
    assert refused(nobody)[:2] == (401, "no_person")
    assert left_over(services) == []


def test_formats_are_listed_and_described(client: TestClient) -> None:
    answer = client.get("/annotate/formats").json()
    assert [each["name"] for each in answer["formats"]] == list(FORMATS) == list(DESCRIPTIONS)
    assert all(each["can_import"] and each["can_export"] for each in answer["formats"])
    assert answer["max_import_bytes"] == 512 << 20


@contextmanager
def full_disk(num_bytes: int) -> Iterator[None]:
    """No file may become larger, as on a disk that has no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_nothing_is_left(
    client: TestClient, services: Services, project: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 18, (300, 300), np.uint8)
    body = zipped({"0.png": encode_mask(noise)})
    before = masks_of(services.store, project)
    with full_disk(20_000):
        answers = [send(client, project, body), fetch(client, project, pictures=True)]
    assert len(body) > 20_000 and answers[1].status_code == 200
    with full_disk(100):
        answers[1] = fetch(client, project)
    for answer in answers:
        status, code, said = refused(answer)
        assert (status, code) == (507, "disk_full")
        assert said.startswith("The studio's disk is full. Nothing was changed")
    assert left_over(services) == [] and masks_of(services.store, project) == before


def test_a_full_disk_while_unpacking_is_said_too(
    client: TestClient, services: Services, project: int
) -> None:
    body = zipped({"0.png": zlib.compress(bytes(10)) * 20_000}, compression=zipfile.ZIP_DEFLATED)
    with full_disk(100_000):
        assert refused(send(client, project, body, match="seed"))[:2] == (507, "disk_full")
    assert left_over(services) == []


def test_a_cache_that_is_gone_is_named(
    client: TestClient, services: Services, project: int
) -> None:
    os.rmdir(services.cache)
    status, code, said = refused(send(client, project, zipped(good())))
    assert (status, code) == (500, "failed")
    assert f"cannot use the folder {services.cache} (No such file or directory)" in said


def scope_of(client: TestClient, method: str, path: str, query: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"x-faceloom-person", b"Ann")],
        "app": client.app,
    }


def test_an_upload_that_breaks_off_leaves_nothing(
    client: TestClient, services: Services, project: int
) -> None:
    arriving = [
        {"type": "http.request", "body": bytes(2 << 20), "more_body": True},
        {"type": "http.disconnect"},
    ]
    seen = []

    async def receive() -> dict[str, Any]:
        return arriving.pop(0) if arriving else {"type": "http.disconnect"}

    async def send_(message: dict[str, Any]) -> None:
        seen.append(message.get("status"))

    path = f"/annotate/projects/{project}/import"
    app: Any = client.app
    run(app(scope_of(client, "POST", path, "format=index"), receive, send_))
    assert seen[0] == 400 and left_over(services) == []


def test_an_export_that_nobody_takes_is_closed(
    client: TestClient, services: Services, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def remembered(*args: Any) -> Any:
        made.append(export_zip(*args))
        return made[-1]

    monkeypatch.setattr(exchange, "export_zip", remembered)
    path = f"/annotate/projects/{project}/export.zip"
    app: Any = client.app

    async def asked() -> None:
        is_started = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await is_started.wait()
            return {"type": "http.disconnect"}

        async def takes_nothing(message: dict[str, Any]) -> None:
            is_started.set()
            await asyncio.sleep(3600 if message["type"] == "http.response.body" else 0)

        asking = app(scope_of(client, "GET", path, "format=index"), receive, takes_nothing)
        await asyncio.wait_for(asking, 20)

    run(asked())
    assert made[0].file.closed and left_over(services) == []


def test_an_export_stops_once_nobody_waits_for_it(services: Services, project: int) -> None:
    gone = threading.Event()

    def stop(done: int, total: int) -> None:
        if done == 1:
            gone.set()
            raise Cancelled(f"stopped at {done} of {total}")

    with pytest.raises(Cancelled, match="stopped at 1 of 2"):
        export_zip(services.store, project, MaskExport("index"), services.cache, stop)
    assert gone.is_set() and left_over(services) == []


def test_packing_leaves_out_times(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.json").write_text("{}")
    packed = io.BytesIO()
    pack(packed, tmp_path, [("z.png", b"z")])
    with zipfile.ZipFile(packed) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == ["a/b.json", "z.png"]
