"""What every verb shares: exit codes, one line of complaint, --json, --debug, the bar."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result

from core.errors import Cancelled, InvalidRequestError, OutputError, UnknownGeneratorError
from core.progress import OnStep, Step
from studio.commands import VERBS, launch
from studio.commands.frame import Progress, Report, verb
from tests.launching import REPOSITORY


def ended(outcome: BaseException | Report, *arguments: str) -> Result:
    @click.command()
    @verb
    def work(*, on_step: OnStep) -> Report:
        on_step(Step(1, 2, "working"))
        if isinstance(outcome, Report):
            return outcome
        raise outcome

    return CliRunner().invoke(work, arguments)


def said(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.strip() and "|" not in line]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InvalidRequestError("No seeds."), 2, "Error: No seeds."),
        (UnknownGeneratorError("No 'x'."), 2, "Error: No 'x'."),
        (OutputError("Full."), 1, "Error: Full."),
        (OutputError("bad yaml (line 1,\n  column 2)"), 1, "Error: bad yaml (line 1, column 2)"),
        (Cancelled("Enough."), 1, "Stopped. What was finished before is whole."),
        (KeyboardInterrupt(), 1, "Stopped. What was finished before is whole."),
        (MemoryError(), 1, "Error: Out of memory. Ask for fewer or smaller faces at once."),
        (
            RuntimeError("two\nlines"),
            1,
            "Error: RuntimeError: two lines. Run again with --debug for details.",
        ),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_an_error_is_one_line_on_standard_error(
    error: BaseException, code: int, line: str, arguments: list[str]
) -> None:
    result = ended(error, *arguments)
    assert (result.exit_code, result.stdout, said(result)) == (code, "", [line])


def test_debug_shows_the_error_itself() -> None:
    error = OutputError("Full.")
    assert ended(error, "--debug").exception is error


def test_a_result_is_text_for_people_or_one_json_object() -> None:
    report = Report("2 faces.", {"count": 2, "out": "größer"})
    assert ended(report).stdout == "2 faces.\n"
    last = ended(report, "--json").stdout.splitlines()[-1]
    assert json.loads(last) == {"count": 2, "out": "größer"}
    assert ended(report).exit_code == 0


def test_the_bar_shows_what_is_done_on_standard_error_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress()
    progress.close()
    for step in (Step(0, 3, "fetching"), Step(3, 3, "fetching"), Step(2, 0, "making", "faces")):
        progress(step)
    progress.close()
    progress.close()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "fetching: 100%" in shown.err and "3/3" in shown.err
    assert "making: 2 faces" in shown.err


def test_in_a_file_the_bar_is_written_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("studio.commands.frame.time.monotonic", lambda: now)
    progress = Progress()
    for done in range(1, 101):
        now += 0.125
        progress(Step(done, 100, f"step {done}."))
    progress.close()
    shown = capsys.readouterr().err
    assert [n for n in range(1, 101) if f"step {n}." in shown] == [1, 41, 81, 100]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "Error: No such command 'nope'. See: launch.py --help"),
        (["sample"], "Error: Missing option '--seeds'. See: launch.py sample --help"),
        (
            ["weights", "get", "--from"],
            "Error: Option '--from' requires an argument.",
        ),
    ],
)
def test_wrong_use_is_answered_in_one_line(arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(launch, arguments, prog_name="launch.py")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", line + "\n")


def test_a_group_without_a_verb_shows_its_verbs() -> None:
    result = CliRunner().invoke(launch, ["weights"], prog_name="launch.py")
    assert result.exit_code == 2 and result.stderr.startswith("Usage: launch.py")


def test_help_lists_every_verb_without_loading_torch() -> None:
    code = (
        "import sys; from studio.commands import launch; launch(['--help'], standalone_mode=False);"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in VERBS)
