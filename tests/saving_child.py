"""Processes that save masks and say so after each, for tests that kill them or run many.

python -m tests.saving_child URL FACE_ID AUTHOR,AUTHOR,... COUNT [MAX_FILE_BYTES]

There is one process for each author, forked before any of them opens the database.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

from annotations import AnnotationStore
from annotations.errors import AnnotationError


def main(url: str, face_id: str, authors: str, count: str, max_file_bytes: str = "") -> None:
    children = []
    for author in authors.split(","):
        child = os.fork() if "," in authors else 0
        if child == 0:
            save_as(author, url, int(face_id), int(count), max_file_bytes)
            return
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def save_as(author: str, url: str, face_id: int, count: int, max_file_bytes: str) -> None:
    """Each save is painted on what was in force after the one before."""
    random = np.random.default_rng(list(author.encode()))
    try:
        with AnnotationStore.open_url(url) as store:
            face = store.faces.get(face_id)
            parent_id = face.current.id if face.current else None
            say("ready")
            if max_file_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(max_file_bytes),) * 2)
            for _ in range(count):
                labels = random.integers(0, 18, (face.height, face.width), np.uint8)
                saved = store.masks.save(face_id, labels, author, parent_id=parent_id)
                parent_id = saved.current.id
                say(f"{saved.revision.id} {saved.revision.sha256}")
    except AnnotationError as error:
        say(f"{type(error).__name__} {error}")


def say(line: str) -> None:
    """One write, so that the lines of several processes do not mix."""
    os.write(1, f"{line}\n".encode())


def start(url: str, face_id: int, authors: str, *rest: object) -> subprocess.Popen[str]:
    """Start such a process; its lines come on `stdout`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.saving_child", url, *map(str, (face_id, authors, *rest))],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
