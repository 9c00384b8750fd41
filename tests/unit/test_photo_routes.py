"""Photos over HTTP: whatever file comes, it is used or refused in words, and it can be deleted."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from core import files
from core.inversion.faces import NoFaceError
from core.inversion.frame import Frame
from studio.services import Services
from studio.workflows.photo_folder import PhotoFolder
from tests.unit.routed import client, refused, services
from tests.unit.small_models import small_store
from tests.unit.test_photo_files import picture, png, stored

__all__ = ["client", "services", "small_store"]  # fixtures

FRAMES = (Frame(60, 50, 64, 5), Frame(30, 40, 32, 0))


class Finder:
    """Sees as many faces as it is told to."""

    def __init__(self) -> None:
        self.count = 1

    def find(self, pixels: np.ndarray, name: str = "the photo") -> list[Any]:
        if not self.count:
            raise NoFaceError("No face was found.")
        return [
            SimpleNamespace(box=(1, 2, 30, 40), certainty=0.99, frame=frame)
            for frame in FRAMES[: self.count]
        ]


@pytest.fixture(autouse=True)
def finder(services: Services) -> Finder:
    finder = Finder()
    services.photos._faces = finder  # type: ignore[assignment]
    return finder


def uploaded(client: TestClient, content: bytes | None = None) -> dict[str, Any]:
    answer = client.post("/control/photos", content=content or stored(picture(), "JPEG"))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def used(client: TestClient, photo: str, frame: Frame = FRAMES[0], **how: bool) -> Any:
    return client.post(f"/control/photos/{photo}/use", json={"frame": vars(frame), **how})


def files_of(folder: PhotoFolder) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}


def folders(services: Services) -> list[str]:
    return sorted(path.name for path in (services.workspace / "photos").glob("*"))


def bomb(rows: bytes = b"") -> bytes:
    return png(60_000, 60_000, 8, 2, rows)


def animated() -> bytes:
    frames = [picture(), picture().rotate(90), picture().rotate(180)]
    return stored(frames[0], "GIF", save_all=True, append_images=frames[1:])


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return stored(picture(), "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("make", "note", "size"),
    [
        (lambda: stored(picture().convert("L"), "JPEG"), "It is grey.", (96, 80)),
        (lambda: stored(picture().convert("CMYK"), "JPEG"), "It is in CMYK", (96, 80)),
        (
            lambda: stored(Image.fromarray(np.full((80, 96), 9000, np.uint16)), "PNG"),
            "16 bits",
            (96, 80),
        ),
        (turned, "turned as its EXIF says", (80, 96)),
        (
            lambda: stored(Image.new("RGBA", (96, 80), (200, 9, 9, 60)), "PNG"),
            "transparent parts are shown on white",
            (96, 80),
        ),
        (animated, "first", (96, 80)),
        (lambda: stored(Image.new("RGB", (5000, 300)), "PNG"), "reduced from 5000", (4096, 246)),
    ],
    ids=["grey", "cmyk", "16-bit", "exif", "transparent", "animated", "huge"],
)
def test_odd_photos_are_taken_and_what_was_done_to_them_is_told(
    client: TestClient, make: Callable[[], bytes], note: str, size: tuple[int, int]
) -> None:
    told = uploaded(client, make())
    assert any(note in each for each in told["notes"]), told["notes"]
    assert tuple(told["size"]) == size
    shown = client.get(f"/control/photos/{told['id']}/shown.jpg")
    image = Image.open(io.BytesIO(shown.content))
    assert image.mode == "RGB" and abs(image.width / image.height - size[0] / size[1]) < 0.03


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7 no picture at all", "Choose a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Choose a JPEG"),
        (stored(picture(40, 40)), "64"),
        (stored(picture(900, 800), "JPEG")[:3000], "damaged or incomplete"),
        (bomb(), "at most 80 million"),
    ],
    ids=["empty", "pdf", "svg", "tiny", "truncated", "bomb"],
)
def test_what_is_no_photo_is_refused_and_nothing_is_kept(
    client: TestClient, services: Services, content: bytes, message: str
) -> None:
    status, code, said = refused(client.post("/control/photos", content=content))
    assert (status, code) == (400, "bad_photo") and message in said
    assert folders(services) == [] and client.get("/control/photos").json() == {"photos": []}


def test_an_upload_that_is_too_long_ends_before_it_is_read(client: TestClient) -> None:
    answer = client.post("/control/photos", content=b"x", headers={"content-length": str(2**40)})
    assert refused(answer)[:2] == (413, "too_large")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_faces_are_told_and_none_is_chosen_by_itself(
    client: TestClient, finder: Finder, count: int
) -> None:
    finder.count = count
    told = uploaded(client)
    assert [Frame(**face["frame"]) for face in told["faces"]] == list(FRAMES[:count])
    assert told["frame"] is None and told["latents"] == {}


def test_a_used_face_is_cut_out_and_has_latents_to_start_from(
    client: TestClient, services: Services
) -> None:
    told = uploaded(client)
    answer = used(client, told["id"]).json()
    assert Frame(**answer["frame"]) == FRAMES[0]
    assert answer["latents"] == {"small": {"by": "mean"}}  # no encoder was made for it
    aligned = client.get(f"/control/photos/{told['id']}/aligned.png")
    assert Image.open(io.BytesIO(aligned.content)).size == (1024, 1024)
    generator = services.models.generator("small")
    ws = services.steering.photos.ws(f"photo:{told['id']}", generator)
    assert np.allclose(ws, generator.mean_w.numpy())
    shown = client.post("/control/preview?size=16", json={"photo": told["id"], "psi": 1})
    assert shown.status_code == 200


def test_another_frame_begins_anew_the_same_one_keeps_what_was_reached(
    client: TestClient, services: Services
) -> None:
    photo = uploaded(client)["id"]
    used(client, photo)
    folder = services.photos.folders.get(photo)
    folder.latents("small").with_suffix(".json").write_text(json.dumps({"by": "optimisation"}))
    assert used(client, photo).json()["latents"]["small"]["by"] == "optimisation"
    before = folder.aligned.read_bytes()
    assert used(client, photo, FRAMES[1]).json()["latents"]["small"]["by"] == "mean"
    assert folder.aligned.read_bytes() != before


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (Frame(9000, 9000, 50, 0), "shows none of the photo"),
        (Frame(50, 50, 0.5, 0), "at least 1 px"),
        (Frame(50, 50, 5000, 0), "shows none of the photo, or nearly none"),
    ],
)
def test_a_frame_that_cannot_be_changes_nothing(
    client: TestClient, services: Services, frame: Frame, message: str
) -> None:
    photo = uploaded(client)["id"]
    used(client, photo)
    folder = services.photos.folders.get(photo)
    before = files_of(folder)
    for is_spared in (False, True):
        status, _, said = refused(used(client, photo, frame, is_spared=is_spared))
        assert status == 400 and message in said
        assert files_of(folder) == before and folders(services) == [photo]


def test_another_frame_of_a_photo_that_is_spared_is_that_of_a_copy(
    client: TestClient, services: Services
) -> None:
    photo = uploaded(client)["id"]
    assert used(client, photo, is_spared=True).json()["id"] == photo  # it had no frame before
    assert used(client, photo, is_spared=True).json()["id"] == photo  # nor is this another one
    folder = services.photos.folders.get(photo)
    before = files_of(folder)
    told = used(client, photo, FRAMES[1], is_spared=True).json()
    assert told["id"] != photo and Frame(**told["frame"]) == FRAMES[1]
    assert files_of(folder) == before
    copy = services.photos.folders.get(told["id"])
    assert copy.photo.read_bytes() == folder.photo.read_bytes()
    assert copy.aligned.read_bytes() != folder.aligned.read_bytes()
    listed = client.get("/control/photos").json()["photos"]
    assert [each["id"] for each in listed] == [told["id"], photo]
    assert listed[0]["faces"] == listed[1]["faces"] and listed[0]["size"] == listed[1]["size"]


def test_a_spared_photo_whose_file_is_lost_says_so_and_leaves_no_copy(
    client: TestClient, services: Services
) -> None:
    photo = uploaded(client)["id"]
    used(client, photo)
    services.photos.folders.get(photo).shown.unlink()
    status, code, said = refused(used(client, photo, FRAMES[1], is_spared=True))
    assert (status, code) == (404, "no_photo") and "shown.jpg" in said and "again" in said
    assert folders(services) == [photo]


def test_photos_are_listed_the_newest_first(client: TestClient) -> None:
    first, second = uploaded(client)["id"], uploaded(client)["id"]
    listed = client.get("/control/photos").json()["photos"]
    assert [each["id"] for each in listed] == [second, first]


def test_a_deleted_photo_is_gone_with_all_that_was_made_of_it(
    client: TestClient, services: Services
) -> None:
    photo = uploaded(client)["id"]
    used(client, photo)
    recipe = json.dumps({"photo": photo, "psi": 1})
    assert client.get("/control/face.png", params={"recipe": recipe}).status_code == 200
    other = uploaded(client)["id"]
    used(client, other)
    with_parts = services.cache / "control" / f"photo-{other}+photo-{photo}" / "small"
    tuned = services.cache / "faces" / f"photo-{photo}-7-abc"
    for folder in (with_parts, tuned):
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(b"of the photo")
    assert len(list(services.cache.rglob("*.png"))) == 3
    assert client.delete(f"/control/photos/{photo}").status_code == 200
    assert folders(services) == [other]
    assert not [path for path in services.cache.rglob("*") if path.is_file()]
    gone = client.get("/control/face.png", params={"recipe": recipe})
    assert refused(gone)[:2] == (404, "no_photo")
    assert refused(client.get(f"/control/photos/{photo}"))[:2] == (404, "no_photo")
    assert refused(client.delete(f"/control/photos/{photo}"))[:2] == (404, "no_photo")


@pytest.mark.parametrize("file", ["photo.json", "photo.jpg", "latents", "..%2Fphoto.json"])
def test_only_the_pictures_of_a_page_are_given_out(client: TestClient, file: str) -> None:
    photo = uploaded(client)["id"]
    used(client, photo)
    assert client.get(f"/control/photos/{photo}/{file}").status_code == 404


@pytest.mark.parametrize("photo", ["0" * 16, "..", "%2e%2e", "x"])
def test_a_photo_that_is_none_is_said(client: TestClient, photo: str) -> None:
    assert client.get(f"/control/photos/{photo}/shown.jpg").status_code == 404


def test_nothing_of_the_file_but_its_pixels_is_kept(client: TestClient, services: Services) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera Works"
    photo = uploaded(client, stored(picture(), "JPEG", exif=exif))["id"]
    used(client, photo)
    for path in services.photos.folders.get(photo).path.rglob("*"):
        assert path.is_dir() or b"Secret Camera" not in path.read_bytes()


def test_a_full_disk_keeps_nothing_and_says_so(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []

    def full(path: Any) -> None:
        flushed.append(path)
        if len(flushed) == 2:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(files, "_flush", full)
    answer = client.post("/control/photos", content=stored(picture(), "JPEG"))
    assert answer.status_code == 500 and "disk is full" in answer.json()["error"]
    assert folders(services) == []


def test_a_photo_is_sharpened_and_stopped_over_http(client: TestClient, services: Services) -> None:
    photo = uploaded(client)["id"]
    early = client.post(f"/control/photos/{photo}/sharpen", json={})
    assert refused(early)[0] == 400 and "Use this face" in refused(early)[2]
    used(client, photo)
    job = client.post(f"/control/photos/{photo}/sharpen", json={"steps": 5}).json()["job"]
    assert (job["state"], job["is_alive"], job["generator"]) == ("queued", True, "small")
    stopped = client.post(f"/control/photos/{photo}/stop").json()["job"]
    assert (stopped["state"], stopped["is_alive"]) == ("cancelled", False)
    assert client.get(f"/control/photos/{photo}").json()["job"] == stopped
