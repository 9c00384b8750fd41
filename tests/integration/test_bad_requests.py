"""Whatever cannot be done is answered in one line with the right exit code, and changes nothing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.weights import WeightStore
from tests.hostile_checkpoints import named_call
from tests.integration.conftest import GOLDEN
from tests.launching import Ended, run, run_here, whole_seeds

FAILED, WRONG_USE = 1, 2

SAMPLE_REFUSED = [
    ("--generator nobody", "no weights named 'nobody'. Known: .*small"),
    ("--seeds 5-1", "The seed range 5-1 runs backwards. Write '1-5'"),
    ("--seeds a", "Expected a seed .* found 'a'"),
    ("--seeds -3", "Expected a seed .* found '-3'"),
    ("--seeds ''", "Expected a seed .* found nothing"),
    ("--seeds 0-4294967296", r"A seed must be in 0..4294967295, is 4294967296"),
    ("--psi 7", r"psi must be in -2..2, is 7.0"),
    ("--psi nan", r"psi must be in -2..2, is nan"),
    ("--size 300", "Images of 300 px cannot be made by 'small'. Choose 32 or"),
    ("--size 2048", "Images of 2048 px cannot be made"),
    ("--size 0", "Images of 0 px cannot be made"),
    ("--size large", "'large' is not a valid integer. See: launch.py sample --help"),
    ("--noise loud", "Noise must be off, .* is 'loud'"),
    ("--class 0", "'small' has no classes, but class 0 was asked for"),
    ("--generator classes", r"'classes' needs a class in 0..2, got None"),
    ("--generator classes --class 3", r"needs a class in 0..2, got 3"),
    ("--cutoff 99", r"cutoff must be in 0..8, .* is 99"),
    ("--psi 2 --min-quality 100", "None of the 1 faces reaches quality 100; the best has"),
    ("--min-quality 101", "'--min-quality': 101.0 is not in the range.* See:"),
    ("--device cuda", "No CUDA device can be used here. Use --device cpu"),
    ("--device tpu", "'--device': 'tpu' is not one of 'auto', 'cpu', 'cuda'. See:"),
    ("--precision f16", "OpenVINO runs f32 or bf16 here, not f16"),
    ("--loud", "No such option.* See: launch.py sample --help"),
    ("more", "unexpected extra argument"),
]

WALK_REFUSED = [
    ("--seeds 1", "A walk needs two or more seeds, got 1. Try 6000,6100,6500"),
    ("--out OUT/walk.avi", "A video must end in .mp4 or .gif, is 'walk.avi'"),
    ("--out OUT/walk.gif --fps 60", ".gif takes 1 to 50 frames per second, got 60"),
    ("--steps 0", "'--steps': 0 is not in the range"),
    ("--space x", "'--space': 'x' is not one of 'w', 'z'"),
    ("--size 48", "Images of 48 px cannot be made"),
]

WEIGHTS_REFUSED = [
    ("verify nobody", WRONG_USE, "no weights named 'nobody'. Known: "),
    ("get nobody", WRONG_USE, "no weights named 'nobody'. Known: "),
    ("get --from nowhere.whl", WRONG_USE, "File 'nowhere.whl' does not exist. See:"),
    ("get --from FILE", FAILED, "file has sha256 .*, expected e5d10e2b.* nothing was kept"),
    ("verify mobilestylegan-ffhq-1024", FAILED, r"is not here\. Run: python launch.py weights get"),
    ("add nowhere.pt", FAILED, "There is no checkpoint at nowhere.pt"),
    ("add GOLDEN --name new", FAILED, r"cannot be read \(Is a directory\)"),
    ("add FILE", FAILED, "file is truncated or damaged"),
    (
        "add GOLDEN/nvidia_ada_32.pkl --name Größe",
        WRONG_USE,
        "A name is 1 to 64 of a-z.*is 'Größe'",
    ),
    ("add GOLDEN/nvidia_ada_32.pkl --name small", WRONG_USE, "The name 'small' is taken"),
    ("forget small", WRONG_USE, "No such command 'forget'"),
]


def listed(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def arguments(text: str, **places: Path) -> list[str]:
    for word, place in places.items():
        text = text.replace(word, str(place))
    return shlex.split(text)


@pytest.mark.parametrize(("options", "message"), SAMPLE_REFUSED)
@pytest.mark.usefixtures("small_generators")
def test_sample_refuses_what_cannot_be_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, message: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "out"
    usual = ("--generator", "small", "--seeds", "0", "--out", out)
    ended = run_here("sample", *usual, *arguments(options))
    assert ended.code == WRONG_USE and ended.out == ""
    assert re.search(message, ended.complaint) and ended.complaint.startswith("Error: ")
    assert not out.exists()


@pytest.mark.parametrize(("options", "message"), WALK_REFUSED)
@pytest.mark.usefixtures("small_generators")
def test_walk_refuses_what_cannot_be_and_makes_nothing(
    tmp_path: Path, options: str, message: str
) -> None:
    out = tmp_path / "out"
    usual = ("--generator", "small", "--size", "32", "--seeds", "0,1", "--out", out / "walk.mp4")
    ended = run_here("walk", *usual, *arguments(options, OUT=out))
    assert ended.code == WRONG_USE and ended.out == ""
    assert re.search(message, ended.complaint)
    assert not out.exists()


@pytest.mark.parametrize(("words", "code", "message"), WEIGHTS_REFUSED)
def test_weights_refuses_what_cannot_be_and_keeps_its_folder(
    small_generators: Path, tmp_path: Path, words: str, code: int, message: str
) -> None:
    before = listed(small_generators)
    file = tmp_path / "file"
    file.write_bytes(b"neither a wheel nor a checkpoint")
    ended = run_here("weights", *arguments(words, FILE=file, GOLDEN=GOLDEN))
    assert ended.code == code and ended.out == ""
    assert re.search(message, ended.complaint)
    assert listed(small_generators) == before


def truncated(path: Path) -> None:
    content = (GOLDEN / "rosinality_16_legacy.pt").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def misshapen(path: Path) -> None:
    content = torch.load(GOLDEN / "rosinality_16_legacy.pt", weights_only=True)
    content["g_ema"]["input.input"] = torch.zeros(1, 3, 4, 4)
    torch.save(content, path)


def hostile(path: Path) -> None:
    path.write_bytes(named_call("os", "mkdir", str(path.parent / "harmed")))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(truncated, "truncated|damaged"), (misshapen, "input.input is"), (hostile, "os.mkdir")],
)
def test_a_checkpoint_that_is_spoilt_is_refused_and_not_registered(
    small_generators: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    before = listed(small_generators)
    spoil(tmp_path / "spoilt.pt")
    ended = run_here("weights", "add", tmp_path / "spoilt.pt")
    assert ended.code == FAILED and re.search(message, ended.complaint)
    assert listed(small_generators) == before
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nope"])
@pytest.mark.usefixtures("small_generators")
def test_an_out_that_is_no_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("precious")
    ended = run_here("sample", "--generator", "small", "--seeds", 0, "--out", tmp_path / place)
    assert ended.code == (WRONG_USE if place == "file" else FAILED)
    assert re.search("is a file|cannot be made or used", ended.complaint)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.usefixtures("small_generators")
def test_a_video_that_cannot_be_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    walk = ("walk", "--generator", "small", "--size", 32, "--seeds", "0,1", "--steps", 1)
    below = run_here(*walk, "--out", tmp_path / "file" / "walk.mp4")
    assert below.code == FAILED and "is a file, not a folder" in below.complaint
    nowhere = run_here(*walk, "--out", "/proc/walk.mp4")
    assert nowhere.code == FAILED and "Could not write /proc/walk.mp4" in nowhere.complaint


@pytest.mark.parametrize(
    ("name", "options"), [("small", ()), ("rosinality", ()), ("classes", ("--class", 2))]
)
@pytest.mark.usefixtures("small_generators")
def test_added_checkpoints_make_faces(
    tmp_path: Path, name: str, options: tuple[object, ...]
) -> None:
    make = ("sample", "--generator", name, "--seeds", "0-2", "--json", *options)
    figures = run_here(*make, "--out", tmp_path).figures
    assert figures["generator"] == name and whole_seeds(tmp_path) == [0, 1, 2]


def test_baked_noise_is_refused_where_the_checkpoint_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(tmp_path / "weights"))
    held = torch.load(GOLDEN / "rosinality_16_legacy.pt", weights_only=True)["g_ema"]
    bare = {name: value for name, value in held.items() if not name.startswith("noises.")}
    torch.save({"g_ema": bare}, tmp_path / "bare.pt")
    assert run_here("weights", "add", tmp_path / "bare.pt").code == 0
    usual = ("--generator", "bare", "--noise", "baked", "--size", 16, "--seeds", "0,1")
    for verb, out in (("sample", tmp_path / "out"), ("walk", tmp_path / "out" / "walk.mp4")):
        ended = run_here(verb, *usual, "--out", out)
        assert ended.code == WRONG_USE and "has no baked noise. Use off" in ended.complaint
        assert not (tmp_path / "out").exists()


def test_verify_names_a_file_that_has_changed(
    small_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(small_weights, folder)
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(folder))
    assert run_here("weights", "verify", "small").code == 0
    with (folder / "small.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    ended = run_here("weights", "verify")
    assert ended.code == FAILED and re.search(r"Damaged: small\. Delete .*small", ended.complaint)
    ended = run_here("sample", "--generator", "small", "--seeds", 0, "--out", tmp_path / "out")
    assert ended.code == FAILED and "has changed since it was registered" in ended.complaint
    assert not (tmp_path / "out").exists()


def test_truncated_weights_say_to_delete_them_and_get_them_again(
    default_generator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = WeightStore().entry(default_generator).path
    cut = tmp_path / whole.name
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(tmp_path))
    ended = run_here("sample", "--seeds", 0, "--out", tmp_path / "out")
    assert ended.code == FAILED
    assert re.search("truncated .* Delete it and get it again: .*weights get", ended.complaint)
    assert [path.name for path in tmp_path.iterdir()] == [whole.name]


def in_a_process(words: str, tmp_path: Path, **environment: str) -> Ended:
    return run(*arguments(words, OUT=tmp_path / "out"), **environment)


def test_wrong_use_in_a_process_of_its_own(tmp_path: Path) -> None:
    ended = in_a_process("sample --seeds 5-1 --out OUT", tmp_path)
    assert (ended.code, ended.out) == (WRONG_USE, "")
    assert ended.err == "Error: The seed range 5-1 runs backwards. Write '1-5'.\n"


def test_an_unknown_option_in_a_process_of_its_own(tmp_path: Path) -> None:
    ended = in_a_process("sample --loud --out OUT", tmp_path)
    assert (ended.code, ended.out) == (WRONG_USE, "")
    assert re.fullmatch("Error: No such option.*--loud.* See: launch.py sample --help\n", ended.err)


def test_missing_weights_without_a_network_say_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    offline = {"PIP_NO_INDEX": "1", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": ""}
    words = "sample --seeds 0 --out OUT"
    ended = in_a_process(words, tmp_path, FACELOOM_WEIGHTS=str(tmp_path / "weights"), **offline)
    assert (ended.code, ended.out) == (FAILED, "")
    message = r"Error: pip could not download random-face==\S+ \(.+\)\. Where there is a network, "
    assert re.match(
        message + r"run: pip download .*weights get \S+ --from THE_WHEEL", ended.complaint
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["weights"]
