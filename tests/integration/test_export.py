"""`launch.py export` with the default generator: made, killed, gone on with, verified, refused."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.export.journal import NAME
from core.export.recipe import seed_of
from core.export.sample import pixels_sha256
from core.generators import Noise
from core.latents import LatentSpace
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from tests.export_fakes import contents
from tests.launching import run_here, started

pytestmark = pytest.mark.usefixtures("default_generator")


def asked(out: Path, *more: object) -> tuple[object, ...]:
    options = ("--count", 4, "--splits", "50/0/50", "--size", 256, "--seed", 11)
    formats = ("--format", "webdataset,index")
    return ("export", *options, *formats, "--out", out, "--workspace", out.parent / "none", *more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four faces in two formats, undisturbed."""
    out = tmp_path_factory.mktemp("export") / "out"
    figures = run_here(*asked(out, "--json")).figures
    assert figures["count"] == figures["made"] == 4 and figures["kept_in_spite"] == 0
    assert figures["splits"] == {"train": 2, "test": 2}
    assert set(figures["stages"]) >= {"rendering", "judging", "writing"}
    return out


def test_it_holds_what_its_records_say(whole: Path) -> None:
    ended = run_here("export", "--verify", whole, "--json")
    assert ended.figures["problems"] == 0 and ended.figures["faces"] == 8
    rows = [json.loads(line) for line in (whole / "metadata.jsonl").read_text().splitlines()]
    assert [row["name"] for row in rows] == [f"{place:06d}" for place in range(4)]
    generator = WeightStore().open_generator("mobilestylegan-ffhq-1024")
    space = LatentSpace.of(generator)
    ws = np.concatenate([np.load(path)["ws"] for path in sorted((whole / "latents").glob("*.npz"))])
    for place, row in enumerate(rows):
        assert row["seed"] == seed_of(11, place, row["attempt"])
        drawn = latents_from_seeds(generator, [row["seed"]], psi=0.7, noise=Noise()).ws[0]
        assert np.array_equal(ws[place], drawn) and ws[place].shape == (space.num_ws, space.w_dim)
        assert 1 < row["measured"]["age"] < 80 and row["quality"]["artifact"] > 5
    (path,) = [p for p in (whole / "index").rglob("*000003.png") if "mask" in p.parent.name]
    with Image.open(path) as mask:
        assert pixels_sha256(np.array(mask)) == rows[3]["mask_sha256"]


def test_killed_it_goes_on_to_the_same_files(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = started(*asked(out))
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        journal = out / NAME
        if journal.exists() and journal.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()
    figures = run_here(*asked(out, "--json")).figures
    assert figures["resumed_from"] >= 2 and figures["count"] == 4
    assert contents(out) == contents(whole)


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        ("size: 500", "size must be one of 256, 512, 1024"),
        ("formats: [coca]", "formats must be one of huggingface, "),
        ("generater: x", "There is no key 'generater'. Did you mean generator?"),
        ("seed: 12", "holds another export: its seed is 11, not 12"),
        ("traits: {smirk: {share: 1, amount: 1}}", "There is no slider 'smirk'"),
    ],
)
def test_what_cannot_be_is_refused(whole: Path, tmp_path: Path, recipe, complaint) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{recipe}\n")
    out = whole if "seed" in recipe else tmp_path / "out"
    before = contents(whole)
    more = ("--count", 4, "--splits", "50/0/50", "--size", 256) if "seed" in recipe else ()
    formats = ("--format", "webdataset,index") if "seed" in recipe else ()
    ended = run_here(
        "export", "--recipe", path, *more, *formats, "--out", out, "--workspace", tmp_path
    )
    assert ended.code == 2 and complaint in ended.complaint
    assert contents(whole) == before and not (tmp_path / "out").exists()


@pytest.mark.usefixtures("small_generators")
def test_a_generator_without_a_segmenter_is_told(tmp_path: Path) -> None:
    ended = run_here("export", "--generator", "small", "--out", tmp_path / "out")
    assert ended.code == 2 and "There is no segmenter for generator 'small'" in ended.complaint
