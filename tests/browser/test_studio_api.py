"""What gradio_client and curl get from a running studio, and what they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import gradio_client
import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

from annotations import AnnotationStore
from core.weights import WeightStore
from tests.browser.studio_fixtures import Studio

ENDPOINTS = {
    "/sample",
    "/preview",
    "/add_to_project",
    "/save_mask",
    "/start_training",
    "/job",
    "/export",
}


@pytest.fixture
def client(studio: Studio, tmp_path: Path) -> gradio_client.Client:
    return gradio_client.Client(studio.address, download_files=str(tmp_path), verbose=False)


def test_these_are_the_endpoints_so_far(client: gradio_client.Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)
    assert {"/sample", "/add_to_project"} <= set(endpoints["named_endpoints"]) <= ENDPOINTS
    assert endpoints["unnamed_endpoints"] == {}


def test_the_endpoint_makes_what_the_command_line_makes(client: gradio_client.Client) -> None:
    pictures, latents, figures = client.predict(
        seeds="3,5", psi=0.5, noise="off", size=256, api_name="/sample"
    )
    assert [Path(picture).name for picture in pictures] == ["3.png", "5.png"]
    with Image.open(pictures[1]) as image:
        assert image.size == (256, 256) and image.info["faceloom:seed"] == "5"
    with np.load(latents) as stored:
        assert stored["seeds"].tolist() == [3, 5] and float(stored["psi"]) == 0.5
    assert figures["count"] == 2 and figures["generator"] == WeightStore().default("generator")


def test_a_bad_request_comes_back_as_its_message(client: gradio_client.Client) -> None:
    with pytest.raises(AppError, match="5-1 runs backwards"):
        client.predict(seeds="5-1", api_name="/sample")


def test_faces_are_added_to_a_project_that_is_made_where_it_is_missing(
    client: gradio_client.Client, studio: Studio
) -> None:
    wanted = {"psi": 0.5, "noise": "random:7", "project": "by a program"}
    first = client.predict(seeds="3,5", api_name="/add_to_project", **wanted)
    again = client.predict(seeds="3,5,6,3", api_name="/add_to_project", **wanted)
    assert again["project_id"] == first["project_id"]
    assert (first["num_new"], again["num_new"], len(again["face_ids"])) == (2, 1, 3)
    with AnnotationStore.open(studio.workspace) as store:
        assert store.projects.get(first["project_id"]).name == "by a program"
        faces = [store.faces.get(face_id) for face_id in first["face_ids"]]
        assert [(face.seed, face.psi, face.noise) for face in faces] == [
            (3, 0.5, "fixed:7"),
            (5, 0.5, "fixed:8"),
        ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seeds": "5-1"}, "5-1 runs backwards"),
        ({"seeds": "1", "project": " "}, "name of a project must be 1 to 100"),
        ({"seeds": "1", "noise": "loud"}, "Noise must be off, fixed"),
    ],
)
def test_what_cannot_be_added_comes_back_as_its_message_and_makes_no_project(
    client: gradio_client.Client, studio: Studio, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(AppError, match=message):
        client.predict(**({"project": "none of it"} | wrong), api_name="/add_to_project")
    with AnnotationStore.open(studio.workspace) as store:
        assert "none of it" not in [project.name for project in store.projects.list()]


@pytest.mark.parametrize("path", ["/etc/passwd", "launch.py", "weights/registry.yaml"])
def test_files_outside_the_cache_are_not_served(studio: Studio, path: str) -> None:
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{studio.address}/gradio_api/file={path}")


def test_neither_are_those_of_the_workspace_beside_the_cache(studio: Studio) -> None:
    (studio.workspace / "runs" / "secret.txt").write_text("mine")
    for path in ("runs/secret.txt", "cache/../runs/secret.txt"):
        with pytest.raises(HTTPError, match=r"40[0-9]"):
            urlopen(f"{studio.address}/gradio_api/file={studio.workspace}/{path}")


def test_every_answer_keeps_the_page_at_home(studio: Studio) -> None:
    with urlopen(studio.address) as answer:
        policy = answer.headers["content-security-policy"]
        text = answer.read().decode()
    assert "default-src 'self'" in policy and "connect-src 'self'" in policy
    assert answer.headers["referrer-policy"] == "same-origin"
    assert '"analytics_enabled":false' in text.replace(" ", "")
