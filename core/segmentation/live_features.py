"""What live learning sees of a face: one short descriptor for each cell of a grid.

Each feature map is reduced to its principal components over a few sampled faces (once a
generator, kept as a file), brought to the grid and joined with colour and place.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import OutputError
from core.files import whole_file
from core.generators import Generator, Noise, Runtime
from core.sampling import latents_from_seeds
from core.segmentation.classes import UNLABELLED

log = logging.getLogger(__name__)

GRID = 256  # cells a side, at most
COARSEST, FINEST = 16, 512  # px of the maps that are read, where a generator has them
COMPONENTS, FINEST_COMPONENTS = 24, 16  # of each map, and of one finer than the grid
SAMPLED = 12  # faces, seeds 0, 1, ...
PSI = 0.7
VERSION = 1  # of how a basis is computed; files of other versions are not looked at
EVENNESS = 0.3  # of how often classes are drawn: 0 as they occur, 1 equally often
SMOOTHING = 7  # cells a side, of the second colour
_LUMA = ((0.30, 0.59, 0.11), (0.50, -0.42, -0.08), (-0.17, -0.33, 0.50))  # brightness, red, blue


@dataclass(frozen=True, eq=False)
class Described:
    """A face as the learner sees it.

    pixels: float16 [side * side, D], row by row. prior: float16 [side * side, K], log of the
    class probabilities of a segmenter; None without one.
    """

    pixels: Tensor
    prior: Tensor | None
    side: int


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled cells. pixels, prior: as in `Described`, [N, ...]; labels: indices int64 [N].

    coverage: the share of the face that is labelled, 0 to 1.
    """

    pixels: Tensor
    prior: Tensor | None
    labels: Tensor
    coverage: float = 0.0

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Basis:
    """means: resolution -> float32 [C]. axes: resolution -> float32 [components, C], such that
    each component has deviation 1 over the sampled faces. side: of the grid.
    """

    means: Mapping[int, Tensor]
    axes: Mapping[int, Tensor]
    side: int

    @property
    def resolutions(self) -> tuple[int, ...]:
        return tuple(self.axes)

    def describe(
        self,
        maps: Mapping[int, NDArray[np.float32]],
        picture: NDArray[np.uint8],
        log_prior: Tensor | None = None,
    ) -> Described:
        """maps: [C, r, r] for each resolution. picture: uint8 [H, W, 3]. log_prior: float
        [K, S, S], S any size.
        """
        parts = [self._reduced(r, torch.from_numpy(maps[r])) for r in self.resolutions]
        parts += [_colours(picture, self.side), _places(self.side)]
        pixels = torch.cat(parts)  # [D, side, side]
        prior = None if log_prior is None else _resized(log_prior, self.side)
        return Described(_rows(pixels), None if prior is None else _rows(prior), self.side)

    def _reduced(self, resolution: int, values: Tensor) -> Tensor:
        """[C, r, r] -> [components, side, side]."""
        axes = self.axes[resolution]
        shift = axes @ self.means[resolution]
        found = torch.addmm(-shift[:, None], axes, values.float().flatten(1))
        return _resized(found.view(-1, *values.shape[1:]), self.side)


def basis_resolutions(generator: Generator) -> tuple[int, ...]:
    """Of the maps that are read: 16 to 512 px, or whatever a small generator has."""
    offered = sorted(generator.synthesis.feature_channels)
    fit = tuple(r for r in offered if COARSEST <= r <= FINEST)
    return fit or tuple(offered[-1:])


def open_basis(generator: Generator, runtime: Runtime, folder: Path | None) -> Basis:
    """The basis of a generator, from its file or computed and kept.

    runtime: a pass that delivers the features of `basis_resolutions`. A damaged file is made
    again with a warning in the log, and one that cannot be written only costs time.
    """
    resolutions = basis_resolutions(generator)
    name = f"basis-{generator.identity.sha256[:32]}-{VERSION}.safetensors"
    path = None if folder is None else folder / name
    kept = None if path is None else _read(path, generator, resolutions)
    if kept is not None:
        return kept
    made = _compute(generator, runtime, resolutions)
    if path is not None:
        tensors = {f"mean {r}": made.means[r] for r in resolutions}
        tensors |= {f"axes {r}": made.axes[r] for r in resolutions}
        try:
            with whole_file(path) as unfinished:
                save_file(tensors, unfinished)
        except OutputError as error:
            log.warning("The basis of live learning is not kept: %s", error)
    return made


def _compute(generator: Generator, runtime: Runtime, resolutions: tuple[int, ...]) -> Basis:
    ws = latents_from_seeds(generator, range(SAMPLED), psi=PSI, noise=Noise()).ws
    totals: dict[int, Tensor] = {}
    squares: dict[int, Tensor] = {}
    for made in runtime.stream(ws, Noise()):
        for r in resolutions:
            values = torch.from_numpy(made[f"features_{r}"]).float().flatten(1)  # [C, r * r]
            totals[r] = totals.get(r, torch.zeros(())) + values.mean(1)
            products = (values @ values.T / values.shape[1]).double()
            squares[r] = squares.get(r, torch.zeros(())) + products
    means = {r: totals[r] / SAMPLED for r in resolutions}
    axes = {r: _axes(squares[r] / SAMPLED, means[r], r) for r in resolutions}
    return Basis(means, axes, _side(generator))


def _side(generator: Generator) -> int:
    return min(GRID, generator.resolution)


def _axes(second_moment: Tensor, mean: Tensor, resolution: int) -> Tensor:
    """The leading components [components, C], each divided by its deviation."""
    wide = mean.double()
    variances, vectors = torch.linalg.eigh(second_moment - torch.outer(wide, wide))
    count = min(COMPONENTS if resolution <= GRID else FINEST_COMPONENTS, len(mean))
    largest = variances[-count:].flip(0).clamp(min=1e-8 * float(variances[-1]) + 1e-12)
    axes: Tensor = (vectors[:, -count:].flip(1) / largest.sqrt()).T.float()
    return axes.contiguous()


def _read(path: Path, generator: Generator, resolutions: tuple[int, ...]) -> Basis | None:
    """What the file holds, if it is whole and as expected."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            means = {r: file.get_tensor(f"mean {r}") for r in resolutions}
            axes = {r: file.get_tensor(f"axes {r}") for r in resolutions}
    except (SafetensorError, OSError, ValueError) as error:
        log.warning("The basis in %s is damaged (%s); it is made again.", path, error)
        return None
    channels = generator.synthesis.feature_channels
    if any(axes[r].shape[1:] != (channels[r],) or len(means[r]) != channels[r] for r in axes):
        log.warning("The basis in %s is of another kind; it is made again.", path)
        return None
    return Basis(means, axes, _side(generator))


def _resized(values: Tensor, side: int) -> Tensor:
    """[C, r, r] -> [C, side, side]: means of areas, or bilinear."""
    size = values.shape[-1]
    if size == side:
        return values
    if size > side and size % side == 0:
        return F.avg_pool2d(values[None], size // side)[0]
    target = (side, side)
    return F.interpolate(values[None], target, mode="bilinear", align_corners=False)[0]


def _colours(picture: NDArray[np.uint8], side: int) -> Tensor:
    """Brightness and two differences of colour, plain and smoothed: [6, side, side]."""
    rgb = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 64.0 - 2.0
    turned = torch.einsum("ij,jhw->ihw", torch.tensor(_LUMA), _resized(rgb, side))
    turned[1:] *= 2.0  # colours differ less than brightness does
    reach = min(SMOOTHING // 2, side - 1)
    padded = F.pad(turned[None], (reach,) * 4, mode="replicate")
    return torch.cat([turned, F.avg_pool2d(padded, 2 * reach + 1, 1)[0]])


def _places(side: int) -> Tensor:
    """x and y of each cell, -2 to 2: [2, side, side]."""
    line = torch.linspace(-2.0, 2.0, side)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y])


def _rows(values: Tensor) -> Tensor:
    """[D, side, side] -> float16 [side * side, D]."""
    return values.flatten(1).T.clamp(-60_000.0, 60_000.0).half().contiguous()


def draw_examples(
    face: Described, labels: NDArray[np.uint8], most: int, seed: int = 0, evenness: float = EVENNESS
) -> Examples:
    """Some labelled pixels of a face, at most about `most`; rare classes more often.

    labels: indices uint8 [H, W], 255 for not labelled. evenness: 0 draws as classes occur, 1 as
    many of each. The same arguments draw the same pixels.
    """
    flat = labels.ravel()
    counts = np.bincount(flat, minlength=256)
    counts[UNLABELLED] = 0
    shares = np.where(counts > 0, counts.astype(np.float64) ** (1.0 - evenness), 0.0)
    wanted = np.ceil(most * shares / max(shares.sum(), 1e-12)).astype(int)
    random = np.random.default_rng(seed)
    drawn = [
        random.choice(np.flatnonzero(flat == value), min(wanted[value], counts[value]), False)
        for value in counts.nonzero()[0]
    ]
    places = np.sort(np.concatenate(drawn)) if drawn else np.zeros(0, np.int64)
    height, width = labels.shape
    rows, columns = places // width, places % width
    cells = rows * face.side // height * face.side + columns * face.side // width
    at = torch.from_numpy(cells)
    prior = None if face.prior is None else face.prior[at]
    picked = torch.from_numpy(flat[places].astype(np.int64))
    return Examples(face.pixels[at], prior, picked, float(counts.sum() / max(flat.size, 1)))
