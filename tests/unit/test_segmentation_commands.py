"""`train segmenter`, `segment` and `evaluate segmenter` on a real 32 px generator."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from annotations import AnnotationStore
from core.files import sha256_of
from core.generators import Noise
from core.sampling import latents_from_seeds
from core.segmentation import load_segmenter, save_segmenter
from core.weights import WeightStore
from studio.commands.bench import bench
from studio.commands.evaluate import evaluate
from studio.commands.segment import segment
from studio.commands.train import train
from tests.rule_painted import painted_project
from tests.unit.small_models import small_store

__all__ = ["small_store"]  # fixture


@pytest.fixture
def place(small_store: WeightStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a painted project, and latents of three faces beside it."""
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))
    with AnnotationStore.open(tmp_path / "workspace") as store:
        painted_project(store, small_store, tmp_path / "cache")
        (tmp_path / "project").write_text(store.projects.list()[0].name)
    generator = small_store.open_generator("small")
    latents_from_seeds(generator, range(3), psi=0.7, noise=Noise()).save(tmp_path / "faces.npz")
    return tmp_path


def _train(place: Path, *more: str, **changes: object) -> Result:
    config = {
        "dataset": (place / "project").read_text(),
        "generator": "small",
        "size": 32,
        "epochs": 2,
        **changes,
    }
    (place / "quick.yaml").write_text(json.dumps(config))
    options = ["--config", str(place / "quick.yaml"), "--workspace", str(place / "workspace")]
    return CliRunner().invoke(train, ["segmenter", *options, "--json", "--device", "cpu", *more])


def _figures(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    found: dict = json.loads(result.stdout.splitlines()[-1])
    return found


def test_weights_to_ship_lie_beside_their_figures(place: Path) -> None:
    out = place / "ship" / "small.safetensors"
    trained = _figures(_train(place, "--out", str(out), epochs=1))
    told = json.loads(out.with_suffix(".json").read_text())
    assert told["sha256"] == sha256_of(out) == sha256_of(Path(trained["path"]) / "best.safetensors")
    assert told["command"].startswith("python launch.py train segmenter --config")
    assert told["metrics"] == trained["metrics"] and "path" not in told


def test_a_trained_segmenter_labels_and_is_judged(place: Path) -> None:
    trained = _figures(_train(place))
    run = Path(trained["path"])
    assert trained["epochs"] == 2 and (run / "best.safetensors").is_file()
    assert (run / "report" / "index.html").is_file()
    common = ["--segmenter", str(run / "best.safetensors"), "--json", "--device", "cpu"]
    common += ["--workspace", str(place / "workspace")]
    options = ["--latents", str(place / "faces.npz"), "--generator", "small", "--size", "16"]
    made = _figures(CliRunner().invoke(segment, [*options, "--out", str(place / "out"), *common]))
    assert made["count"] == 3 and sum(made["pixels"].values()) == 3 * 16 * 16
    for place_of in range(3):
        with Image.open(place / "out" / "masks" / f"000{place_of}.png") as mask:
            assert mask.mode == "P" and mask.size == (16, 16)
        with Image.open(place / "out" / "images" / f"000{place_of}.png") as image:
            assert image.mode == "RGB" and image.size == (16, 16)
    project = (place / "project").read_text()
    options = ["segmenter", "--dataset", project, "--report", str(place / "report"), *common]
    judged = _figures(CliRunner().invoke(evaluate, options))
    assert 0 <= judged["mean_f1"] <= 100 and judged["cleaning"]["none"] == judged["mean_f1"]
    assert (place / "report" / "confusion.png").is_file()


def test_an_unknown_data_set_is_refused_and_no_run_is_made(place: Path) -> None:
    refused = _train(place, dataset="nobody")
    assert refused.exit_code == 2
    assert "no data set 'nobody'. Choose starter, or a project" in refused.stderr
    assert not (place / "workspace" / "runs").exists()


def test_masks_of_a_size_that_does_not_divide_are_refused(place: Path) -> None:
    run = Path(_figures(_train(place, epochs=1))["path"])
    options = ["--latents", str(place / "faces.npz"), "--generator", "small", "--size", "20"]
    options += ["--segmenter", str(run / "best.safetensors"), "--out", str(place / "out")]
    options += ["--workspace", str(place / "workspace")]
    refused = CliRunner().invoke(segment, options)
    assert refused.exit_code == 2 and "Masks of 20 px cannot be made of 32 px" in refused.stderr
    assert not (place / "out").exists()


def test_without_a_segmenter_the_way_to_one_is_told(place: Path) -> None:
    options = ["--latents", str(place / "faces.npz"), "--generator", "small"]
    options += ["--out", str(place / "out"), "--workspace", str(place / "workspace")]
    refused = CliRunner().invoke(segment, options)
    assert refused.exit_code == 2
    assert "no segmenter for generator 'small'" in refused.stderr
    assert not (place / "out").exists()


def test_the_bench_puts_configurations_side_by_side(place: Path) -> None:
    options = [
        "--dataset",
        (place / "project").read_text(),
        "--configs",
        "weave,config-2a-balanced",
    ]
    options += ["--epochs", "1", "--rounds", "1", "--size", "32", "--fewer", "1,2,99"]
    options += ["--plot", str(place / "fewer.png"), "--workspace", str(place / "workspace")]
    found = _figures(CliRunner().invoke(bench, ["segmenter", *options, "--json"]))
    assert list(found["configs"]) == ["weave", "config-2a-balanced"]
    assert list(found["fewer_faces"]) == ["1", "2", str(found["faces"]["train"])]
    assert found["latency"]["image alone"]["ratio_to_peer"] == 1.0
    with Image.open(place / "fewer.png") as plot:
        assert plot.size == (640, 400)
    refused = CliRunner().invoke(bench, ["segmenter", *options, "--configs", "u-net"])
    assert refused.exit_code == 2 and "There is no 'u-net'. Known: weave" in refused.stderr


def test_a_bench_that_was_cut_off_goes_on_after_its_last_training(place: Path) -> None:
    options = ["--dataset", (place / "project").read_text(), "--epochs", "1", "--rounds", "1"]
    options += ["--size", "32", "--fewer", "", "--keep", str(place / "kept")]
    options += ["--workspace", str(place / "workspace"), "--json"]
    first = _figures(CliRunner().invoke(bench, ["segmenter", *options, "--configs", "weave"]))
    both = _figures(
        CliRunner().invoke(bench, ["segmenter", *options, "--configs", "weave,config-2a"])
    )
    assert list(both["configs"]) == ["weave", "config-2a"]
    assert both["configs"]["weave"] == first["configs"]["weave"]  # to the last second
    other = [*options, "--configs", "weave", "--epochs", "2"]
    refused = CliRunner().invoke(bench, ["segmenter", *other])
    assert refused.exit_code == 2 and "weave.safetensors is of other settings" in refused.stderr
    kept = load_segmenter(place / "kept" / "weave.safetensors")
    facts = {**kept.facts, "data": "0" * 64}  # as if a mask had been corrected since
    save_segmenter(place / "kept" / "weave.safetensors", replace(kept, facts=facts))
    refused = CliRunner().invoke(bench, ["segmenter", *options, "--configs", "weave"])
    assert refused.exit_code == 2 and "other settings or faces" in refused.stderr


def test_only_the_classes_that_are_listed_are_learned_and_judged(place: Path) -> None:
    with AnnotationStore.open(place / "workspace") as store:
        ids = [label.id for label in store.projects.list()[0].scheme.classes][:2]
    trained = _figures(_train(place, classes=ids, epochs=1))
    best = Path(trained["path"]) / "best.safetensors"
    assert load_segmenter(best).classes.ids == tuple(ids)
    options = ["--segmenter", str(best), "--dataset", (place / "project").read_text()]
    options += ["--workspace", str(place / "workspace"), "--json", "--device", "cpu"]
    judged = _figures(CliRunner().invoke(evaluate, ["segmenter", *options]))
    assert len(judged["classes"]) == 2


@pytest.mark.parametrize(
    ("classes", "complaint"), [(7, "classes says 7, but the label scheme"), ([254], "no class")]
)
def test_classes_that_the_scheme_has_not_are_refused(
    place: Path, classes: object, complaint: str
) -> None:
    refused = _train(place, classes=classes)
    assert refused.exit_code == 2 and complaint in refused.stderr
    assert not list((place / "workspace" / "runs").glob("*"))
