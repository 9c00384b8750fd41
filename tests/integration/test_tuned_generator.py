"""A generator that was tuned from the default one: all that was made for its base serves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.generators import Generator, Identity
from core.images import read_png_facts
from core.inversion.difference import Difference, save_difference
from core.inversion.tuning import TuningConfig, tuned_parameters
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering import Steering
from studio.workflows.steering_recipe import FaceRecipe
from tests.launching import run_here
from tests.own_weights import linked_weights

TUNED, SEED = "anna", 5


@pytest.fixture(scope="module")
def difference(generator: Generator) -> Difference:
    """The first of the maps that tuning changes, from which previews are read, too: at random, by
    a twentieth of their weights' size."""
    random = torch.Generator().manual_seed(3)
    ws = torch.zeros(1, generator.num_ws, generator.synthesis.w_dim)
    changes = {}
    for name, parameter in tuned_parameters(generator.synthesis, ws, TuningConfig()).items():
        if name.startswith("blocks.2."):
            size = parameter.detach().square().mean().sqrt()
            changes[name] = (0.05 * size * torch.randn(parameter.shape, generator=random)).half()
    return Difference(generator.identity, changes)


@pytest.fixture(scope="module")
def folder(difference: Difference, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The weights folder of the commands: what was fetched, and the tuned one, added by one."""
    made = tmp_path_factory.mktemp("tuned")
    folder = linked_weights(made / "weights")
    save_difference(made / "me.safetensors", difference)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACELOOM_WEIGHTS", str(folder))
        added = run_here("weights", "add", made / "me.safetensors", "--name", TUNED, "--json")
        assert added.figures["file"] == str(folder / f"{TUNED}.safetensors")
        yield folder


@pytest.fixture(scope="module")
def drawn(folder: Path) -> Path:
    """The same face of both, by `sample`: in a folder each, called as the generator is."""
    for name in (TUNED, WeightStore().default("generator")):
        options = ("--seeds", SEED, "--size", 512, "--generator", name)
        run_here("sample", *options, "--out", folder.parent / name)
    return folder.parent


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image).astype(int)


def test_the_weights_commands_know_it(folder: Path, default_generator: str) -> None:
    rows = {row["name"]: row for row in run_here("weights", "list", "--json").figures["weights"]}
    row = rows[TUNED]
    assert (row["kind"], row["state"], row["default"]) == ("tuned generator", "ready", False)
    assert row["made_by"] == f"tuned from generator '{default_generator}'"
    assert row["licence"] == rows[default_generator]["licence"]
    assert run_here("weights", "verify", TUNED, "--json").figures == {TUNED: "ready"}
    assert Path(row["file"]).stat().st_size < 5_000_000


def test_it_draws_its_own_picture_of_the_same_latent(drawn: Path, default_generator: str) -> None:
    ours, theirs = (drawn / name for name in (TUNED, default_generator))
    image = Path("images") / f"{SEED}.png"
    apart = abs(picture(ours / image) - picture(theirs / image)).mean()
    assert 0.5 < apart < 15  # the same face, drawn otherwise
    assert read_png_facts(ours / image)["generator"] == TUNED
    with np.load(ours / "latents.npz") as mine, np.load(theirs / "latents.npz") as base:
        assert np.array_equal(mine["ws"], base["ws"])
        assert str(mine["generator_sha256"]) == WeightStore().entry(TUNED).sha256


def test_readouts_and_segmenters_of_the_base_show_it(drawn: Path, default_generator: str) -> None:
    models = ModelCache(WeightStore())
    steering = Steering(models, Segmenters(models, drawn), drawn)
    shown = steering.preview(FaceRecipe.of(TUNED, SEED, 0.7), 256, lambda: None)
    near, far = (
        abs(shown.picture - shrunk(drawn / name / "images" / f"{SEED}.png")).mean()
        for name in (TUNED, default_generator)
    )
    assert near < 4 and near < far / 2
    figures = run_here(*segmented(drawn, TUNED), "--json").figures
    assert figures["generator"] == TUNED and shown.labels is not None
    mask = picture(drawn / "segmented" / "masks" / "0000.png")
    assert (mask[::2, ::2] == shown.labels).mean() > 0.9 and len(np.unique(mask)) > 8


def test_its_latents_are_not_the_bases(drawn: Path, default_generator: str) -> None:
    refused = run_here(*segmented(drawn, default_generator))
    assert refused.code == 1
    assert f"'{TUNED}', not '{default_generator}'" in refused.complaint


def shrunk(path: Path) -> np.ndarray:
    """512 px to 256."""
    return picture(path).reshape(256, 2, 256, 2, 3).mean((1, 3))


def segmented(drawn: Path, generator: str) -> tuple[object, ...]:
    """What `sample` wrote of the tuned one."""
    options = ("--latents", drawn / TUNED / "latents.npz", "--generator", generator)
    return ("segment", *options, "--workspace", drawn / "none", "--out", drawn / "segmented")


def test_latents_of_the_base_are_steered_with_it(
    drawn: Path, default_generator: str, tmp_path: Path
) -> None:
    wanted = ("--age", 60, "--direction", "smile=1", "--no-masks", "--size", 256)
    latents = ("--latents", drawn / default_generator / "latents.npz")
    options = ("--generator", TUNED, "--workspace", drawn / "none", "--out", tmp_path)
    figures = run_here("control", *latents, *wanted, *options, "--json").figures
    assert figures["generator"] == TUNED and figures["mean_age_error"] < 4
    assert read_png_facts(tmp_path / "images" / "0000.png")["generator"] == TUNED
    with np.load(tmp_path / "latents.npz") as steered:
        assert str(steered["generator"]) == TUNED


def test_an_export_is_made_with_it_and_says_so(folder: Path, tmp_path: Path) -> None:
    out, sha256 = tmp_path / "out", WeightStore().entry(TUNED).sha256
    options = ("--generator", TUNED, "--count", 1, "--size", 256, "--format", "index")
    run_here("export", *options, "--workspace", tmp_path / "none", "--out", out)
    assert run_here("export", "--verify", out, "--json").figures["problems"] == 0
    (mask,) = [path for path in out.rglob("*.png") if path.parent.name == "masks"]
    assert len(np.unique(picture(mask))) > 6
    assert f"| generator | {TUNED} | `{sha256[:16]}` |" in (out / "README.md").read_text()
    assert f"generator: {TUNED}" in (out / "recipe.yaml").read_text()


def test_one_of_other_weights_is_refused_and_a_removed_one_is_gone(
    difference: Difference, folder: Path, tmp_path: Path
) -> None:
    before = sorted(folder.iterdir())
    stranger = replace(difference, base=Identity("stranger", "1" * 64))
    save_difference(tmp_path / "a.safetensors", stranger)
    refused = run_here("weights", "add", tmp_path / "a.safetensors", "--name", "bob")
    assert refused.code == 1 and "'stranger' (weights 111111111111)" in refused.complaint
    assert sorted(folder.iterdir()) == before
    run_here("weights", "add", folder / f"{TUNED}.safetensors", "--name", "bob")
    assert len(sorted(folder.iterdir())) == len(before) + 1
    assert run_here("weights", "remove", "bob", "--json").figures == {"removed": "bob"}
    assert sorted(folder.iterdir()) == before
    gone = run_here("sample", "--generator", "bob", "--seeds", 1, "--out", tmp_path / "out")
    assert gone.code == 2 and "no weights named 'bob'" in gone.complaint
    assert TUNED in gone.complaint and not (tmp_path / "out").exists()
