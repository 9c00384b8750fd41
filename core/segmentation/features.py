"""Feature maps of faces, made once and kept: in memory, and in a folder, within budgets."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import InvalidRequestError, OutputError
from core.files import whole_file
from core.generators import Device, Generator, Noise, Outputs, RenderPass, open_runtime

log = logging.getLogger(__name__)

# resolution -> float16 [C, resolution, resolution], laid out channels last: windows are cut
# and pixels multiplied several times faster so
Maps = dict[int, Tensor]
MEMORY_BUDGET = 3 * 2**30  # bytes: 45 faces of the default generator
DISK_BUDGET = 8 * 2**30
_HALF_MAX = 65504.0


class FeatureCache:
    """Feature maps of one generator's faces, float16 at their native sizes.

    folder: where maps are kept for later; None keeps them in memory only. Budgets are in
    bytes; over them, what was used longest ago goes first. A stored file that is damaged is
    made again with a warning in the log, and a folder that cannot be written only costs time.
    Safe to use from several threads.
    """

    def __init__(
        self,
        generator: Generator,
        resolutions: Sequence[int] | None = None,
        *,
        folder: Path | None = None,
        memory_budget: int = MEMORY_BUDGET,
        disk_budget: int = DISK_BUDGET,
        device: Device = "auto",
    ) -> None:
        self.generator = generator
        self.resolutions = tuple(sorted(resolutions or generator.synthesis.feature_channels))
        self.folder = folder
        self.memory_budget, self.disk_budget = memory_budget, disk_budget
        outputs = Outputs(image=False, features=self.resolutions)
        # float32: what is learned must not depend on the arithmetic of this machine
        self._runtime = open_runtime(RenderPass(generator, outputs), device=device, precision="f32")
        self._kept: OrderedDict[str, Maps] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, ws: NDArray[np.float32], noise: str = "off") -> Maps:
        """The maps of one face, ws float32 [L, D]; not to be changed by the caller."""
        mode = Noise.parse(noise)
        if mode.mode == "random" and mode.seed is None:
            raise InvalidRequestError(
                "Features of a face with random noise differ each time. Use off, fixed or "
                "random:SEED."
            )
        with self._lock:
            key = self._key(ws, str(mode))
            if key not in self._kept:
                self._kept[key] = self._read(key) or self._make(key, ws, mode)
                self._forget()
            self._kept.move_to_end(key)
            return self._kept[key]

    def _key(self, ws: NDArray[np.float32], noise: str) -> str:
        named = f"{self.generator.identity.sha256} {noise} {self.resolutions}"
        return hashlib.sha256(named.encode() + np.ascontiguousarray(ws).tobytes()).hexdigest()

    def _make(self, key: str, ws: NDArray[np.float32], noise: Noise) -> Maps:
        rendered = self._runtime.render(ws, noise)
        maps = {r: packed(torch.from_numpy(rendered[f"features_{r}"])) for r in self.resolutions}
        if self.folder is not None:
            try:
                with whole_file(self._path(key)) as unfinished:
                    save_file({str(r): m.permute(1, 2, 0) for r, m in maps.items()}, unfinished)
                self._trim()
            except OutputError as error:
                log.warning("Features are not kept on disk: %s", error)
        return maps

    def _read(self, key: str) -> Maps | None:
        """What the folder holds, if it is whole and as expected."""
        if self.folder is None or not (path := self._path(key)).is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                stored = {r: file.get_tensor(str(r)) for r in self.resolutions}
            path.touch()  # used now, for the budget
        except (SafetensorError, OSError, ValueError) as error:
            log.warning("The features in %s are damaged (%s); they are made again.", path, error)
            return None
        channels = self.generator.synthesis.feature_channels
        for r, tensor in stored.items():
            if tensor.dtype != torch.float16 or list(tensor.shape) != [r, r, channels[r]]:
                log.warning("The features in %s are of another kind; they are made again.", path)
                return None
        return {r: tensor.permute(2, 0, 1) for r, tensor in stored.items()}

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{key}.safetensors"

    def _forget(self) -> None:
        """Drop what was used longest ago from memory, but never the latest."""
        while len(self._kept) > 1 and sum(map(num_bytes, self._kept.values())) > self.memory_budget:
            self._kept.popitem(last=False)

    def _trim(self) -> None:
        """Keep the folder within its budget."""
        assert self.folder is not None
        found = []
        for path in self.folder.glob("*.safetensors"):
            with suppress(OSError):  # another process may tidy up too
                facts = path.stat()
                found.append((facts.st_mtime, facts.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found)[:-1]:
            if total <= self.disk_budget:
                break
            path.unlink(missing_ok=True)
            total -= size


def packed(feature_map: Tensor) -> Tensor:
    """float32 [C, r, r] -> float16 on the CPU, channels last."""
    half = feature_map.clamp(-_HALF_MAX, _HALF_MAX).half().cpu()
    return half.permute(1, 2, 0).contiguous().permute(2, 0, 1)


def num_bytes(maps: Maps) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in maps.values())


def batched(maps: Maps, resolutions: Sequence[int], device: str | torch.device = "cpu") -> Maps:
    """Maps of one face as a head wants them: float32 [1, C, r, r], of these resolutions."""
    return {r: maps[r].to(device).float()[None] for r in resolutions}
