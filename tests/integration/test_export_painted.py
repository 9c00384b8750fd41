"""`launch.py export --project`: painted faces beside generated ones of the default generator."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotations import AnnotationStore, NewFace, Status
from annotations.starter_pack import load_starter_pack
from core.export.formats.reading import image_pixels, mask_pixels
from core.export.journal import NAME
from core.latents import LatentSpace, read_latents
from core.weights import WeightStore
from studio.workflows.segmenting import resized_labels
from tests.export_fakes import contents
from tests.launching import run_here, started

pytestmark = pytest.mark.usefixtures("default_generator")
PAINTED, SIZE = 3, 256


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with masks of the starter pack; its pictures are the masks in grey."""
    folder, pack = tmp_path_factory.mktemp("workspace"), load_starter_pack()
    generator = WeightStore().open_generator("mobilestylegan-ffhq-1024")
    ws = read_latents(pack.latents, LatentSpace.of(generator)).ws
    with AnnotationStore.open(folder) as store:
        project = store.projects.create("faces", pack.scheme)
        for face, latent in zip(pack.faces[:PAINTED], ws[:PAINTED], strict=True):
            file = io.BytesIO()
            Image.fromarray(np.stack([face.mask] * 3, 2)).save(file, "PNG")
            made_by = (pack.generator, pack.generator_sha256, face.seed)
            new = NewFace(file.getvalue(), latent, *made_by)
            (id_,) = store.faces.add(project.id, [new]).face_ids
            store.masks.save(id_, face.mask, "Ada", parent_id=None, status=Status.DONE)
    return folder


def asked(out: Path, workspace: Path, *more: object) -> tuple[object, ...]:
    options = ("--count", 3, "--size", SIZE, "--seed", 11, "--format", "huggingface,index")
    places = ("--splits", "50/0/50", "--out", out, "--workspace", workspace)
    return ("export", "--project", "faces", *options, *places, *more)


def test_together_they_are_one_dataset_that_a_kill_does_not_change(
    workspace: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    figures = run_here(*asked(whole, workspace, "--json")).figures
    assert (figures["count"], figures["painted"]) == (3 + PAINTED, PAINTED)
    assert run_here("export", "--verify", whole, "--json").figures["faces"] == 2 * (3 + PAINTED)
    rows = [json.loads(line) for line in (whole / "metadata.jsonl").read_text().splitlines()]
    split_of = {row["name"]: row["split"] for row in rows}
    masks = {face.seed: face.mask for face in load_starter_pack().faces}
    painted = [row for row in rows if row["source"] == "painted"]
    assert len(painted) == PAINTED and {row["split"] for row in painted} == {"train", "test"}
    for row in painted:
        folder = whole / "index" / split_of[row["name"]]
        expected = resized_labels(masks[row["seed"]], SIZE)
        assert np.array_equal(mask_pixels(folder / "masks" / f"{row['name']}.png"), expected)
        assert image_pixels(folder / "images" / f"{row['name']}.png").shape == (SIZE, SIZE, 3)
        assert row["painted_by"] == "Ada" and row["quality"]["artifact"] > 0
    table = _columns(whole / "huggingface" / "data")
    assert table["source"] == [row["source"] for row in rows]
    assert table["painted_by"] == [row.get("painted_by") for row in rows]
    process = started(*asked(out, workspace))
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        journal = out / NAME
        if journal.exists() and journal.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert run_here(*asked(out, workspace, "--json")).figures["resumed_from"] > 0
    assert contents(out) == contents(whole)


def _columns(folder: Path) -> dict[str, list[object]]:
    from datasets import load_dataset

    loaded = load_dataset(
        "parquet", data_files={s: str(folder / f"{s}-*") for s in ("train", "test")}
    )
    names = ("source", "painted_by")
    return {name: [*loaded["train"][name], *loaded["test"][name]] for name in names}
