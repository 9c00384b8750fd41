"""The composition root and the cache of models."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from annotations.errors import DamagedDatabaseError
from core.errors import InvalidRequestError, OutputError, UnknownGeneratorError
from core.generators import Outputs
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.services import StopSigns, open_services
from tests.unit.small_models import small_models, small_store

__all__ = ["small_models", "small_store"]  # fixtures


def test_services_make_the_workspace_and_load_nothing(
    small_store: WeightStore, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "new" / "space", "small", weights=small_store)
    services.close()
    made = {path.name for path in services.workspace.iterdir()}
    assert made - {"studio.lock"} == {"cache", "exports", "runs", "faceloom.db"}
    assert services.generator == "small" and services.models.names()[-1] == "small"


def test_an_unknown_generator_is_refused_before_anything_is_made(
    small_store: WeightStore, tmp_path: Path
) -> None:
    with pytest.raises(UnknownGeneratorError, match=r"no weights named 'smal'.*small"):
        open_services(tmp_path / "space", "smal", weights=small_store)
    assert not (tmp_path / "space").exists()


def test_a_file_in_the_workspaces_place_is_named(small_store: WeightStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file cannot be made or used .*--workspace"):
        open_services(tmp_path / "file", "small", weights=small_store)


def test_a_second_studio_on_a_workspace_is_sent_to_the_first(
    small_store: WeightStore, tmp_path: Path
) -> None:
    first = open_services(tmp_path, "small", weights=small_store)
    first.lock.announce("http://127.0.0.1:1234")
    with pytest.raises(InvalidRequestError, match=r"works in .*: http://127.0.0.1:1234 \(process "):
        open_services(tmp_path, "small", weights=small_store)
    assert first.store.projects.list() == ()
    first.close()
    open_services(tmp_path, "small", weights=small_store).close()


@pytest.mark.parametrize("said", ["", "{}", "[1]", "\0"])
def test_a_taken_workspace_is_told_even_if_its_address_is_unreadable(
    small_store: WeightStore, tmp_path: Path, said: str
) -> None:
    first = open_services(tmp_path, "small", weights=small_store)
    (tmp_path / "studio.json").write_text(said)
    with pytest.raises(InvalidRequestError, match=r"Another studio works in \S+\. Open that one"):
        open_services(tmp_path, "small", weights=small_store)
    first.close()


def test_a_workspace_that_cannot_be_opened_is_let_go(
    small_store: WeightStore, tmp_path: Path
) -> None:
    (tmp_path / "faceloom.db").write_text("this is no database")
    for _ in range(2):
        with pytest.raises(DamagedDatabaseError, match=r"faceloom\.db"):
            open_services(tmp_path, "small", weights=small_store)
    (tmp_path / "faceloom.db").unlink()
    open_services(tmp_path, "small", weights=small_store).close()


def test_threads_that_want_one_thing_get_the_same(small_store: WeightStore) -> None:
    models, found = ModelCache(small_store, "cpu"), []
    threads = [
        threading.Thread(target=lambda: found.append(models.runtime("small", Outputs())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len({id(runtime) for runtime in found}) == 1
    assert models.runtime("small", Outputs(image_size=16)) is not found[0]


def test_a_failed_opening_is_tried_again(small_models: ModelCache) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="Images of 31 px cannot be made by 'small'"):
            small_models.runtime("small", Outputs(image_size=31))


def test_warming_up_opens_the_generator(small_store: WeightStore, tmp_path: Path) -> None:
    services = open_services(tmp_path, "small", "cpu", weights=small_store)
    services.warm_up().join(timeout=60)
    services.close()
    assert ("runtime", "small", Outputs(), "cpu", "auto") in services.models._things


def test_new_work_and_leaving_the_page_stop_what_runs() -> None:
    stops = StopSigns()
    first, walk, other = (
        stops.begin("me", "sample"),
        stops.begin("me", "walk"),
        stops.begin("you", "walk"),
    )
    second = stops.begin("me", "sample")
    assert first.is_set() and not second.is_set()
    stops.stop_all("me")
    assert second.is_set() and walk.is_set() and not other.is_set()


def test_a_counted_request_that_comes_late_does_not_take_the_place_of_a_later_one() -> None:
    stops = StopSigns()
    second = stops.begin("me", "face", 2)
    first = stops.begin("me", "face", 1)
    assert first.is_set() and not second.is_set()
    stops.stop("me", "face", 1)
    assert not second.is_set()
    stops.stop("me", "face", 2)
    assert second.is_set()
    assert not stops.begin("me", "face", 3).is_set()
    stops.stop_all("me")
    assert not stops.begin("me", "face", 1).is_set()  # another page of the same name
