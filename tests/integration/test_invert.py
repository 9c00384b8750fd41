"""Photos into latents, with the generator that ships: a few steps, to the command."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from core.errors import Cancelled, CoreError, WeightsError
from core.generators import Generator
from core.inversion.difference import load_difference
from core.inversion.faces import open_photo_faces
from core.latents import LatentSpace, read_latents
from core.progress import Step
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.inverting import InvertRequest, invert_to_folder
from tests.launching import run_here


@pytest.fixture(scope="module", autouse=True)
def _photo_faces() -> None:
    """With the registered mesh, fetched where it is missing. In CI that must succeed."""
    try:
        open_photo_faces(WeightStore())
    except WeightsError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def models(default_generator: str) -> ModelCache:
    return ModelCache(WeightStore(), "cpu")


@pytest.fixture
def astronaut(tmp_path: Path) -> Path:
    """A photo in the public domain (NASA)."""
    Image.fromarray(skimage.data.astronaut()).save(tmp_path / "astronaut.png")
    return tmp_path / "astronaut.png"


def test_the_settings_of_authors_begin_at_the_mean_face(astronaut, generator: Generator):
    out = astronaut.parent / "out"
    asked = ("--settings", "semantic-stylegan", "--steps", 2, "--json")
    figures = run_here("invert", astronaut, "--out", out, *asked).figures
    assert (figures["began_at"], figures["settings"]) == ("mean", "semantic-stylegan")
    assert figures["compared_by"] == ["faceloom"] and figures["inverted"][0]["steps"] == 2
    found = read_latents(out / "latents.npz", LatentSpace.of(generator)).ws[0]
    assert np.allclose(found, generator.mean_w.numpy(), atol=1e-6)  # the first step is of rate 0


def test_the_command_writes_pictures_and_latents(astronaut, generator: Generator):
    out = astronaut.parent / "out"
    figures = run_here("invert", astronaut, "--out", out, "--steps", 12, "--json").figures
    (made,) = figures["inverted"]
    assert figures["count"] == 1 and made["steps"] == 12
    assert made["result"]["psnr"] > made["first"]["psnr"]
    assert made["result"]["ssim"] > made["first"]["ssim"]
    for folder in ("aligned", "first", "images"):
        with Image.open(out / folder / "astronaut.png") as picture:
            assert picture.size == (1024, 1024)
    latents = read_latents(out / "latents.npz", LatentSpace.of(generator))
    alone = np.load(out / "latents" / "astronaut.npy")
    assert np.array_equal(latents.ws[0], alone) and not np.array_equal(alone[0], alone[-1])


def test_a_stop_keeps_the_best_so_far(astronaut, models, generator: Generator):
    out = astronaut.parent / "out"

    def stop(step: Step) -> None:
        if step.done == 2 and step.total == 20:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled, match="stopped"):
        invert_to_folder(InvertRequest((astronaut, astronaut), steps=20), out, models, stop)
    latents = read_latents(out / "latents.npz", LatentSpace.of(generator))
    assert len(latents) == 1 and (out / "images" / "astronaut.png").is_file()
    mean = generator.mean_w.numpy()
    assert not np.allclose(latents.ws[0], mean)
    assert not (out / "images" / "astronaut-2.png").exists()


def test_tuning_comes_nearer_and_leaves_a_small_difference(astronaut, models, generator: Generator):
    request = InvertRequest((astronaut,), steps=8, tune=5)
    (made,) = invert_to_folder(request, astronaut.parent / "out", models)["inverted"]
    assert made["tuned"]["psnr"] > made["result"]["psnr"] and made["tuned"]["steps"] == 5
    difference = load_difference(Path(made["tuned"]["difference"]))
    assert difference.base == generator.identity and difference.num_bytes < 5_000_000
    with Image.open(made["tuned"]["file"]) as picture:
        assert picture.size == (1024, 1024)


def test_photos_that_fail_are_named_and_the_others_are_inverted(astronaut, models):
    folder = astronaut.parent
    Image.fromarray(skimage.data.chelsea()).save(folder / "cat.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    photos = (folder / "broken.jpg", folder / "cat.png", astronaut)
    told = r"2 of 3 photos could not be inverted.*broken.jpg.*No face was found in cat.png"
    with pytest.raises(CoreError, match=told):
        invert_to_folder(InvertRequest(photos, steps=1), folder / "out", models)
    assert sorted(path.name for path in (folder / "out" / "images").iterdir()) == ["astronaut.png"]
    with pytest.raises(CoreError, match=r"shows 1 face.*no face 2"):
        invert_to_folder(InvertRequest((astronaut,), face=2, steps=1), folder / "two", models)


def test_inversion_is_judged_and_a_run_that_was_cut_off_goes_on(astronaut, generator: Generator):
    out = astronaut.parent / "judged"
    few = ("--faces", 1, "--photo", astronaut, "--steps", 4, "--plain", 1, "--edited", 0)
    asked = ("evaluate", "inversion", *few, "--patience", 1, "--out", out)
    figures = run_here(*asked, "--json").figures
    generated, photo = figures["generated"], figures["photos"]["photo-1-astronaut"]
    assert generated["searched"]["loss"]["mean"] < generated["first"]["loss"]["mean"]
    assert photo["searched"]["psnr"] > photo["first"]["psnr"]
    for name in ("plain", "plain w+"):  # from the mean face, which the encoder is far ahead of
        plain = figures["plain"][name]
        assert plain["ours_as_good"]["loss"]["reached"] == 1
        assert plain["ours_as_good"]["loss"]["median_share"] < 1
        assert (plain["longer"]["of"], plain["longer"]["as_good_as_ours"]) == (1, 0)
    with Image.open(out / "sheet-0.jpg") as sheet:
        assert sheet.size == (5 * 192, 2 * 192)  # nothing was tuned
    (out / "figures.json").unlink()
    again = run_here(*asked, "--json").figures
    assert again == figures  # times, too: nothing was searched again
    other = run_here(*asked, "--psi", 0.5)
    assert other.code == 2 and "psi 0.8, not 0.5" in other.complaint
