"""`launch.py sample` and `walk` with the generator that ships."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.generators import Generator, Noise, Outputs, RenderPass, open_runtime
from core.images import read_png_facts
from core.sampling import latents_from_seeds
from tests.launching import REPOSITORY, Ended, command, latent_seeds, run_here, whole_seeds

pytestmark = pytest.mark.usefixtures("default_generator")

SEEDS = (3, 1_000_000_007, 5)
DOCUMENTED = {
    "count", "dropped", "seconds", "faces_per_second", "runtime", "generator",
    "generator_sha256", "seeds", "quality", "out",
}  # fmt: skip
MEBIBYTE = 2**20


def sample(out: Path, seeds: str, *options: object) -> Ended:
    return run_here("sample", "--seeds", seeds, "--size", 256, "--out", out, "--json", *options)


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def is_picture_like(picture: np.ndarray) -> bool:
    """Full of contrast, yet smooth: neighbouring pixels are much nearer than distant ones."""
    levels = picture.astype(float)
    return levels.std() > 20 and abs(np.diff(levels, axis=0)).mean() < levels.std() / 4


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory, default_generator: str) -> tuple[Path, Ended]:
    folder = tmp_path_factory.mktemp("faces")
    return folder, sample(folder, ",".join(map(str, SEEDS)))


def test_each_seed_becomes_a_picture_and_latents_named_after_it(
    faces: tuple[Path, Ended],
) -> None:
    folder, ended = faces
    expected = {f"images/{seed}.png" for seed in SEEDS} | {f"latents/{seed}.npy" for seed in SEEDS}
    assert set(files(folder)) == expected | {"latents.npz"}
    assert set(ended.figures) == DOCUMENTED
    assert ended.figures["seeds"] == latent_seeds(folder) == list(SEEDS)
    with np.load(folder / "latents.npz") as latents:
        for place, seed in enumerate(SEEDS):
            assert np.array_equal(latents["ws"][place], np.load(folder / f"latents/{seed}.npy"))


def test_pictures_look_like_pictures_and_say_how_they_were_made(
    faces: tuple[Path, Ended], default_generator: str
) -> None:
    folder, ended = faces
    for seed, quality in zip(SEEDS, ended.figures["quality"], strict=True):
        path = folder / f"images/{seed}.png"
        picture = np.asarray(Image.open(path))
        assert picture.shape == (256, 256, 3) and is_picture_like(picture)
        facts = read_png_facts(path)
        assert facts["generator"] == default_generator and facts["seed"] == str(seed)
        assert (facts["psi"], facts["noise"]) == ("0.7", "off")
        assert facts["quality"] == f"{quality:.1f}"


def test_the_same_seeds_make_the_same_bytes(faces: tuple[Path, Ended], tmp_path: Path) -> None:
    sample(tmp_path, ",".join(map(str, SEEDS)))
    assert files(tmp_path) == files(faces[0])


def test_a_face_is_the_same_alone_and_among_others(
    faces: tuple[Path, Ended], tmp_path: Path
) -> None:
    sample(tmp_path, "5")
    alone = files(tmp_path)
    del alone["latents.npz"]
    assert alone.items() <= files(faces[0]).items()


def test_faces_below_the_asked_quality_are_left_out_and_the_best_come_first(tmp_path: Path) -> None:
    figures = sample(tmp_path, "8-12", "--min-quality", 80, "--sort").figures
    assert figures["dropped"] == 1 and 11 not in figures["seeds"]
    assert figures["quality"] == sorted(figures["quality"], reverse=True)
    assert figures["quality"][-1] >= 80
    assert latent_seeds(tmp_path) == figures["seeds"] != sorted(figures["seeds"])


def test_memory_does_not_grow_with_the_number_of_faces(tmp_path: Path) -> None:
    peaks = []
    for count in (4, 24):
        out = tmp_path / str(count)
        process = subprocess.Popen(
            command("sample", "--seeds", f"0-{count - 1}", "--out", out),
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0 and whole_seeds(out) == list(range(count))
        peaks.append(usage.ru_maxrss * 1024)
    assert abs(peaks[1] - peaks[0]) < 150 * MEBIBYTE
    picture = np.asarray(Image.open(out / "images/0.png"))
    assert picture.shape == (1024, 1024, 3) and is_picture_like(picture)


def test_pytorch_and_openvino_make_the_same_pictures(generator: Generator) -> None:
    ws = latents_from_seeds(generator, (0, 1), psi=0.7, noise=Noise()).ws
    render_pass = RenderPass(generator, Outputs())
    ours, theirs = (
        np.stack([rendered["image"] for rendered in runtime.stream(ws, Noise())]).astype(int)
        for engine in ("openvino", "torch")
        for runtime in [open_runtime(render_pass, engine=engine, device="cpu", precision="f32")]
    )
    assert ours.shape == (2, 1024, 1024, 3)
    assert (abs(ours - theirs) <= 1).all(axis=-1).mean() >= 0.999


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_walk_is_a_video_that_plays(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"walk{suffix}"
    walk = ("walk", "--seeds", "6000,6100", "--steps", 3, "--size", 128, "--loop", "--json")
    figures = run_here(*walk, "--out", path).figures
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == figures["frames"] == 6
    assert all(frame.shape == (128, 128, 3) and is_picture_like(frame) for frame in frames)
    assert abs(frames[0].astype(float) - frames[3]).mean() > 5  # another face
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
