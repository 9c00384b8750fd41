"""The curves of a training once more, as a file that TensorBoard shows.

tensorboard --logdir workspace/runs
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import tensorboardX


class EventFile:
    """One file events.out.* for each process that worked on the run; each epoch is flushed.

    first_epoch: later ones in older files are withdrawn, since they are trained again.
    """

    def __init__(self, folder: Path, first_epoch: int) -> None:
        purge = first_epoch if first_epoch > 1 else None
        self._writer = tensorboardX.SummaryWriter(str(folder), purge_step=purge)

    def add(self, epoch: int, values: Mapping[str, float]) -> None:
        """values: by tag, such as 'validation/mean F1'; those that are not finite are left out."""
        for tag, value in values.items():
            if math.isfinite(value):
                self._writer.add_scalar(tag, value, epoch)
        self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()
