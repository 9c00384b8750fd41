"""`launch.py studio`: the default verb, its settings, its port; and the look's contrast."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from annotations import AnnotationStore
from core.errors import Cancelled, InvalidRequestError
from studio.notices import as_notice, raises_notices, tells
from studio.server import bind
from studio.theme import DARK, LIGHT, build_css
from studio.workspace_lock import WorkspaceLock
from tests.launching import REPOSITORY, run_here

TEXT_ON_GROUND = [
    ("text", "surface"),
    ("text", "panel"),
    ("text", "hover"),
    ("text", "chosen"),
    ("quiet", "surface"),
    ("quiet", "panel"),
    ("accent", "surface"),
    ("accent", "panel"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("good", "panel"),
    ("warn", "panel"),
    ("bad", "bad-ground"),
    ("bad", "panel"),
]


@pytest.mark.parametrize("arguments", [["studio"], []])
def test_a_dry_run_shows_the_settings_with_and_without_the_verb(
    arguments: list[str], tmp_path: Path
) -> None:
    ended = run_here(
        *arguments, "--dry-run", "--port", 7861, "--workspace", tmp_path / "w", "--json"
    )
    assert ended.figures == {
        "host": "127.0.0.1",
        "port": 7861,
        "workspace": str(tmp_path / "w"),
        "generator": "mobilestylegan-ffhq-1024",
        "device": "auto",
        "auth": "none",
    }
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "99999"], "99999 is not in the range"),
        (["--generator", "nope", "--dry-run"], "There are no weights named 'nope'"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_settings_are_wrong_use(arguments: list[str], complaint: str) -> None:
    ended = run_here(*arguments)
    assert ended.code == 2 and complaint in ended.err and ended.out == ""


def test_a_port_in_use_is_answered_with_a_free_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_here("--port", port, "--workspace", tmp_path / "w")
    assert ended.code == 2 and f"Port {port} on 127.0.0.1 is in use" in ended.err
    assert "Try: --port " in ended.err and not (tmp_path / "w").exists()


def test_a_host_that_is_not_here_is_named() -> None:
    with pytest.raises(InvalidRequestError, match=r"Cannot listen on 192\.0\.2\.1:7860"):
        bind("192.0.2.1", 7860)


def test_other_verbs_do_not_load_gradio() -> None:
    code = (
        "import sys; from studio.commands import launch;"
        "launch(['sample', '--help'], standalone_mode=False);"
        "assert 'gradio' not in sys.modules and 'studio.services' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "ground"), TEXT_ON_GROUND)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(colours: dict[str, str], name: str, ground: str) -> None:
    assert contrast(colours[name], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_fields_can_be_told_from_the_panel(colours: dict[str, str]) -> None:
    assert contrast(colours["field-line"], colours["panel"]) >= 3
    assert contrast(colours["accent"], colours["panel"]) >= 3


def test_the_styles_load_nothing() -> None:
    css = build_css()
    assert "http" not in css and "@import" not in css and "url(" not in css


def test_a_core_error_is_told_as_it_is_and_a_fault_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = as_notice(InvalidRequestError("No seeds."))
    assert told.message == "No seeds." and not told.print_exception
    assert as_notice(Cancelled("Enough.")).title == "Stopped"
    fault = as_notice(KeyError("secret path"))
    assert "KeyError" in fault.message and "secret" not in fault.message
    assert "A callback failed" in caplog.text


def test_a_guarded_callback_raises_notices() -> None:
    @raises_notices
    def callback() -> None:
        raise InvalidRequestError("psi must be in -2..2, is 3.")

    with pytest.raises(Exception, match=r"psi must be in -2\.\.2"):
        callback()


def test_a_streaming_callback_tells_in_its_place() -> None:
    @tells(lambda error: {"status": str(error)})
    def callback():
        yield {"status": "working"}
        raise InvalidRequestError("No seeds.")

    assert list(callback()) == [{"status": "working"}, {"status": "No seeds."}]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's ratio of two colours '#rrggbb'."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_workspace_of_a_newer_faceloom_is_left_alone(tmp_path: Path) -> None:
    AnnotationStore.open(tmp_path).close()
    path = tmp_path / "faceloom.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999_later'")
    before = path.read_bytes()
    ended = run_here("--port", 0, "--workspace", tmp_path)
    assert ended.code == 1 and "has schema version '9999_later'" in ended.complaint
    assert "open it with the newer Faceloom that made it" in ended.complaint
    assert path.read_bytes() == before


def test_a_second_studio_on_a_workspace_names_the_first(tmp_path: Path) -> None:
    lock = WorkspaceLock(tmp_path)
    lock.take()
    lock.announce("http://127.0.0.1:7860")
    ended = run_here("--port", 0, "--workspace", tmp_path)
    lock.release()
    assert ended.code == 2 and "Another studio works in" in ended.complaint
    assert "http://127.0.0.1:7860" in ended.complaint and "--workspace" in ended.complaint
