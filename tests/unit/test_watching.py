"""Long work as a page sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import InvalidRequestError
from core.progress import OnStep, Step
from studio.watching import Snapshot, watch

OnItem = Callable[[Any], None]


def count_to(total: int) -> Callable[[OnItem, OnStep], str]:
    def job(on_item: OnItem, on_step: OnStep) -> str:
        on_step(Step(0, total, "counting", "numbers"))
        for number in range(1, total + 1):
            on_item(number)
            on_step(Step(number, total, "counting", "numbers"))
        return "counted"

    return job


def test_the_last_snapshot_has_everything() -> None:
    last = list(watch(count_to(3), threading.Event()))[-1]
    assert (last.state, last.items, last.result) == ("done", (1, 2, 3), "counted")
    assert last.step == Step(3, 3, "counting", "numbers") and last.seconds_left is None


def test_a_stop_keeps_what_was_delivered_and_ends_the_job() -> None:
    stop, ended = threading.Event(), threading.Event()

    def job(on_item: OnItem, on_step: OnStep) -> None:
        try:
            for number in range(10**9):
                on_item(number)
                on_step(Step(number, 10**9, "counting"))
                if number == 5:
                    stop.set()
        finally:
            ended.set()

    last = list(watch(job, stop))[-1]
    assert last.state == "stopped" and last.items == (0, 1, 2, 3, 4, 5, 6) and ended.is_set()


def test_closing_the_iterator_stops_the_job() -> None:
    stop = threading.Event()
    snapshots = watch(count_to(10**7), stop)
    next(snapshots)
    snapshots.close()  # type: ignore[attr-defined]
    assert stop.is_set()


def test_an_error_is_raised_after_what_was_delivered() -> None:
    def job(on_item: OnItem, on_step: OnStep) -> None:
        on_item("one")
        raise InvalidRequestError("No more.")

    seen: list[Snapshot] = []
    with pytest.raises(InvalidRequestError, match=r"No more\."):
        seen.extend(watch(job, threading.Event()))
    seen = []
    try:
        for snapshot in watch(job, threading.Event()):
            seen.append(snapshot)
    except InvalidRequestError:
        pass
    assert seen[-1].items == ("one",) and seen[-1].state == "stopped"


def test_speed_and_time_left_follow_from_the_steps() -> None:
    seen = Snapshot(Step(4, 10, "making", "faces"), 2.0)
    assert (seen.rate, seen.seconds_left) == (2.0, 3.0)
    assert Snapshot(Step(0, 10, "making"), 2.0).seconds_left is None
