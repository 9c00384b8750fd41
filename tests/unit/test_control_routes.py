"""The Control tab over HTTP: recipes in; previews, faces and files out; what cannot be is said."""

from __future__ import annotations

import io
import json
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from PIL import Image

from core.generators import Noise, Outputs
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.routes.control import FACE, PREVIEW
from studio.services import Services
from tests.unit.control_fakes import FakeControl, direction, own_sliders, with_control
from tests.unit.routed import client, refused, services
from tests.unit.small_models import small_store

__all__ = ["client", "services", "small_store"]  # fixtures

Frame = tuple[dict[str, Any], np.ndarray | None]


def frames(content: bytes) -> Iterator[Frame]:
    """Facts, and the picture where there is one."""
    at = 0
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at)
        facts = json.loads(content[at + 4 : at + 4 + length])
        at += 4 + length
        picture = content[at : at + facts["picture"]]
        at += facts["picture"] + facts["labels"]
        yield facts, np.asarray(Image.open(io.BytesIO(picture))) if picture else None
    assert at == len(content)


def whole(client: TestClient, **recipe: Any) -> list[Frame]:
    answer = client.post("/control/face?sequence=4", json=recipe)
    assert answer.status_code == 200, answer.text
    return list(frames(answer.content))


def small(client: TestClient, **recipe: Any) -> Frame:
    answer = client.post("/control/preview?sequence=9&size=16", json=recipe)
    assert answer.status_code == 200, answer.text
    (frame,) = frames(answer.content)
    return frame


def drawn(services: Services, seed: int, psi: float = 0.7) -> np.ndarray:
    generator = services.models.generator("small")
    return latents_from_seeds(generator, [seed], psi=psi, noise=Noise()).ws[0]


def test_a_preview_is_a_small_picture_of_the_latest_wish(client: TestClient) -> None:
    facts, picture = small(client, seed=3)
    assert facts["kind"] == "face" and facts["sequence"] == 9 and facts["labels"] == 0
    assert picture is not None and picture.shape == (16, 16, 3)


def test_the_whole_face_is_the_one_that_the_sample_tab_draws(
    client: TestClient, services: Services
) -> None:
    steps = whole(client, seed=5, psi=0.5)
    kinds = [facts["kind"] for facts, _ in steps]
    assert kinds[-2:] == ["face", "told"] and set(kinds[:-2]) == {"step"}
    assert steps[-2][0]["is_final"] and steps[-1][0]["told"] is None
    expected = services.models.runtime("small", Outputs()).render(drawn(services, 5, 0.5))["image"]
    picture = steps[-2][1]
    assert picture is not None
    assert np.abs(picture.astype(int) - expected).mean() < 6  # it came as a JPEG


def test_an_age_is_shown_as_guessed_then_steered_then_told(
    client: TestClient, services: Services
) -> None:
    control = with_control(services)
    steps = whole(client, seed=5, age=62, gender="female")
    faces = [facts["is_final"] for facts, _ in steps if facts["kind"] == "face"]
    said = [facts["doing"] for facts, _ in steps if facts["kind"] == "step"]
    assert faces == [False, True] and said.count("steering") == 3
    assert steps[-1][0]["told"]["reached"] is True
    assert steps[-1][0]["told"]["age"] == 62
    assert control.steered[0][0] == {"age": 62, "male": 0.02}


def test_the_same_face_again_is_not_steered_again(client: TestClient, services: Services) -> None:
    control = with_control(services)
    first, again = whole(client, seed=5, age=62), whole(client, seed=5, age=62)
    assert len(control.steered) == 1 and first[-1] == again[-1]
    assert [facts["kind"] for facts, _ in again if facts["kind"] != "step"] == ["face", "told"]


def test_an_age_without_what_is_known_of_it_names_the_command(client: TestClient) -> None:
    (facts, _) = whole(client, seed=5, age=62)[-1]
    assert facts["kind"] == "error" and facts["status"] == 400
    assert "python launch.py train attributes --config FILE" in facts["error"]
    status, code, message = refused(client.post("/control/preview", json={"age": 62}))
    assert (status, code) == (400, "bad_request") and "train attributes" in message


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"seed": -1}, "seed must be in 0"),
        ({"seed": 2**40}, "seed must be in 0"),
        ({"seed": 1, "psi": 3}, "psi must be in -2..2"),
        ({"age": 120}, "age must be in 1..80 years"),
        ({"gender": "robot"}, "gender must be female or male"),
        ({"mixing": 2}, "mixing must be in 0..1"),
        ({"keep": ["everything"]}, "Choose of: identity, hair"),
        ({"directions": {"smile": 99}}, "must be in -20..20"),
        ({"directions": {"wings": 1}}, "no slider 'wings'"),
        ({"generator": "nobody"}, "no weights named 'nobody'"),
        ({"seed": "many"}, "seed: Input should be a valid integer"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(
    client: TestClient, recipe: dict[str, Any], message: str
) -> None:
    status, _, said = refused(client.post("/control/preview", json=recipe))
    assert status == 400 and message in said


def test_options_say_what_is_there_and_what_makes_the_rest(
    client: TestClient, services: Services
) -> None:
    answer = client.get("/control/options").json()
    assert answer["generator"] == "small" and answer["resolution"] == 32
    assert answer["classes"] == [] and answer["sliders"] == []
    missing = answer["missing"]
    assert "train attributes" in missing["control"] and "train directions" in missing["sliders"]
    assert "without a mask" in missing["masks"] and "Train tab" in missing["masks"]
    assert {lock["name"] for lock in answer["locks"]} >= {"identity", "hair"}


def test_sliders_of_ones_own_are_offered_and_act(client: TestClient, services: Services) -> None:
    own_sliders(services, direction(services))
    (slider,) = client.get("/control/options").json()["sliders"]
    assert slider["group"] == "own" and slider["safe"] == [-2.0, 2.5]
    _, before = small(client, seed=1)
    _, after = small(client, seed=1, directions={"smile": 3})
    assert before is not None and after is not None and (before != after).any()


def test_a_slider_file_of_another_generator_is_said_with_both_names(
    client: TestClient, services: Services
) -> None:
    other = replace(direction(services), generator="elsewhere", generator_sha256="ab" * 32)
    own_sliders(services, direction(services), file="mine")
    own_sliders(services, other, file="other")
    answer = client.get("/control/options").json()
    assert [slider["name"] for slider in answer["sliders"]] == ["smile"]
    (problem,) = answer["problems"]
    assert (
        "other.safetensors was made for generator 'elsewhere'" in problem and "'small'" in problem
    )


def test_a_new_slider_file_counts_at_once(client: TestClient, services: Services) -> None:
    own_sliders(services, direction(services))
    assert len(client.get("/control/options").json()["sliders"]) == 1
    own_sliders(services, direction(services, "frown"), file="more")
    names = [slider["name"] for slider in client.get("/control/options").json()["sliders"]]
    assert sorted(names) == ["frown", "smile"]


class Held(FakeControl):
    """Steers until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_there, self.go_on = threading.Event(), threading.Event()

    def mixed(self, *arguments: Any) -> Any:
        self.is_there.set()
        assert self.go_on.wait(10)
        return super().mixed(*arguments)


@pytest.mark.parametrize("by", ["preview", "face", "stop"])
def test_stale_work_ends_when_the_same_tab_asks_for_something_else(
    client: TestClient, services: Services, by: str
) -> None:
    held = Held()
    with_control(services, held)
    answers: list[list[Frame]] = []
    thread = threading.Thread(
        target=lambda: answers.append(whole(client, seed=1, age=50, mixing=0.5))
    )
    thread.start()
    assert held.is_there.wait(10)
    if by == "stop":
        client.post("/control/stop")
    elif by == "preview":
        small(client, seed=2)
    else:
        whole(client, seed=2)
    held.go_on.set()
    thread.join(10)
    assert answers[0][-1][0]["kind"] == "stopped" and held.steered == []


def test_another_tab_does_not_stop_it(client: TestClient, services: Services) -> None:
    held = Held()
    with_control(services, held)
    answers: list[list[Frame]] = []
    thread = threading.Thread(
        target=lambda: answers.append(whole(client, seed=1, age=50, mixing=0.5))
    )
    thread.start()
    assert held.is_there.wait(10)
    client.post("/control/stop", headers={"X-Faceloom-Tab": "another"})
    held.go_on.set()
    thread.join(10)
    assert answers[0][-1][0]["kind"] == "told"


@pytest.mark.parametrize("late", ["preview", "face", "stop"])
def test_what_was_asked_before_and_comes_late_stops_nothing(
    client: TestClient, services: Services, late: str
) -> None:
    running = services.stops.begin("tab 1", FACE, 5)
    services.stops.stop("tab 1", PREVIEW, 5)
    answer = client.post(f"/control/{late}?sequence=4", json={"seed": 2})
    assert not running.is_set()
    if late == "face":
        assert [facts["kind"] for facts, _ in frames(answer.content)] == ["stopped"]
    else:
        assert answer.status_code == {"preview": 204, "stop": 200}[late]


def test_a_preview_that_was_overtaken_is_answered_with_nothing(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(recipe: object, size: int, check: Any) -> None:
        services.stops.begin("tab 1", PREVIEW)
        check()

    monkeypatch.setattr(services.steering, "preview", overtaken)
    answer = client.post("/control/preview", json={})
    assert answer.status_code == 204 and answer.content == b""


def test_a_fault_amid_the_answer_is_told_as_one(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services.steering, "finish", broken)
    facts, _ = whole(client)[-1]
    assert (facts["kind"], facts["code"]) == ("error", "fault")
    assert "fault in Faceloom (ZeroDivisionError)" in facts["error"]


def test_what_goes_on_has_a_sign_and_what_is_read_no_more_is_stopped(
    client: TestClient, services: Services
) -> None:
    whole(client, seed=1)
    sign = services.stops._signs["tab 1", FACE]
    end = time.monotonic() + 5
    while not sign.is_set() and time.monotonic() < end:
        time.sleep(0.01)
    assert sign.is_set()


def test_files_hold_the_face_its_latents_and_how_it_was_made(
    client: TestClient, services: Services
) -> None:
    own_sliders(services, direction(services))
    recipe = json.dumps({"seed": 6, "directions": {"smile": 1.5}})
    picture = client.get("/control/face.png", params={"recipe": recipe})
    latents = client.get("/control/face.npy", params={"recipe": recipe})
    ws = np.load(io.BytesIO(latents.content))
    assert ws.dtype == np.float32
    assert np.allclose(ws, direction(services).apply(drawn(services, 6), 1.5))
    with Image.open(io.BytesIO(picture.content)) as image:
        expected = services.models.runtime("small", Outputs()).render(ws)["image"]
        assert np.array_equal(np.asarray(image), expected)
        assert json.loads(image.info["faceloom:recipe"])["directions"] == {"smile": 1.5}
    assert "attachment" in picture.headers["content-disposition"]


def test_there_is_no_file_of_a_mask_without_a_segmenter(client: TestClient) -> None:
    status, _, message = refused(client.get("/control/mask.png", params={"recipe": "{}"}))
    assert status == 400 and "without a mask" in message


@pytest.mark.parametrize("recipe", ["{", "[]", '{"seed": []}'])
def test_a_recipe_that_cannot_be_read_is_refused(client: TestClient, recipe: str) -> None:
    status, _, message = refused(client.get("/control/face.png", params={"recipe": recipe}))
    assert status == 400 and "recipe cannot be read" in message


def test_a_face_goes_into_a_project_with_its_ws_and_once(
    client: TestClient, services: Services
) -> None:
    own_sliders(services, direction(services))
    body = {"recipe": {"seed": 6, "directions": {"smile": 2}}, "project": "made to order"}
    first, again = (client.post("/control/keep", json=body).json() for _ in range(2))
    assert first["is_new"] and not again["is_new"] and first["face_id"] == again["face_id"]
    face = services.store.faces.get(first["face_id"])
    assert (face.seed, face.generator, face.width) == (6, "small", 32)
    ws = services.store.faces.latent(first["face_id"])
    assert np.allclose(ws, direction(services).apply(drawn(services, 6), 2))


def test_a_project_that_is_not_there_takes_no_face(client: TestClient) -> None:
    body = {"recipe": {"seed": 6}, "project": 77}
    assert refused(client.post("/control/keep", json=body))[:2] == (404, "not_found")


def test_the_recipe_file_says_all_that_was_asked(
    client: TestClient, small_store: WeightStore
) -> None:
    wanted = {"seed": 6, "age": 62, "gender": "female", "keep": ["hair"], "mixing": 0.2}
    text = client.post("/control/recipe", json={"recipes": [wanted, {"seed": 7}]}).json()["yaml"]
    first, second = yaml.safe_load(text)["faces"]
    assert first == {
        "generator": "small",
        "generator_sha256": small_store.entry("small").sha256,
        "seed": 6,
        "psi": 0.7,
        "age": 62.0,
        "gender": "female",
        "mixing": 0.2,
        "keep": ["hair"],
        "noise": "off",
    }
    assert set(second) == {"generator", "generator_sha256", "seed", "psi", "noise"}


def test_parts_that_cannot_be_taken_are_refused(client: TestClient) -> None:
    for recipe, message in (
        ({"take": {"beard": [1, 1]}, "source": "seed:3"}, "No part is called 'beard'"),
        ({"take": {"hair": [1, 2]}, "source": "seed:3"}, "Shape and texture of hair"),
        ({"take": {"hair": [1, 1]}, "source": "me.jpg"}, "Parts are taken from 'seed:'"),
        ({"take": {"hair": [1, 1]}}, "Parts are taken from 'seed:'"),
        ({"take": {"hair": [1, 1]}, "source": "seed:3", "softness": 2}, "softness must be in"),
    ):
        answer = client.post("/control/face", json=recipe)
        assert answer.status_code == 400 and message in answer.json()["error"], answer.text
    answer = client.get("/control/source.jpg?source=seed:x")
    assert answer.status_code == 400 and "A face is 'seed:'" in answer.json()["error"]


def test_the_face_that_parts_are_taken_from_is_shown_small(client: TestClient) -> None:
    answer = client.get("/control/source.jpg?source=seed:3&psi=0.7")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size[0] > 8
