"""`launch.py masks`: what people type, and what they read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotations import AnnotationStore, Status, encode_mask
from studio.commands import masks as command
from tests.launching import run_here
from tests.painted_faces import labels, project_with_faces


@pytest.fixture
def workspace(tmp_path: Path, sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of three faces, the first of them painted."""
    monkeypatch.delenv("FACELOOM_DATABASE_URL", raising=False)
    with AnnotationStore.open_url(sqlite_database_url) as store:
        _, faces = project_with_faces(store, 3)
        store.masks.save(faces[0], labels(4), "Ann", parent_id=None, status=Status.DONE)
    return tmp_path


def test_masks_go_out_are_checked_and_come_back(workspace: Path) -> None:
    out = workspace / "out"
    common = ("--project", "faces", "--workspace", workspace)
    exported = run_here("masks", "export", out, *common)
    assert exported.code == 0 and f"1 masks in {out}, 2 faces left out." in exported.out
    checked = run_here("masks", "check", out, "--json")
    assert checked.figures == {"files": 1, "pixels": {"4": 48}, "unlabelled_share": 0.0}
    back = run_here("masks", "import", out, *common, "--status", "done", "--json")
    assert back.figures == {"files": 1, "in_force": 0, "beside": 0, "known": 1}


def test_an_import_says_where_the_masks_went(workspace: Path) -> None:
    (workspace / "in").mkdir()
    for seed in range(2):
        (workspace / "in" / f"{seed}.png").write_bytes(encode_mask(labels(5)))
    done = run_here(
        "masks", "import", workspace / "in", "--project", "faces", "--workspace", workspace,
        "--match", "seed", "--author", "Imp",
    )  # fmt: skip
    assert done.out == (
        "2 masks read: 1 in force now, 1 kept beside the mask in force, 0 there already.\n"
    )
    with AnnotationStore.open(workspace) as store:
        assert store.masks.history(1)[-1].author == "Imp"


def test_every_problem_is_listed_and_nothing_imported(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MAX_SHOWN", 1)
    (workspace / "in").mkdir()
    for seed in range(2):
        (workspace / "in" / f"{seed}.png").write_bytes(encode_mask(labels(99)))
    common = (workspace / "in", "--project", "faces", "--workspace", workspace, "--match", "seed")
    refused = run_here("masks", "import", *common)
    lines = [line for line in refused.err.splitlines() if "|" not in line and line.strip()]
    assert refused.code == 1 and lines[0].startswith("0.png: The mask has values outside")
    assert lines[1:] == [
        "... and 1 more",
        "Error: 2 problems in 2 masks. Nothing was imported.",
    ]
    assert run_here("masks", "check", workspace / "in").code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "out", "--project", "face"), "no project 'face' here. Projects: 'faces'."),
        (("export", "out", "--project", "faces", "--status", "accepted"), "None of the 3 faces"),
        (("import", "nowhere", "--project", "faces"), "There is no folder nowhere"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    workspace: Path, arguments: tuple[str, ...], message: str
) -> None:
    ended = run_here("masks", *arguments, "--workspace", workspace)
    assert ended.code == 2 and message in ended.complaint


def test_a_workspace_that_is_not_there_is_not_made(workspace: Path) -> None:
    nowhere = workspace / "typo"
    ended = run_here("masks", "export", "out", "--project", "faces", "--workspace", nowhere)
    assert ended.code == 2 and f"There is no workspace in {nowhere}" in ended.complaint
    assert not nowhere.exists()


def test_a_database_that_cannot_be_used_fails_with_code_1(workspace: Path) -> None:
    (workspace / "faceloom.db").write_bytes(b"junk" * 5000)
    ended = run_here("masks", "export", "out", "--project", "faces", "--workspace", workspace)
    assert ended.code == 1 and "damaged or not a database" in ended.complaint


def test_a_check_takes_a_scheme_and_a_size(workspace: Path) -> None:
    (workspace / "in").mkdir()
    (workspace / "in" / "0.png").write_bytes(encode_mask(labels(1)))
    scheme = workspace / "s.yaml"
    scheme.write_text("{name: s, classes: [{id: 0, name: a, color: '#000000'}]}")
    refused = run_here("masks", "check", workspace / "in", "--size", "6")
    assert refused.code == 1 and "must be 6 x 6 px" in refused.err
    refused = run_here("masks", "check", workspace / "in", "--scheme", scheme)
    assert "Allowed are 0-0 and 255" in refused.err
    assert json.loads(run_here("masks", "check", workspace / "in", "--json").out)["files"] == 1
