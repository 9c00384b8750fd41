"""`launch.py people`, and who `launch.py studio` lets in."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from studio.commands import launch
from studio.people import is_this_machine
from studio.people.accounts import read_accounts
from tests.launching import REPOSITORY, Ended, command, run_here
from tests.people import written


def people(*arguments: object, password: str | bytes | None = None) -> Ended:
    options = [] if password is None else ["--password-stdin"]
    result = CliRunner(catch_exceptions=False).invoke(
        launch, ["people", *map(str, arguments), *options], input=password, prog_name="launch.py"
    )
    return Ended(result.exit_code, result.stdout, result.stderr)


def test_a_person_is_added_listed_given_a_password_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    added = people("add", "Zoe\u0308", "--auth", path, "--json", password="battery stäple\n")
    assert added.figures == {"name": "Zoë", "file": str(path), "people": 1}
    assert read_accounts(path)["Zoë"].matches("battery stäple")
    assert path.stat().st_mode & 0o777 == 0o600 and "battery" not in path.read_text()
    listed = people("list", "--auth", path, "--json").figures
    assert listed == {"file": str(path), "people": ["Zoë"], "warning": None}
    assert people("password", "Zoë", "--auth", path, password="another word\r\n").code == 0
    assert read_accounts(path)["Zoë"].matches("another word")
    removed = people("remove", "Zoë", "--auth", path, "--json")
    assert removed.figures["people"] == 0 and read_accounts(path) == {}
    assert people("list", "--auth", path).out == f"Nobody is in {path}.\n"


@pytest.mark.parametrize(
    ("arguments", "password", "complaint"),
    [
        (["add", "Ada"], "correct horse\n", "'Ada' is in"),
        (["add", "Bob"], "seven77\n", "The password has 7 characters"),
        (["add", "Bob"], "", "The password has 0 characters"),
        (["add", "Bob"], "two lines\nof password\n", "holds control characters"),
        (["add", "Bob"], b"\xff\xfe words and more\n", "not UTF-8"),
        (["add", "Bob"], "x" * 10_000, "is more than\n"),
        (["add", "Bob"], None, "Give it with --password-stdin"),
        (["add", "B:ob"], "correct horse\n", "printable characters without ':'"),
        (["password", "Bob"], "correct horse\n", "'Bob' is not in"),
        (["remove", "Bob"], None, "'Bob' is not in"),
    ],
)
def test_wrong_use_is_told_and_changes_nothing(
    tmp_path: Path, arguments: list[str], password: str | bytes | None, complaint: str
) -> None:
    path = written(tmp_path / "people.txt")
    before = path.read_bytes()
    ended = people(*arguments, "--auth", path, password=password)
    assert ended.code == 2 and path.read_bytes() == before
    assert complaint.replace("is more than\n", "1000 are allowed") in ended.complaint


def test_a_broken_file_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_text("# ours\nAda:broken\n")
    for arguments, password in ((["add", "Bob"], "correct horse\n"), (["remove", "Ada"], None)):
        ended = people(*arguments, "--auth", path, password=password)
        assert ended.code == 2 and "line 2: the password hash is not scrypt" in ended.complaint
    assert path.read_text() == "# ours\nAda:broken\n"


def test_a_place_where_no_file_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file, not a folder")
    path = tmp_path / "notes" / "people.txt"
    ended = people("add", "Ada", "--auth", path, password="correct horse\n")
    assert ended.code == 1 and f"Cannot change {path}" in ended.complaint


def test_others_may_not_read_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "people.txt")
    path.chmod(0o644)
    assert "chmod 600" in people("list", "--auth", path).out


def test_a_terminal_is_asked_twice_without_echo(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("people", "add", "Ada", "--auth", path, "--json"),
        cwd=REPOSITORY,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        seen = ""
        for question in ("Password for Ada: ", "The same again: "):
            while not seen.endswith(question):
                seen += os.read(ours, 1024).decode()
            os.write(ours, b"correct horse\n")
        assert process.stdout is not None
        assert json.loads(process.stdout.read())["people"] == 1
    seen += os.read(ours, 1024).decode()
    os.close(theirs)
    os.close(ours)
    assert "horse" not in seen and read_accounts(path)["Ada"].matches("correct horse")


def test_the_verb_loads_neither_gradio_nor_torch(tmp_path: Path) -> None:
    path = written(tmp_path / "people.txt")
    code = (
        "import sys; from studio.commands import launch;"
        f"launch(['people', 'list', '--auth', {str(path)!r}], standalone_mode=False);"
        "assert not {'gradio', 'torch', 'sqlalchemy'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "studio.example", ""])
def test_nobody_is_let_in_from_elsewhere_by_mistake(host: str, tmp_path: Path) -> None:
    ended = run_here("--host", host, "--workspace", tmp_path / "w", "--dry-run")
    assert ended.code == 2 and ended.out == "" and not (tmp_path / "w").exists()
    for part in ("people add NAME --auth", "--without-auth"):
        assert part in ended.complaint


def test_a_host_beyond_this_machine_needs_accounts_or_a_word(tmp_path: Path) -> None:
    path = written(tmp_path / "people.txt")
    dry = ("--host", "0.0.0.0", "--dry-run", "--json")
    assert run_here(*dry, "--auth", path).figures["auth"] == str(path)
    opened = run_here(*dry, "--without-auth")
    assert opened.figures["auth"] == "none" and "Warning: whoever reaches" in opened.err
    assert run_here(*dry, "--without-auth", "--auth", path).code == 2


def test_a_studio_does_not_start_with_a_broken_accounts_file(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_text("Ada:broken\n")
    ended = run_here("--auth", path, "--workspace", tmp_path / "w")
    assert ended.code == 2 and "line 1" in ended.complaint and not (tmp_path / "w").exists()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_these_are_this_machine(host: str) -> None:
    assert is_this_machine(host)
