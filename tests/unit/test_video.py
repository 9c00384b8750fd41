"""Videos: what players will see, bounded memory, and nothing left of a failure."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.errors import Cancelled, InvalidRequestError, OutputError
from core.progress import Step
from core.video import write_video

SUFFIXES = pytest.mark.parametrize("suffix", [".mp4", ".gif"])


def frames(count: int, height: int = 34, width: int = 46) -> Iterator[np.ndarray]:
    """A red that fades while a green ramp stays."""
    for number in range(count):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[..., 0] = 200 - 5 * number
        frame[..., 1] = np.linspace(0, 120, width)
        yield frame


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@SUFFIXES
@pytest.mark.parametrize("size", [(34, 46), (33, 45)])
def test_frames_come_back_in_number_size_and_colour(
    tmp_path: Path, suffix: str, size: tuple[int, int]
) -> None:
    path = tmp_path / f"walk{suffix}"
    write_video(path, frames(6, *size))
    shown = decoded(path)
    assert len(shown) == 6
    for there, here in zip(frames(6, *size), shown, strict=True):
        difference = there.astype(float) - here[: size[0], : size[1]]
        assert abs(difference.mean((0, 1))).max() < 6


def test_mp4_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "walk.mp4"
    write_video(path, frames(3, 33, 45), 25)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        facts = (stream.codec_context.name, stream.pix_fmt, float(stream.average_rate or 0))
        assert facts == ("h264", "yuv420p", 25.0)
        assert (stream.width, stream.height) == (46, 34)
        assert stream.codec_context.colorspace == 1  # BT.709, said in the file
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before all has come


def test_a_gif_keeps_time_and_loops(tmp_path: Path) -> None:
    path = tmp_path / "walk.gif"
    write_video(path, frames(30), 30)
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        durations = []
        for number in range(30):
            image.seek(number)
            durations.append(image.info["duration"])
        with pytest.raises(EOFError, match="no more images"):
            image.seek(30)
    assert sum(durations) == 1000 and set(durations) == {30, 40}


@SUFFIXES
def test_frames_are_drawn_only_as_they_are_written(tmp_path: Path, suffix: str) -> None:
    drawn = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal drawn
        for frame in frames(10):
            drawn += 1
            yield frame

    steps: list[tuple[Step, int]] = []
    path = tmp_path / f"walk{suffix}"
    write_video(path, counted(), on_step=lambda step: steps.append((step, drawn)), total=10)
    assert [(step.done, step.total, ahead) for step, ahead in steps] == [
        (number, 10, number) for number in range(1, 11)
    ]


@SUFFIXES
@pytest.mark.parametrize("outcome", [Cancelled("stopped"), KeyboardInterrupt("stopped")])
def test_stopping_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, suffix: str, outcome: BaseException
) -> None:
    def stop_at_three(step: Step) -> None:
        if step.done == 3:
            raise outcome

    path = tmp_path / f"walk{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(type(outcome), match="stopped"):
        write_video(path, frames(10), on_step=stop_at_three)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


@SUFFIXES
@pytest.mark.parametrize("limit", [0, 500, 3000])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, suffix: str, limit: int) -> None:
    path = tmp_path / f"walk{suffix}"
    path.write_bytes(b"old")
    noise = np.random.RandomState(0).randint(0, 256, (4, 64, 64, 3), np.uint8)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OutputError, match=r"Could not write .*File too large"):
            write_video(path, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    ("name", "fps", "message"),
    [
        ("walk.avi", 30, r"must end in \.mp4 or \.gif, is 'walk\.avi'"),
        ("walk", 30, r"must end in \.mp4 or \.gif, is 'walk'"),
        ("walk.mp4", 0, r"\.mp4 takes 1 to 120 frames per second, got 0"),
        ("walk.gif", 60, r"\.gif takes 1 to 50 frames per second, got 60"),
    ],
)
def test_requests_that_cannot_be_are_refused(
    tmp_path: Path, name: str, fps: int, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        write_video(tmp_path / name, frames(2), fps)


@SUFFIXES
@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([], "at least one frame, got none"),
        ([np.zeros((4, 4, 3), np.float32)], r"Frame 1 must be uint8 \[H, W, 3\], is float32"),
        ([np.zeros((4, 4), np.uint8)], r"is uint8 \[4, 4\]"),
        ([*frames(1), *frames(1, 8, 8)], r"frame 2 is \[8, 8, 3\], the first \[34, 46, 3\]"),
    ],
)
def test_frames_that_do_not_fit_are_refused(
    tmp_path: Path, suffix: str, pictures: list[np.ndarray], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        write_video(tmp_path / f"walk{suffix}", pictures)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_h264_encoder_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with pytest.raises(OutputError, match=r"no libx264.* or write a \.gif"):
        write_video(tmp_path / "walk.mp4", frames(1))
