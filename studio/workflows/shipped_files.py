"""What a training ships: weights and figures beside its configuration, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.files import sha256_of, whole_file
from core.generators import Identity


@dataclass(frozen=True)
class ShippedFiles:
    """weights, figures: unfinished files, moved to their places when all went well."""

    config: Path
    weights: Path
    figures: Path

    def record(self, kind: str, generator: Identity, told: dict[str, Any]) -> dict[str, Any]:
        """Write the figures of the weights that are written; returns them.

        kind: as in `launch.py train KIND`. told: what else there is to say.
        """
        figures = {
            "command": f"python launch.py train {kind} --config {self.config}",
            "file": self.config.with_suffix(".safetensors").name,
            "sha256": sha256_of(self.weights),
            "generator": generator.name,
            "generator_sha256": generator.sha256,
            **told,
        }
        self.figures.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        return figures


@contextmanager
def shipped_beside(config: Path) -> Iterator[ShippedFiles]:
    """<config>.safetensors and <config>.json. Entered before the work: a folder that cannot be
    written is told of at once (OutputError)."""
    with (
        whole_file(config.with_suffix(".safetensors")) as weights,
        whole_file(config.with_suffix(".json")) as figures,
    ):
        yield ShippedFiles(config, weights, figures)
