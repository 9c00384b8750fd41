"""Real networks of 32 px, registered as people register their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.weights import WeightStore
from studio.model_cache import ModelCache

GOLDEN = Path(__file__).parents[1] / "golden" / "stylegan2"


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> WeightStore:
    """A weights folder that holds the 32 px generator 'small'."""
    store = WeightStore(tmp_path_factory.mktemp("weights"))
    store.add(GOLDEN / "nvidia_ada_32.pkl", "small")
    return store


@pytest.fixture(scope="session")
def small_models(small_store: WeightStore) -> ModelCache:
    return ModelCache(small_store, "cpu")
