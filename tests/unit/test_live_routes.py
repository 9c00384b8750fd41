"""Live learning over HTTP: strokes in, the whole face out; and what cannot be is said so."""

from __future__ import annotations

import io
import json
import logging
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from annotations import NewFace, Status, encode_mask
from core.errors import Cancelled
from core.generators import Noise, Outputs
from core.sampling import latents_from_seeds
from studio.services import Services
from studio.workflows.face_features import OtherFaceError
from studio.workflows.live_labelling import LiveLabelling
from tests.unit.routed import asking, client, refused, services
from tests.unit.small_models import small_store

__all__ = ["client", "services", "small_store"]  # fixtures

SHAPE = (32, 32)


def never() -> None:
    """The check of who does not stop."""


def generated(services: Services, count: int) -> list[NewFace]:
    """Faces as the Sample tab adds them, by the 32 px network 'small'."""
    generator = services.models.generator("small")
    latents = latents_from_seeds(generator, range(count), psi=0.7, noise=Noise())
    found = []
    for seed, ws in enumerate(latents.ws):
        file = io.BytesIO()
        image = services.models.runtime("small", Outputs()).render(ws)["image"]
        Image.fromarray(image).save(file, "PNG")
        sha256 = generator.identity.sha256
        found.append(NewFace(file.getvalue(), ws, "small", sha256, seed, 0.7))
    return found


@pytest.fixture
def project(services: Services) -> tuple[int, list[int]]:
    """Five faces of the generator that is here."""
    project = services.store.projects.create("faces")
    return project.id, list(services.store.faces.add(project.id, generated(services, 5)).face_ids)


def mask_of(services: Services, face: int) -> np.ndarray:
    """Class 4 where the picture is bright, 1 elsewhere."""
    with Image.open(io.BytesIO(services.store.faces.picture(face))) as image:
        bright = np.asarray(image.convert("L"))
    return np.where(bright > np.median(bright), 4, 1).astype(np.uint8)


def finish(services: Services, face: int) -> None:
    png = encode_mask(mask_of(services, face))
    services.store.masks.save(face, png, "Ann", parent_id=None, status=Status.DONE)


def strokes(services: Services, face: int) -> np.ndarray:
    mask = np.full(SHAPE, 255, np.uint8)
    mask[::5] = mask_of(services, face)[::5]
    return mask


def ask(client: TestClient, face: int, mask: np.ndarray | bytes = b"", sequence: int = 1) -> Any:
    body = mask if isinstance(mask, bytes) else encode_mask(mask)
    path = f"/annotate/faces/{face}/prediction?sequence={sequence}"
    return client.post(path, content=body)


def read(answer: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Facts, and the two pictures where there are any."""
    assert answer.status_code == 200, answer.text
    (length,) = struct.unpack_from("<I", answer.content)
    facts = json.loads(answer.content[4 : 4 + length])
    pictures, at = [], 4 + length
    for name in ("labels", "uncertainty"):
        if facts[name]:
            png = answer.content[at : at + facts[name]]
            pictures.append(np.asarray(Image.open(io.BytesIO(png))))
        at += facts[name]
    assert at == len(answer.content)
    return facts, pictures


def test_strokes_bring_a_prediction_of_the_whole_face(
    client: TestClient, services: Services, project: tuple[int, list[int]]
) -> None:
    face = project[1][0]
    facts, (labels, uncertainty) = read(ask(client, face, strokes(services, face), 7))
    assert facts["sequence"] == 7 and facts["needs"] == "" and not facts["is_segmenter_used"]
    assert labels.shape == SHAPE and labels.dtype == np.uint8
    assert set(np.unique(labels)) <= {1, 4}
    assert (labels == mask_of(services, face)).mean() > 0.65
    assert uncertainty.shape == SHAPE


def test_without_strokes_and_painted_faces_it_says_what_is_needed(
    client: TestClient, project: tuple[int, list[int]]
) -> None:
    facts, pictures = read(ask(client, project[1][0]))
    assert pictures == [] and "two or more classes" in facts["needs"]


def test_finished_faces_predict_another_one_without_a_stroke(
    client: TestClient, services: Services, project: tuple[int, list[int]]
) -> None:
    faces = project[1]
    for face in faces[:3]:
        finish(services, face)
    facts, (labels, _) = read(ask(client, faces[4]))
    assert (facts["num_painted"], facts["num_finished"]) == (3, 3)
    assert (labels == mask_of(services, faces[4])).mean() > 0.6


def test_a_face_does_not_learn_from_its_own_saved_mask(
    client: TestClient, services: Services, project: tuple[int, list[int]]
) -> None:
    finish(services, project[1][0])
    facts, pictures = read(ask(client, project[1][0]))
    assert facts["num_finished"] == 0 and pictures == []


def test_a_newly_finished_face_is_learned_from(
    client: TestClient, services: Services, project: tuple[int, list[int]]
) -> None:
    faces = project[1]
    counts = []
    for face in faces[:2]:
        finish(services, face)
        counts.append(read(ask(client, faces[4]))[0]["num_painted"])
    assert counts == [1, 2]


def test_broken_files_of_examples_are_made_again(
    client: TestClient,
    services: Services,
    project: tuple[int, list[int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    faces = project[1]
    finish(services, faces[0])
    before = read(ask(client, faces[4]))
    files = list((services.cache / "live").glob("*.safetensors"))
    assert len(files) == 2  # the basis, and the examples of one face
    for file in files:
        file.write_bytes(file.read_bytes()[:50])
    fresh = LiveLabelling(services.store, services.models, services.segmenters, services.cache)
    with caplog.at_level(logging.WARNING):
        again = fresh.predict(faces[4], None, never)
    assert caplog.text.count("damaged") == 2
    assert again.labels is not None and np.array_equal(again.labels, before[1][0])


def test_a_face_of_a_generator_that_is_not_here_is_refused_with_what_to_do(
    client: TestClient, services: Services
) -> None:
    project = services.store.projects.create("elsewhere")
    made = generated(services, 1)[0]
    foreign = replace(made, generator="elsewhere", generator_sha256="ab" * 32)
    changed = replace(made, generator_sha256="cd" * 32)
    ids = services.store.faces.add(project.id, [foreign, changed]).face_ids
    facts, pictures = read(ask(client, ids[0]))
    assert facts["is_off"] and not pictures and "weights add" in facts["needs"]
    facts, pictures = read(ask(client, ids[1]))
    assert facts["is_off"] and "has changed" in facts["needs"] and "cdcdcdcd" in facts["needs"]
    answer = client.post(f"/annotate/projects/{project.id}/suggestion")
    assert refused(answer)[:2] == (409, "no_features")


def test_a_picture_that_is_not_its_latents_is_refused(
    client: TestClient, services: Services
) -> None:
    one, other = generated(services, 2)
    swapped = replace(one, picture=inverted(other.picture))
    project = services.store.projects.create("swapped")
    (face,) = services.store.faces.add(project.id, [swapped]).face_ids
    facts, pictures = read(ask(client, face))
    assert facts["is_off"] and not pictures and f"face {face}" in facts["needs"]


def inverted(png: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        Image.fromarray(255 - np.asarray(image.convert("RGB"))).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no picture", "bad_mask"),
        (encode_mask(np.full((8, 8), 255, np.uint8)), "bad_mask"),
        (encode_mask(np.full(SHAPE, 99, np.uint8)), "bad_mask"),
    ],
    ids=["no PNG", "another size", "unknown class"],
)
def test_a_mask_that_is_not_the_faces_is_refused(
    client: TestClient, project: tuple[int, list[int]], body: bytes, code: str
) -> None:
    assert refused(ask(client, project[1][0], body))[:2] == (400, code)


def test_a_face_that_is_not_there_is_said_so(client: TestClient) -> None:
    assert refused(ask(client, 4711))[:2] == (404, "not_found")


@pytest.fixture
def held(services: Services) -> Iterator[threading.Lock]:
    """While it is held, requests wait for their turn."""
    turn: threading.Lock = services.live._turn
    with turn:
        yield turn


def test_a_newer_request_of_the_same_tab_stops_a_waiting_one(
    client: TestClient, project: tuple[int, list[int]], held: threading.Lock, services: Services
) -> None:
    answers: list[int] = []
    face = project[1][0]
    first = threading.Thread(target=lambda: answers.append(ask(client, face).status_code))
    first.start()
    while ("tab 1", "live prediction") not in services.stops._signs:
        first.join(0.01)
    services.stops.stop("tab 2", "live prediction")  # somebody else's matters nothing
    first.join(0.2)
    assert first.is_alive()
    services.stops.stop("tab 1", "live prediction")
    first.join(10)
    assert answers == [204]


def test_a_cancelled_one_lets_the_next_one_work(
    services: Services, project: tuple[int, list[int]]
) -> None:
    def refuse() -> None:
        raise Cancelled("A newer request took its place.")

    with pytest.raises(Cancelled, match="newer request took its place"):
        services.live.predict(project[1][0], None, refuse)
    assert services.live.predict(project[1][0], None, never).needs


def test_suggestions_are_open_faces_that_nobody_else_has(
    client: TestClient, services: Services, project: tuple[int, list[int]]
) -> None:
    id_, faces = project
    finish(services, faces[0])
    services.store.leases.hold(faces[1], "Bob", "tab of Bob")
    answer = client.post(f"/annotate/projects/{id_}/suggestion?beside={faces[2]}").json()
    assert sorted(answer["faces"]) == [faces[3], faces[4]]
    assert (answer["num_seen"], answer["num_open"]) == (3, 3)


def test_a_project_without_open_faces_has_no_suggestion(
    client: TestClient, services: Services
) -> None:
    id_ = services.store.projects.create("nothing").id
    answer = client.post(f"/annotate/projects/{id_}/suggestion").json()
    assert answer == {"faces": [], "num_seen": 0, "num_open": 0}


def test_a_face_can_be_looked_at_ahead(
    client: TestClient, services: Services, project: tuple[int, list[int]]
) -> None:
    assert client.post(f"/annotate/faces/{project[1][1]}/live").json() == {"is_ready": True}
    with pytest.raises(OtherFaceError, match="made by generator 'elsewhere', which is not here"):
        made = replace(generated(services, 1)[0], generator="elsewhere")
        foreign = services.store.faces.add(services.store.projects.create("f").id, [made])
        services.live.prepare(foreign.face_ids[0], never)
    path = f"/annotate/faces/{foreign.face_ids[0]}/live"
    assert client.post(path, headers=asking("Ann")).json() == {"is_ready": False}
