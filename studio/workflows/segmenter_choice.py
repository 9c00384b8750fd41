"""Which segmenter is in force in a workspace: the one that ships, or a run's that was promoted.

segmenter.json names it; its weights lie in segmenters/ as a copy, so that the run may go.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InvalidRequestError
from core.files import sha256_of, whole_file, write_whole
from studio.workflows.run_folders import RunFolder

log = logging.getLogger(__name__)

CHOICE_FILE, FOLDER = "segmenter.json", "segmenters"


@dataclass(frozen=True)
class SegmenterChoice:
    """file: below the workspace. run: whose best epoch it is. generator_sha256: which it reads."""

    file: str
    sha256: str
    run: str
    generator: str
    generator_sha256: str
    person: str
    since: str


def promote(workspace: Path, run: RunFolder, person: str = "") -> SegmenterChoice:
    """Make a run's best epoch the segmenter in force.

    Raises InvalidRequestError where the run has none yet, OutputError; then the one before
    stays in force.
    """
    if not run.best.is_file():
        raise InvalidRequestError(
            f"Run {run.name} has no finished epoch, so there is nothing to use yet. "
            "Wait for its first one, or choose another run."
        )
    sha256, facts = sha256_of(run.best), run.facts()
    file = Path(FOLDER) / f"{run.name}-{sha256[:12]}.safetensors"
    if not (workspace / file).is_file():
        with whole_file(workspace / file) as unfinished:
            shutil.copyfile(run.best, unfinished)
    choice = SegmenterChoice(
        str(file),
        sha256,
        run.name,
        str(facts.get("generator", "")),
        str(facts.get("generator_sha256", "")),
        person,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    content = json.dumps(asdict(choice), indent=1).encode()
    write_whole(workspace / CHOICE_FILE, content)
    return choice


def demote(workspace: Path) -> None:
    """Go back to the segmenter that ships; files of promoted ones stay."""
    (workspace / CHOICE_FILE).unlink(missing_ok=True)


def promoted(workspace: Path) -> SegmenterChoice | None:
    """The promoted segmenter; None where the one that ships is in force."""
    path = workspace / CHOICE_FILE
    try:
        choice = SegmenterChoice(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s cannot be read (%s); the segmenter that ships is used.", path, error)
        return None
    if not (workspace / choice.file).is_file():
        log.warning("%s is gone; the segmenter that ships is used.", workspace / choice.file)
        return None
    return choice
