"""Parts of other faces with the generator and the segmenter that ship: the rest stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from core.errors import WeightsError
from core.generators import Noise, Outputs, RenderPass, open_runtime
from core.latents import Latents, LatentSpace, read_latents
from core.regions import PARTS, Take
from core.regions.mixing import RegionMixer
from core.regions.parts import ids_of
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.commands.mix import mix
from studio.model_cache import ModelCache
from studio.workflows.part_mixing import PartMixing
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering_parts import SteeringParts

PAIRS = {"hair": (0, 20), "mouth": (14, 7), "skin": (20, 28), "glasses": (20, 26)}


@pytest.fixture(scope="module")
def default() -> str:
    store = WeightStore()
    try:
        store.get(store.default("generator"))
    except WeightsError as error:
        pytest.skip(str(error))
    return store.default("generator")


@pytest.fixture(scope="module")
def mixer(default: str, tmp_path_factory: pytest.TempPathFactory) -> RegionMixer:
    models, workspace = ModelCache(WeightStore()), tmp_path_factory.mktemp("workspace")
    segmenters = Segmenters(models, workspace)
    return PartMixing(models, segmenters, SteeringParts(models, workspace)).mixer(default)


def told(command: object, *arguments: object) -> dict:
    result = CliRunner().invoke(command, [*map(str, arguments), "--json"])  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    figures: dict = json.loads(result.stdout.splitlines()[-1])
    return figures


def test_parts_come_and_the_rest_stays_as_it_was(default: str, mixer: RegionMixer) -> None:
    generator = WeightStore().open_generator(default)
    seeds = sorted({seed for pair in PAIRS.values() for seed in pair})
    drawn = latents_from_seeds(generator, seeds, psi=0.8, noise=Noise())
    ws = dict(zip(seeds, drawn.ws, strict=True))
    outside, gained = [], {}
    for part, (own, other) in PAIRS.items():
        before = mixer.mix(ws[own], ws[own].copy(), [Take(part)])
        there = mixer.mix(ws[other], ws[other].copy(), [Take(part)])
        mixed = mixer.mix(ws[own], ws[other], [Take(part)])
        ids = ids_of(PARTS[part].classes, mixer.classes)
        mine, theirs, after = (np.isin(face.labels, ids) for face in (before, there, mixed))
        half = [
            np.asarray(Image.fromarray(face.picture).reduce(2), float)
            for face in (before, there, mixed)
        ]
        changed = abs(half[2] - half[0]).mean(2) / 255
        outside.append(changed[~(mine | after)].mean())
        colour = [half[1][theirs].mean(0), half[2][after].mean(0)]
        gained[part] = abs(colour[0] - colour[1]).mean() / 255
    assert np.mean(outside) < 0.02 and max(outside) < 0.03
    assert gained["hair"] < 0.04 and gained["mouth"] < 0.06 and gained["skin"] < 0.12


def test_the_verb_writes_faces_that_can_be_made_again(
    default: str, mixer: RegionMixer, tmp_path: Path
) -> None:
    generator, out = WeightStore().open_generator(default), tmp_path / "mixed"
    latents_from_seeds(generator, [20], psi=0.7, noise=Noise()).save(tmp_path / "own.npz")
    asked = ["--latents", tmp_path / "own.npz", "--take", "hair", "--workspace", tmp_path]
    figures = told(mix, *asked, "--from", "7", "--out", out)
    assert figures["count"] == 1 and figures["by"] == "blending"
    assert yaml.safe_load((out / "mix.yaml").read_text())["take"] == "hair"
    space = LatentSpace.of(generator)
    own, source = (read_latents(out / f"{name}.npz", space) for name in ("latents", "source"))
    assert own.seeds.tolist() == [20] and source.seeds.tolist() == [7]
    again = mixer.mix(own.ws[0], source.ws[0], [Take("hair")])
    with Image.open(out / "images" / "0000.png") as image:
        assert np.array_equal(np.asarray(image), again.picture)
    mask = np.asarray(Image.open(out / "masks" / "0000.png"))
    assert np.array_equal(mask, again.labels) and len(np.unique(mask)) > 8
    runtime = open_runtime(RenderPass(generator, Outputs(image_size=512)), device="cpu")
    plain = runtime.render(own.ws[0])["image"]
    small = np.asarray(Image.fromarray(again.picture).reduce(2), float)
    assert abs(small - plain).mean() > 3


def test_the_verb_takes_from_the_latents_that_invert_makes_of_a_photo(
    default: str, mixer: RegionMixer, tmp_path: Path
) -> None:
    generator = WeightStore().open_generator(default)
    drawn = latents_from_seeds(generator, range(60, 60 + generator.num_ws), psi=0.8, noise=Noise())
    layers = np.arange(generator.num_ws)
    ws = drawn.ws[layers, layers]  # another w in every layer, as photos have them
    identity = generator.identity
    none = np.array([-1])
    photo = Latents(ws[None], none, 1.0, "off", identity.name, identity.sha256)
    photo.save(tmp_path / "latents.npz")
    asked = ["--seeds", "20", "--take", "hair", "--workspace", tmp_path]
    told(mix, *asked, "--from", tmp_path / "latents.npz", "--psi", 0.5, "--out", tmp_path / "mixed")
    own = latents_from_seeds(generator, [20], psi=0.5, noise=Noise()).ws[0]
    expected = mixer.mix(own, ws, [Take("hair")]).picture  # the photo's, whatever psi is
    with Image.open(tmp_path / "mixed" / "images" / "0000.png") as image:
        assert np.array_equal(np.asarray(image), expected)
        assert "shows no real person" not in image.info["faceloom:synthetic"]


@pytest.mark.parametrize("source", ["me.jpg", "-1", "", "photo:0123456789abcdef"])
def test_the_verb_says_what_parts_can_be_taken_from(
    default: str, tmp_path: Path, source: str
) -> None:
    asked = ["--seeds", "20", "--take", "hair", "--workspace", tmp_path, "--out", tmp_path / "out"]
    result = CliRunner().invoke(mix, [*map(str, asked), f"--from={source}"])
    assert result.exit_code == 2 and "launch.py invert PHOTO" in result.stderr
    assert not (tmp_path / "out").exists()
