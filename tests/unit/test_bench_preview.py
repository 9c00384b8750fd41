"""`bench preview` on a real 32 px generator, and the figures of its timings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.bench.timing import Timing, compare
from core.weights import WeightStore
from studio.bench import preview
from studio.bench.preview import PEER, frame_name
from studio.commands.bench import bench
from studio.model_cache import ModelCache
from studio.workflows.steering_pictures import SLOW_MS
from tests.unit.small_models import small_models, small_store
from tests.unit.test_segmenters_in_force import put_in_force

__all__ = ["small_models", "small_store"]  # fixtures


@pytest.fixture
def run(
    small_store: WeightStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))
    options = ["--generator", "small", "--workspace", str(tmp_path), "--rounds", "1"]
    return lambda *more: CliRunner().invoke(
        bench, ["preview", *options, "--device", "cpu", "--json", *more]
    )


def test_ways_and_parts_are_timed_side_by_side(
    run: Callable[..., Result], small_models: ModelCache, tmp_path: Path
) -> None:
    put_in_force(small_models, tmp_path, 1)
    ended = run("--sizes", "16")
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout.splitlines()[-1])
    assert set(found["ways"]) == {
        PEER,
        "image 16 px",
        "image + mask 16 px",
        frame_name(16),
        "whole face + mask, to the frame",
    }
    assert found["ways"][PEER]["ratio_to_peer"] == 1.0
    parts = ["recipe to w", "features", "readout", "mask head", "JPEG", "PNG of the mask", "frame"]
    assert {size: list(of) for size, of in found["parts_ms"].items()} == {"16": parts}
    assert found["chosen_px"] is None  # the studio's own sizes were not measured


def test_without_a_segmenter_or_with_strange_sizes_the_way_out_is_told(
    run: Callable[..., Result], small_models: ModelCache, tmp_path: Path
) -> None:
    refused = run("--sizes", "16")
    assert refused.exit_code == 2 and "no segmenter for 'small' yet" in refused.stderr
    put_in_force(small_models, tmp_path, 1)
    refused = run("--sizes", "64")
    assert refused.exit_code == 2 and "no previews of 64 px" in refused.stderr


def test_a_drag_shows_the_largest_size_that_is_fast_enough() -> None:
    fast, slow = SLOW_MS - 1.0, SLOW_MS + 1.0
    assert preview._chosen({128: fast, 256: fast, 512: fast}) == 256
    assert preview._chosen({128: fast, 256: slow}) == 128
    assert preview._chosen({128: slow, 256: slow}) == 128


def test_timings_tell_the_slow_rounds_and_what_a_step_adds() -> None:
    first = Timing((10.0, 30.0, 20.0), None)
    second = Timing((11.0, 40.0, 23.0), 1.15)
    assert (first.median_ms, first.p95_ms) == (20.0, 29.0)
    assert second.above_ms(first) == 3.0
    assert second.figures() == {
        "median_ms": 23.0,
        "p95_ms": 38.3,
        "fastest_ms": 11.0,
        "ratio_to_peer": 1.15,
    }


def test_all_take_turns_after_a_round_of_warming_up() -> None:
    ran: list[str] = []
    found = compare({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, rounds=2)
    assert ran == ["a", "b"] * 3
    assert len(found["a"].times_ms) == 2 and found["a"].ratio is None
