"""House rules that a machine can hold: sizes, help texts, import directions, linters."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from studio.commands import launch

REPOSITORY = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(REPOSITORY)
    for package in ("core", "studio", "annotations")
    for path in (REPOSITORY / package).rglob("*.py")
)
TESTS = sorted(path.relative_to(REPOSITORY) for path in (REPOSITORY / "tests").rglob("*.py"))
WITH_GRADIO = (
    "studio/app.py",
    "studio/notices.py",
    "studio/theme.py",
    "studio/tabs/",
    "studio/painter/",
)
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 50
TOOLS = {
    "ruff check": [sys.executable, "-m", "ruff", "check", "."],
    "ruff format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "mypy": [sys.executable, "-m", "mypy"],
    "import-linter": [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())",
    ],
}


def parsed(path: Path) -> ast.Module:
    return ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))


def imported(node: ast.AST) -> list[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def commands(
    command: click.Command, names: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(names), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*names, name))


def test_there_are_modules_to_check() -> None:
    assert len(MODULES) > 40 and len(TESTS) > 10


def test_files_and_functions_stay_short() -> None:
    long = [
        f"{path}: {count} lines"
        for path in MODULES
        if (count := len((REPOSITORY / path).read_text().splitlines())) > MAX_FILE_LINES
    ]
    long += [
        f"{path}:{node.lineno} {node.name}: {count} lines"
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_modules_neither_print_nor_import_the_launcher() -> None:
    found = []
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                found.append(f"{path}:{node.lineno} prints")
            if isinstance(node, ast.Import) and "launch" in [name.name for name in node.names]:
                found.append(f"{path}:{node.lineno} imports launch")
            if isinstance(node, ast.ImportFrom) and node.module == "launch":
                found.append(f"{path}:{node.lineno} imports from launch")
    assert found == []


def test_only_the_page_imports_gradio() -> None:
    found = [
        str(path)
        for path in MODULES
        if not str(path).startswith(WITH_GRADIO)
        for node in ast.walk(parsed(path))
        for name in imported(node)
        if name.split(".")[0] == "gradio"
    ]
    assert found == []


def test_errors_become_notices_in_one_module() -> None:
    notices = ("gr.Error(", "gr.Warning(", "gr.Info(")
    found = [
        str(path) for path in MODULES if any(n in (REPOSITORY / path).read_text() for n in notices)
    ]
    assert found == ["studio/notices.py"]


def test_every_expected_error_is_matched_by_its_message() -> None:
    vague = [
        f"{path}:{node.lineno}"
        for path in TESTS
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "pytest.raises"
        and "match" not in [keyword.arg for keyword in node.keywords]
    ]
    assert vague == []


def test_every_verb_and_option_has_help() -> None:
    silent = [name for name, command in commands(launch) if not command.help]
    silent += [
        f"{name} {option.name}"
        for name, command in commands(launch)
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


@pytest.mark.parametrize("tool", TOOLS)
def test_linters_and_type_checkers_have_no_complaint(tool: str) -> None:
    done = subprocess.run(
        TOOLS[tool], cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
