"""What integration tests share: the default generator, and small ones added by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import WeightsError
from core.generators import Generator
from core.weights import WeightStore
from tests.launching import run_here

GOLDEN = Path(__file__).parents[1] / "golden" / "stylegan2"
SMALL = {  # name: a checkpoint in GOLDEN
    "small": "nvidia_ada_32.pkl",
    "classes": "nvidia_ada_64_classes.pkl",
    "rosinality": "rosinality_64_multiplier_1.pt",
}


@pytest.fixture(scope="session")
def default_generator() -> str:
    """Its name; it is fetched where it is missing. In CI that must succeed."""
    store = WeightStore()
    name = store.default("generator")
    try:
        store.get(name)
    except WeightsError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    return name


@pytest.fixture(scope="session")
def generator(default_generator: str) -> Generator:
    """The default generator itself."""
    return WeightStore().open_generator(default_generator)


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder to which each of SMALL was added from the command line."""
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACELOOM_WEIGHTS", str(folder))
        for name, file in SMALL.items():
            ended = run_here("weights", "add", GOLDEN / file, "--name", name, "--json")
            assert ended.figures["name"] == name
    return folder


@pytest.fixture
def small_generators(small_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets this test's commands use the generators of `small_weights`."""
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_weights))
    return small_weights
