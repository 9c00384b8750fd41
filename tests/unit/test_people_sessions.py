"""Signed cookies and the brakes on guessing."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from core.errors import OutputError
from studio.people.guesses import Guesses, network_of
from studio.people.passwords import PasswordHash
from studio.people.sessions import SECONDS, Sessions
from tests.people import CHEAP, Time

ADA = PasswordHash.of("correct horse", CHEAP)
PEOPLE = {"Ada": ADA}


def test_a_session_outlives_the_studio(tmp_path: Path) -> None:
    first = Sessions(tmp_path)
    cookies = {first.cookie: first.begin("Ada", ADA)}
    assert Sessions(tmp_path).person(cookies, PEOPLE) == "Ada"
    assert (tmp_path / "sessions" / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "sessions").stat().st_mode & 0o777 == 0o700


def test_a_session_ends_after_thirty_days(tmp_path: Path) -> None:
    clock = Time()
    sessions = Sessions(tmp_path, clock)
    cookies = {sessions.cookie: sessions.begin("Ada", ADA)}
    clock.now += SECONDS - 1
    assert sessions.person(cookies, PEOPLE) == "Ada"
    clock.now += 1
    assert sessions.person(cookies, PEOPLE) is None


def test_a_session_ends_with_the_account_and_with_the_password(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    cookies = {sessions.cookie: sessions.begin("Ada", ADA)}
    assert sessions.person(cookies, {}) is None
    assert sessions.person(cookies, {"Ada": PasswordHash.of("correct horse", CHEAP)}) is None


def test_a_cookie_of_another_secret_is_nobodys(tmp_path: Path) -> None:
    ours, other = Sessions(tmp_path / "a"), Sessions(tmp_path / "b")
    assert ours.person({ours.cookie: other.begin("Ada", ADA)}, PEOPLE) is None
    assert ours.cookie != other.cookie  # two studios on one host, on two ports


def test_a_forged_cookie_is_nobodys(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    said, _, mark = sessions.begin("Ada", ADA).partition(".")
    facts = json.loads(base64.urlsafe_b64decode(said + "=="))
    facts[1] = "Eve"
    eve = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")
    forged = [f"{eve}.{mark}", said, f"{said}.", f".{mark}", f"{said}.{mark[:-2]}AA", "", "."]
    for value in [*forged, f"{said}.{mark}.{mark}", "ä.ö", "\ud800.x", "x" * 100_000]:
        assert sessions.person({sessions.cookie: value}, {**PEOPLE, "Eve": ADA}) is None, value


def test_signing_out_is_for_good_and_only_of_one_session(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    here, there = ({sessions.cookie: sessions.begin("Ada", ADA)} for _ in range(2))
    sessions.end(here)
    sessions.end(here)
    sessions.end({sessions.cookie: "x.y"})
    for again in (sessions, Sessions(tmp_path), Sessions(tmp_path)):
        assert again.person(here, PEOPLE) is None and again.person(there, PEOPLE) == "Ada"
    assert len((tmp_path / "sessions" / "ended").read_text().splitlines()) == 1


def test_ended_sessions_are_forgotten_once_they_would_have_ended(tmp_path: Path) -> None:
    clock = Time()
    sessions = Sessions(tmp_path, clock)
    sessions.end({sessions.cookie: sessions.begin("Ada", ADA)})
    ended = tmp_path / "sessions" / "ended"
    with ended.open("a") as file:
        file.write("12345")  # a line cut off by a crash
    clock.now += SECONDS + 1
    assert Sessions(tmp_path, clock).cookie == sessions.cookie
    assert ended.read_text() == ""


def test_a_line_after_one_that_was_cut_off_still_counts(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "ended").write_text("99999999")
    sessions = Sessions(tmp_path)
    cookies = {sessions.cookie: sessions.begin("Ada", ADA)}
    sessions.end(cookies)
    assert Sessions(tmp_path).person(cookies, PEOPLE) is None


def test_a_damaged_secret_is_named(tmp_path: Path) -> None:
    Sessions(tmp_path)
    (tmp_path / "sessions" / "secret").write_bytes(b"short")
    with pytest.raises(OutputError, match=r"secret has 5 bytes, not 32.* Delete it"):
        Sessions(tmp_path)


def test_a_workspace_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file in the place of the folder")
    with pytest.raises(OutputError, match=r"Could not write .*secret"):
        Sessions(tmp_path)


def test_guessing_slows_down_and_is_forgotten() -> None:
    clock = Time()
    guesses = Guesses(free=3, longest=60, clock=clock)
    waits = []
    for _ in range(12):
        waits.append(guesses.wait("Ada"))
        clock.now += waits[-1]
        guesses.count("Ada")
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert guesses.wait("Bob") == 0
    clock.now += 3600
    assert guesses.wait("Ada") == 0


def test_a_right_password_is_taken_back() -> None:
    guesses = Guesses(free=2, longest=60, clock=Time())
    for _ in range(2):
        guesses.count("Ada")
    guesses.forgive("Ada")
    assert guesses.wait("Ada") == 0 and guesses.num_wrong("Ada") == 1
    guesses.forget("Ada")
    assert len(guesses) == 0


def test_guessers_cannot_fill_the_memory() -> None:
    guesses = Guesses(free=2, longest=60, clock=Time())
    for number in range(10_500):
        guesses.count(f"name {number}")
    assert len(guesses) == 10_000 and guesses.num_wrong("name 10499") == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_one_guesser_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network
