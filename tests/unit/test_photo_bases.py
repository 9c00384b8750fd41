"""Recipes that start from the latents of a photo: the same face, everywhere a seed's would do."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from PIL import Image

from core.errors import InvalidRequestError
from core.export.card import about
from core.export.pictures import mark_of
from core.export.recipe_text import recipe_of
from core.export.sample import DatasetFacts, MaskClass, Order
from core.generators import Noise, Outputs
from core.latents import Latents
from core.sampling import latents_from_seeds
from studio.services import Services
from studio.workflows.export_faces import People
from studio.workflows.export_maker import open_base
from studio.workflows.photo_folder import NoPhotoError, PhotoFolder, PhotoFolders
from studio.workflows.steering_recipe import FaceRecipe, sha256_of_ws
from tests.unit.control_fakes import direction, own_sliders, with_control
from tests.unit.routed import client, refused, services
from tests.unit.small_models import small_store

__all__ = ["client", "services", "small_store"]  # fixtures


def latents(services: Services, seed: int = 1) -> Latents:
    """w+: another w in every layer, as photos have them."""
    generator = services.models.generator("small")
    ws = latents_from_seeds(generator, range(seed, seed + 30), psi=1, noise=Noise()).ws
    mixed = ws[np.arange(generator.num_ws), np.arange(generator.num_ws)][None]
    identity = generator.identity
    return Latents(mixed, np.array([-1]), 1.0, "off", identity.name, identity.sha256)


@pytest.fixture
def photo(services: Services) -> PhotoFolder:
    """One whose latents of 'small' are there."""
    folder = PhotoFolders(services.workspace).new()
    folder.write_facts({"created_at": "2026"})
    folder.save_latents(latents(services), {"by": "encoder"})
    return folder


def ws_of(services: Services, photo: PhotoFolder, psi: float = 1, **asked: object) -> np.ndarray:
    recipe = FaceRecipe.of("small", 0, psi, base=photo.base, **asked)  # type: ignore[arg-type]
    return services.steering.final(recipe)[0].ws


def test_a_photos_recipe_gives_its_latents_to_the_bit(
    services: Services, photo: PhotoFolder
) -> None:
    assert np.array_equal(ws_of(services, photo), latents(services).ws[0])


def test_psi_pulls_a_photo_towards_the_mean_face(services: Services, photo: PhotoFolder) -> None:
    mean = services.models.generator("small").mean_w.numpy()
    kept = latents(services).ws[0]
    assert np.allclose(ws_of(services, photo, 0.25), mean + 0.25 * (kept - mean), atol=1e-6)
    assert np.allclose(ws_of(services, photo, 0), mean[None].repeat(len(kept), 0), atol=1e-6)


def test_sliders_ages_and_locks_work_from_a_photo(services: Services, photo: PhotoFolder) -> None:
    control = with_control(services)
    own_sliders(services, direction(services))
    moved = ws_of(services, photo, directions={"smile": 1.5})
    assert np.allclose(moved - latents(services).ws[0], direction(services).vector * 1.5, atol=1e-5)
    aged = ws_of(services, photo, age=62, locks=["colours"])
    assert control.predict(aged)["age"] == pytest.approx(62, abs=0.01)


def test_better_latents_take_the_place_of_those_that_were_shown(
    services: Services, photo: PhotoFolder
) -> None:
    with_control(services)
    before = ws_of(services, photo, age=62)
    photo.save_latents(latents(services, seed=7), {"by": "optimisation"})
    after = ws_of(services, photo, age=62)
    assert not np.allclose(before, after)
    assert np.array_equal(ws_of(services, photo), latents(services, seed=7).ws[0])


@pytest.mark.parametrize("base", ["photo:", "photo:../../etc", "photo:ABCDEF0123456789", "seed:1"])
def test_a_base_that_is_none_is_refused(base: str) -> None:
    with pytest.raises(InvalidRequestError, match="can start from a seed or from 'photo:'"):
        FaceRecipe.of("small", 0, 1, base=base)


def test_a_photo_that_is_gone_or_has_no_latents_yet_says_so(
    services: Services, photo: PhotoFolder
) -> None:
    photo.forget_latents()
    with pytest.raises(NoPhotoError, match=r"no latents of 'small' yet.*Use this face"):
        ws_of(services, photo)
    services.steering.photos.delete(photo.id)
    with pytest.raises(NoPhotoError, match="It may have been deleted"):
        ws_of(services, photo)
    assert not photo.path.exists()


def test_latents_that_come_after_a_photo_was_deleted_are_not_kept(
    services: Services, photo: PhotoFolder
) -> None:
    services.steering.photos.delete(photo.id)
    with pytest.raises(NoPhotoError, match="was deleted"):
        photo.save_latents(latents(services), {})
    assert not photo.path.exists()


def test_recipes_of_a_photo_and_of_a_seed_are_different_values(photo: PhotoFolder) -> None:
    of_photo = FaceRecipe.of("small", 5, 1, base=photo.base)
    assert of_photo == FaceRecipe.of("small", 9, 1, base=photo.base)
    assert len({of_photo, FaceRecipe.of("small", 0, 1)}) == 2
    assert of_photo.facts() == {"base": photo.base, "psi": 1}


def test_the_routes_show_a_photo_and_give_its_files(
    client: TestClient, services: Services, photo: PhotoFolder
) -> None:
    wanted = {"photo": photo.id, "psi": 1}
    assert client.post("/control/preview?size=16", json=wanted).status_code == 200
    picture = client.get("/control/face.png", params={"recipe": json.dumps(wanted)})
    image = Image.open(io.BytesIO(picture.content))
    expected = services.models.runtime("small", Outputs()).render(latents(services).ws[0])["image"]
    assert np.array_equal(np.asarray(image), expected)
    assert image.info["faceloom:base"] == photo.base and "faceloom:seed" not in image.info
    assert image.info["faceloom:synthetic"] == "This face was generated from the photo of a person."
    ws = client.get("/control/face.npy", params={"recipe": json.dumps(wanted)}).content
    assert np.array_equal(np.load(io.BytesIO(ws)), latents(services).ws[0])


def test_a_photos_face_goes_into_a_project_without_a_seed(
    client: TestClient, services: Services, photo: PhotoFolder
) -> None:
    wanted = {"recipe": {"photo": photo.id, "psi": 1}, "project": "mine"}
    kept = client.post("/control/keep", json=wanted).json()
    face = services.store.faces.get(kept["face_id"])
    assert face.seed is None and face.generator == "small"
    assert np.array_equal(services.store.faces.latent(face.id), latents(services).ws[0])


def test_a_recipe_file_of_a_photo_holds_what_makes_it_again(
    client: TestClient, services: Services, photo: PhotoFolder
) -> None:
    recipes = [{"photo": photo.id, "psi": 1}, {"seed": 3}]
    text = client.post("/control/recipe", json={"recipes": recipes}).json()["yaml"]
    content = yaml.safe_load(text)
    of_photo, of_seed = content["faces"]
    (base,) = content["bases"]
    assert of_photo["base"] == photo.base and of_photo["base_sha256"] == base["sha256"]
    assert "base" not in of_seed and of_seed["seed"] == 3
    ws = np.frombuffer(base64.b64decode(base["float32"]), "<f4").reshape(base["shape"])
    assert np.array_equal(ws, latents(services).ws[0])
    assert "Photos of persons are among them" in text


def test_the_small_picture_of_a_photo_that_parts_are_taken_from_is_its_face(
    client: TestClient, services: Services, photo: PhotoFolder
) -> None:
    def seen(source: str, psi: float) -> bytes:
        answer = client.get("/control/source.jpg", params={"source": source, "psi": psi})
        assert answer.status_code == 200, answer.text
        return answer.content

    assert seen(photo.base, 0) == seen(photo.base, 1)  # parts are taken as they were found
    assert seen("seed:3", 0) != seen("seed:3", 1)
    status, code, said = refused(client.get(f"/control/source.jpg?source=photo:{'0' * 16}"))
    assert (status, code) == (404, "no_photo") and "upload it again" in said
    assert refused(client.get("/control/source.jpg?source=photo:../../etc"))[0] == 400


def test_a_photo_that_nobody_has_is_said_over_http(client: TestClient) -> None:
    status, code, message = refused(client.post("/control/preview", json={"photo": "0" * 16}))
    assert (status, code) == (404, "no_photo") and "upload it again" in message


def exported(client: TestClient, text: str) -> dict[str, Any]:
    """What the Export tab makes of a text."""
    told: dict[str, Any] = client.post("/export/recipe", json={"text": text}).json()
    return told


def test_a_photos_face_becomes_an_export_of_its_variants(
    client: TestClient, services: Services, photo: PhotoFolder
) -> None:
    wanted = {"photo": photo.id, "psi": 1}
    text = client.post("/control/recipe", json={"recipes": [wanted]}).json()["yaml"]
    told = exported(client, text)
    recipe = told["recipe"]
    assert recipe["base"]["name"] == photo.base and recipe["psi"] == 1
    assert recipe["count"] == recipe["variants"]["count"] == 8
    assert recipe["variants"]["change"] == ["light", "hair"]
    assert "consent" in told["notes"][0]
    both = client.post("/control/recipe", json={"recipes": [wanted, {"seed": 3}]}).json()["yaml"]
    assert "Take one face" in exported(client, both)["problem"]["message"]


def test_an_export_starts_from_the_photos_latents_as_the_recipe_knows_them(
    services: Services, photo: PhotoFolder, tmp_path: Path
) -> None:
    ws = latents(services).ws[0]
    asked = {"generator": "small", "count": 1, "psi": 1}

    def opened(base: object) -> np.ndarray:
        recipe = recipe_of({**asked, "base": base})
        found = open_base(recipe, services.models, services.workspace)
        people = People(recipe, services.models.generator("small"), None, {}, found)
        return people.person([Order(0, 0, 0, "train")], attempt=3).ws[0]

    assert np.array_equal(opened(photo.base), ws)
    known = {"name": photo.base, "sha256": sha256_of_ws(ws)}
    assert np.array_equal(opened(known), ws)
    latents(services).save(tmp_path / "me.npz")
    assert np.array_equal(opened(str(tmp_path / "me.npz")), ws)
    photo.save_latents(latents(services, 7), {})
    with pytest.raises(InvalidRequestError, match="may have been sharpened"):
        opened(known)
    services.photos.folders.delete(photo.id)
    with pytest.raises(NoPhotoError, match="It may have been deleted"):
        opened(photo.base)


def test_a_page_names_no_file_of_the_machine_as_a_base(client: TestClient) -> None:
    told = exported(client, "base: /etc/passwd.npz\ncount: 1\n")
    assert told["problem"] is not None


def test_datasets_of_a_photo_do_not_say_that_they_show_nobody() -> None:
    classes = (MaskClass(0, "skin", (0, 0, 0)),)
    asked = {"base": {"name": "x"}}
    facts = DatasetFacts("mine", 256, {"train": 1}, "two", classes, (), recipe=asked)
    assert "real person's" in about(facts) and "No picture shows" not in about(facts)
    assert "no real person" not in mark_of(facts, {"psi": 1}).description
    drawn = replace(facts, recipe={})
    assert "No picture shows a real person." in about(drawn)
    assert "no real person" in mark_of(drawn, {"seed": 1}).description
    assert "perhaps from a real person's photo" in mark_of(drawn, {"painted_by": "Ann"}).description
    painted = replace(drawn, recipe={"project": {"name": "portraits"}})
    assert "painted ones without a seed may have been made from a photo" in about(painted)
