"""`launch.py` as people run it: in a process of its own, or in this one where that will do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from PIL import Image

from studio.commands import launch

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ended:
    """How a command ended. `code` is 0 done, 1 failed, 2 wrong use."""

    code: int
    out: str
    err: str

    @property
    def figures(self) -> dict[str, Any]:
        """The object that --json prints as the last line."""
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found

    @property
    def complaint(self) -> str:
        """The one line on standard error beside the bars, which hold carriage returns."""
        assert "Traceback" not in self.err
        (line,) = [line for line in self.err.splitlines(keepends=False) if _is_said(line)]
        return line


def _is_said(line: str) -> bool:
    return bool(line.strip()) and "|" not in line


def command(*arguments: object) -> list[str]:
    return [sys.executable, "launch.py", *map(str, arguments)]


def started(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A process of its own, still running."""
    return subprocess.Popen(
        command(*arguments),
        cwd=REPOSITORY,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(*arguments: object, **environment: str) -> Ended:
    """In a process of its own, to its end."""
    process = started(*arguments, **environment)
    out, err = process.communicate(timeout=300)
    return Ended(process.returncode, out, err)


def run_here(*arguments: object, typed: str = "") -> Ended:
    """In this process, which saves loading torch. Whatever is not an exit is raised."""
    result = CliRunner(catch_exceptions=False).invoke(
        launch, [str(argument) for argument in arguments], typed, prog_name="launch.py"
    )
    return Ended(result.exit_code, result.stdout, result.stderr)


def whole_seeds(folder: Path) -> list[int]:
    """The seeds of the pictures in a folder that `sample` wrote; each must open and be whole."""
    paths = sorted((folder / "images").glob("*.png"), key=lambda path: int(path.stem))
    for path in paths:
        with Image.open(path) as image:
            image.load()
    return [int(path.stem) for path in paths]


def latent_seeds(folder: Path) -> list[int]:
    with np.load(folder / "latents.npz") as latents:
        return [int(seed) for seed in latents["seeds"]]
