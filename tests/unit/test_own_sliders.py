"""Sliders of one's own: from marked faces of a project to a file that acts, and what is refused."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from annotations import NewFace
from core.directions import read_directions
from core.errors import Cancelled, InvalidRequestError
from core.generators import Identity, Noise
from core.latents import LatentSpace
from core.progress import Step
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.services import Services
from studio.workflows.own_directions import (
    FaceSets,
    OwnWish,
    Yardstick,
    open_yardstick,
    told_of,
)
from studio.workflows.own_sliders import chosen_directions, name_of
from tests.launching import run_here
from tests.unit.control_fakes import SMILE, direction, own_sliders
from tests.unit.routed import client, refused, services
from tests.unit.small_models import small_models, small_store
from tests.unit.test_control_routes import frames

__all__ = ["client", "services", "small_models", "small_store"]  # fixtures

AGE = 0
NUM = 8  # faces a side


def faces_of(services: Services, seeds: range, smile: float, age: float = 0.0) -> np.ndarray:
    """ws [N, L, D] that have `smile` and `age` more in their entries of w."""
    generator = services.models.generator("small")
    ws = latents_from_seeds(generator, seeds, psi=0.7, noise=Noise()).ws
    ws[:, :, SMILE] += smile
    ws[:, :, AGE] += age
    return ws


def put(services: Services, project: int, ws: np.ndarray, of: Identity | None = None) -> list[int]:
    """Into the project; returns the faces' ids."""
    identity = of or services.models.generator("small").identity
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    new = [
        NewFace(file.getvalue(), each, identity.name, identity.sha256, seed=i, psi=0.7)
        for i, each in enumerate(ws)
    ]
    return list(services.store.faces.add(project, new).face_ids)


@pytest.fixture(scope="module")
def yardstick(small_models: ModelCache) -> Yardstick:
    """Nothing can be measured; w's distribution is drawn once."""
    return open_yardstick(small_models, "small", None)


@pytest.fixture(autouse=True)
def quick(services: Services, yardstick: Yardstick, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drawing of w and no compiling in each test."""
    services.steering.own._yardsticks["small"] = yardstick
    monkeypatch.setattr(services.steering, "prepare", lambda generator, *sizes: None)


@pytest.fixture
def wanted(services: Services) -> dict[str, Any]:
    """A slider that moves one entry of w, and a little another one."""
    project = services.store.projects.create("people").id
    return {
        "project_id": project,
        "with_faces": put(services, project, faces_of(services, range(NUM), 2.0, age=1.0)),
        "without_faces": put(services, project, faces_of(services, range(20, 20 + NUM), -2.0)),
        "title": "Smiles à la Ann",
    }


@pytest.fixture
def measured(services: Services) -> Iterator[list[int]]:
    """The generator's age and smile can be measured; gets how many faces were at once."""
    seen: list[int] = []

    def measure(ws: np.ndarray) -> np.ndarray:
        seen.append(len(ws))
        return ws.mean(axis=1)[:, [AGE, SMILE]]

    def slopes(names: Sequence[str], layers: Sequence[int]) -> np.ndarray:
        entries = {"age": AGE, "smile": SMILE}
        return np.eye(ws_dim)[[entries[name] for name in names]]

    own = services.steering.own
    plain = own.yardstick("small")
    ws_dim = plain.space.w_dim
    own._yardsticks["small"] = replace(
        plain, measure=measure, slopes=slopes, names=("age", "smile"), scale=np.array([1.0, 1.0])
    )
    yield seen


def made(client: TestClient, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post("/control/own", json=wanted)
    assert answer.status_code == 200, answer.text
    return [facts for facts, _ in frames(answer.content)]


def own_names(client: TestClient) -> list[str]:
    return [slider["name"] for slider in client.get("/control/options").json()["sliders"]]


def test_marked_faces_become_a_slider_that_is_measured_and_offered(
    client: TestClient, services: Services, wanted: dict[str, Any], measured: list[int]
) -> None:
    said = made(client, wanted)
    assert [facts["kind"] for facts in said[:-1]] == ["step"] * (len(said) - 1)
    counts = [facts["done"] for facts in said if facts["kind"] == "step"]
    assert counts == sorted(counts) and counts[-1] == said[-2]["total"] == 6 * 7
    slider = said[-1]["slider"]
    assert (slider["name"], slider["title"]) == ("smiles-a-la-ann", "Smiles à la Ann")
    assert "8 faces with and 8 without" in slider["about"] and "Smile +" in slider["about"]
    assert max(measured) <= 2  # others get their turn between
    (offered,) = client.get("/control/options").json()["sliders"]
    assert offered == slider and offered["group"] == "own" and offered["safe"][0] < 0


def test_the_file_tells_where_it_is_from_and_moves_what_the_faces_share(
    client: TestClient, services: Services, wanted: dict[str, Any], measured: list[int]
) -> None:
    made(client, wanted)
    space = LatentSpace.of(services.models.generator("small"))
    path = services.workspace / "directions" / "smiles-a-la-ann.safetensors"
    (found,) = read_directions(path, space)
    source = found.facts["source"]
    assert source["project"] == "people" and source["with_faces"] == wanted["with_faces"]
    assert source["without_seeds"] == list(range(NUM)) and len(source["ws_sha256"]) == 64
    assert found.facts["measured"]["attribute"] == "smile"
    assert int(np.abs(found.vector[0]).argmax()) == SMILE and found.vector[0, SMILE] > 0
    assert path.stat().st_size < 40_000


def test_what_is_held_does_not_move_and_layers_can_be_chosen(
    client: TestClient, services: Services, wanted: dict[str, Any], measured: list[int]
) -> None:
    space = LatentSpace.of(services.models.generator("small"))
    for hold, title in ([], "free"), (["age"], "held"):
        made(client, wanted | {"title": title, "hold": hold, "part": "shape"})
    folder = services.workspace / "directions"
    free, held = (read_directions(folder / f"{n}.safetensors", space)[0] for n in ("free", "held"))
    size = np.abs(free.vector).max()
    assert abs(held.vector[0, AGE]) < 1e-3 * size < abs(free.vector[0, AGE])
    assert held.facts["held"] == ["age"] and held.layers == tuple(range(space.num_ws))


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"with_faces": []}, 400, "needs 3 to 1000 different faces on each side, got 0 'with'"),
        ({"without_faces": [11, 12]}, 400, "got 2 'without'"),
        ({"title": "  "}, 400, "needs a name"),
        ({"title": "x" * 200}, 400, "at most 120 characters, this one has 200"),
        ({"title": "two\nlines"}, 400, "one line"),
        ({"hold": ["age"]}, 400, "Nothing can be held: the attributes of 'small' are not known"),
        ({"hold": ["wings"]}, 400, "hold by the name of 'wings'. Choose of: age, gender"),
        ({"part": "wings"}, 400, "part: Input should be"),
        ({"part": "colours"}, 400, "at least one"),
        ({"project_id": 99}, 404, "project"),
        ({"with_faces": [1, 2, 999]}, 404, "face"),
        ({"with_faces": ["../1", 2, 3]}, 400, "with_faces.0: Input should be a valid integer"),
    ],
)
def test_what_cannot_become_a_slider_is_refused_before_anything_is_made(
    client: TestClient,
    services: Services,
    wanted: dict[str, Any],
    changes: dict[str, Any],
    status: int,
    message: str,
) -> None:
    answer = client.post("/control/own", json=wanted | changes)
    assert refused(answer)[0] == status and message in refused(answer)[2]
    assert not (services.workspace / "directions").exists()


def test_a_face_in_both_sets_is_named(client: TestClient, wanted: dict[str, Any]) -> None:
    both = wanted["without_faces"][0]
    body = wanted | {"with_faces": [*wanted["with_faces"], both]}
    status, _, message = refused(client.post("/control/own", json=body))
    assert status == 400 and f"with and without at once: face {both}." in message


def test_the_same_face_under_two_ids_is_found(services: Services) -> None:
    ws = faces_of(services, range(6), 1.0)
    with pytest.raises(InvalidRequestError, match=r"1 face\(s\) are in both sets .* number 4"):
        FaceSets(ws[:4], ws[3:])
    with pytest.raises(InvalidRequestError, match="got 1 'with'"):
        FaceSets(ws[[0, 0, 0]], ws[3:])


def test_faces_of_another_generator_are_refused_by_name(
    client: TestClient, services: Services, wanted: dict[str, Any]
) -> None:
    strange = put(
        services,
        wanted["project_id"],
        np.ones((1, 3, 4), np.float32),
        Identity("elsewhere", "ab" * 32),
    )
    body = wanted | {"with_faces": [*wanted["with_faces"], *strange]}
    _, _, message = refused(client.post("/control/own", json=body))
    assert "made by generator 'elsewhere', not 'small'" in message
    assert f"face {strange[0]}" in message


def test_sets_that_differ_by_nothing_are_refused(
    client: TestClient, services: Services, wanted: dict[str, Any]
) -> None:
    middle = faces_of(services, range(1), 0.0)[0]
    step = np.zeros_like(middle)
    step[:, 5] = 1
    ws = np.stack([middle + step * amount for amount in (-3, -2, -1, 1, 2, 3)])
    ids = put(services, wanted["project_id"], ws)
    body = wanted | {"with_faces": [ids[0], ids[2], ids[4]], "without_faces": ids[1::2]}
    body["with_faces"], body["without_faces"] = [ids[0], ids[5], ids[1], ids[4]], ids[2:4]
    middle_id = put(services, wanted["project_id"], middle[None])
    body["without_faces"] += middle_id
    status, _, message = refused(client.post("/control/own", json=body))
    assert status == 400 and "do not differ in the layers" in message


def test_names_are_unique_and_titles_too(client: TestClient, wanted: dict[str, Any]) -> None:
    made(client, wanted | {"title": "Mole"})
    made(client, wanted | {"title": "Mole?"})
    assert own_names(client) == ["mole", "mole-2"]
    status, _, message = refused(client.post("/control/own", json=wanted | {"title": " mOLE "}))
    assert status == 400 and "a slider “Mole” already" in message


@pytest.mark.parametrize(
    ("title", "name"),
    [("Früh & spät", "fruh-spat"), ("笑顔", "slider"), ("x" * 90, "x" * 48), ("../../etc", "etc")],
)
def test_a_name_is_made_of_what_files_and_links_can_hold(title: str, name: str) -> None:
    assert name_of(title) == name


def test_a_slider_is_renamed_and_deleted_and_keeps_its_name_for_links(
    client: TestClient, services: Services, wanted: dict[str, Any]
) -> None:
    made(client, wanted | {"title": "Mole"})
    made(client, wanted | {"title": "Dimple"})
    answer = client.patch("/control/own/mole", json={"title": "Beauty spot"})
    assert (answer.json()["name"], answer.json()["title"]) == ("mole", "Beauty spot")
    status, _, message = refused(client.patch("/control/own/mole", json={"title": "DIMPLE"}))
    assert status == 400 and "“Dimple” already" in message
    assert client.patch("/control/own/mole", json={"title": "Beauty Spot"}).status_code == 200
    assert client.delete("/control/own/mole").status_code == 200
    assert own_names(client) == ["dimple"]
    assert sorted(services.workspace.glob("directions/*")) == [
        services.workspace / "directions" / "dimple.safetensors"
    ]


def test_a_face_is_made_anew_where_another_slider_took_the_name(
    client: TestClient, services: Services
) -> None:
    recipe = {"recipe": json.dumps({"seed": 6, "directions": {"smile": 2}})}
    first, second = direction(services), direction(services, entry=AGE)
    latents = []
    for each in (first, replace(second, name="smile")):
        own_sliders(services, each)
        latents.append(np.load(io.BytesIO(client.get("/control/face.npy", params=recipe).content)))
        client.delete("/control/own/smile")
    assert np.allclose(latents[1] - latents[0], 2 * (second.vector - first.vector), atol=1e-3)
    status, _, message = refused(client.get("/control/face.npy", params=recipe))
    assert status == 400 and "no slider 'smile'" in message


def test_of_a_file_with_several_only_one_goes(client: TestClient, services: Services) -> None:
    own_sliders(services, direction(services), direction(services, "frown"))
    client.delete("/control/own/smile")
    assert own_names(client) == ["frown"]


@pytest.mark.parametrize("name", ["nobody", "..%2F..%2Ffaceloom", "%00"])
def test_what_is_not_there_is_neither_renamed_nor_deleted(client: TestClient, name: str) -> None:
    for answer in (
        client.delete(f"/control/own/{name}"),
        client.patch(f"/control/own/{name}", json={"title": "x"}),
    ):
        assert answer.status_code in (400, 404)


def test_a_slider_that_ships_is_not_changed(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_sliders(services, direction(services))
    parts = services.steering.parts
    shipped = {n: replace(s, path=None) for n, s in parts.sliders("small").by_name.items()}
    known = replace(parts.sliders("small"), by_name=shipped)
    monkeypatch.setattr(parts, "sliders", lambda generator: known)
    status, _, message = refused(client.delete("/control/own/smile"))
    assert status == 400 and "ships with the generator" in message


def test_broken_and_hostile_files_are_told_and_the_others_work(
    client: TestClient, services: Services, wanted: dict[str, Any]
) -> None:
    made(client, wanted | {"title": "Mole"})
    folder = services.workspace / "directions"
    (folder / "garbage.safetensors").write_bytes(b"\xff" * 64)
    whole = (folder / "mole.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "folder.safetensors").mkdir()
    (folder / "gone.safetensors").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.safetensors")
    short = replace(direction(services, "short"), vector=np.ones((2, 3), np.float32))
    own_sliders(services, short, file="short")
    options = client.get("/control/options").json()
    assert [slider["name"] for slider in options["sliders"]] == ["mole"]
    told = " ".join(options["problems"])
    assert len(options["problems"]) == 4
    assert all(name in told for name in ("garbage", "cut", "empty", "short"))
    assert "needs float16" in told
    assert own_names(client) == ["mole"]
    made(client, wanted | {"title": "Cut"})  # never over a file that is there
    assert own_names(client) == ["cut-2", "mole"]


@pytest.mark.parametrize(
    "facts",
    [
        {"measured": 3},
        {"measured": {"leakage": [1], "attribute": [], "effect": "x"}},
        {"measured": {"leakage": {"age": "much", "wings": 3}, "attribute": "wings", "effect": 1}},
        {"with": "<b>", "without": 2},
    ],
)
def test_odd_facts_of_a_file_do_no_harm(
    client: TestClient, services: Services, facts: dict[str, Any]
) -> None:
    odd = replace(direction(services), facts=facts)
    assert "<b>" not in told_of(odd) and "wings" not in told_of(odd)
    own_sliders(services, odd)
    assert own_names(client) == ["smile"]


def test_a_slider_that_is_given_up_leaves_nothing(
    services: Services, wanted: dict[str, Any], measured: list[int]
) -> None:
    own = services.steering.own
    sets = FaceSets(faces_of(services, range(4), 1.0), faces_of(services, range(9, 13), -1.0))
    fitted = own.fit("small", OwnWish("Mole"), sets)

    def on_step(step: Step) -> None:
        if step.done:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled, match="Stopped"):
        own.keep("small", fitted, on_step)
    assert measured == [2] and not (services.workspace / "directions").exists()


def test_a_name_that_somebody_took_meanwhile_is_not_written_over(services: Services) -> None:
    own = services.steering.own
    sets = FaceSets(faces_of(services, range(4), 1.0), faces_of(services, range(9, 13), -1.0))
    first, second = (own.fit("small", OwnWish("Mole"), sets) for _ in range(2))
    own.keep("small", first)
    with pytest.raises(InvalidRequestError, match="“Mole” already"):
        own.keep("small", second)


def test_directions_are_chosen_by_name_title_or_file(services: Services, tmp_path: Path) -> None:
    path = own_sliders(services, direction(services), direction(services, "frown"))
    parts = services.steering.parts
    space = LatentSpace.of(services.models.generator("small"))
    found = chosen_directions({"smile": 1.0, "FROWN": -2.0}, parts, "small", space)
    assert [(each.name, amount) for each, amount in found] == [("smile", 1.0), ("frown", -2.0)]
    for asked, message in (
        ("wings", "no slider 'wings' for 'small'. There are: smile, frown"),
        (str(path), "holds 2 directions"),
    ):
        with pytest.raises(InvalidRequestError, match=message):
            chosen_directions({asked: 1.0}, parts, "small", space)


@pytest.fixture
def two_files(
    services: Services, small_store: WeightStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Path]:
    """Latents of faces with something and without it."""
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))
    generator = small_store.open_generator("small")
    paths = {name: tmp_path / f"{name}.npz" for name in ("with", "without")}
    for name, amount in (("with", 2.0), ("without", -2.0)):
        latents = latents_from_seeds(generator, range(5), psi=0.7, noise=Noise())
        latents.ws[:, :, SMILE] += amount
        latents.save(paths[name])
    return paths


def test_the_command_writes_a_slider_that_the_studio_offers(
    client: TestClient, services: Services, two_files: dict[str, Path]
) -> None:
    options = [f"--{name}={path}" for name, path in two_files.items()]
    where = ("--generator", "small", "--workspace", services.workspace, "--device", "cpu")
    ended = run_here(
        "train", "directions", *options, "--name", "mole", "--layers", "0-2", *where, "--json"
    )
    assert ended.figures["name"] == "mole" and ended.figures["facts"]["layers"] == [0, 1, 2]
    assert ended.figures["facts"]["source"]["with_file"] == "with.npz"
    assert own_names(client) == ["mole"]
    again = run_here("train", "directions", *options, "--name", "mole", *where)
    assert again.code == 2 and "a slider “mole” already" in again.complaint


@pytest.mark.parametrize("options", [[], ["--name", "mole"], ["--config", "x.yaml", "--name", "y"]])
def test_the_command_says_which_options_go_together(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(json.dumps({}))
    ended = run_here(
        "train", "directions", *[o.replace("x.yaml", str(tmp_path / "x.yaml")) for o in options]
    )
    assert ended.code == 2 and "either --config, or --with, --without and --name" in ended.complaint


@pytest.mark.parametrize("value", ["smile", "=1", "smile=much"])
def test_an_amount_without_a_name_or_number_is_refused(value: str, tmp_path: Path) -> None:
    ended = run_here("control", "--direction", value, "--out", tmp_path / "out")
    assert ended.code == 2 and "Write for example smile=1.5" in ended.err
