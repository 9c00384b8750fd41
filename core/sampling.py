"""Seeds and z to latents: reproducible to the bit."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidRequestError
from core.generators.generator import Generator, truncate
from core.generators.noise import Noise
from core.latent_files import MAX_BYTES
from core.latents import Latents
from core.seeds import draw_z

PSI_LIMIT = 2.0
_BLOCK = 256


def latents_from_seeds(
    generator: Generator,
    seeds: Sequence[int],
    *,
    psi: float,
    cutoff: int | None = None,
    noise: Noise,
    class_index: int | None = None,
) -> Latents:
    """The faces of these seeds, as NVIDIA's StyleGAN2-ADA scripts number them.

    psi: truncation in [-2, 2], of the first `cutoff` layers or of all. class_index: for
    conditional generators only, and then needed. The same seed gives the same bits,
    alone or among others. Raises InvalidRequestError for what cannot be.
    """
    if not seeds:
        raise InvalidRequestError("No seeds were given. Give at least one, such as 0.")
    z = draw_z(seeds, generator.mapping.z_dim)
    ws = ws_from_z(generator, z, psi=psi, cutoff=cutoff, class_index=class_index)
    numbers = np.array(seeds, np.int64)
    return Latents(ws, numbers, psi, str(noise), generator.identity.name, generator.identity.sha256)


def ws_from_z(
    generator: Generator,
    z: NDArray[np.float64],
    *,
    psi: float,
    cutoff: int | None = None,
    class_index: int | None = None,
) -> NDArray[np.float32]:
    """z [N, z_dim] -> truncated ws float32 [N, L, D]; arguments as for latents_from_seeds."""
    num_ws, w_dim = generator.num_ws, generator.synthesis.w_dim
    _check_truncation(psi, cutoff, num_ws)
    if len(z) * num_ws * w_dim * 4 > MAX_BYTES:
        raise InvalidRequestError(
            f"{len(z)} faces of {num_ws} x {w_dim} exceed {MAX_BYTES} bytes. Ask for fewer at once."
        )
    return ws_from_w(generator, w_from_z(generator, z, class_index), psi=psi, cutoff=cutoff)


def ws_from_w(
    generator: Generator, w: NDArray[np.float64], *, psi: float, cutoff: int | None = None
) -> NDArray[np.float32]:
    """w float64 [N, D], as `w_from_z` draws them -> truncated ws float32 [N, L, D]."""
    num_ws, w_dim = generator.num_ws, generator.synthesis.w_dim
    _check_truncation(psi, cutoff, num_ws)
    mean_w = generator.mean_w.to("cpu", torch.float64)
    ws = np.empty((len(w), num_ws, w_dim), np.float32)
    for start in range(0, len(w), _BLOCK):
        part = torch.from_numpy(w[start : start + _BLOCK])
        pulled = truncate(generator.broadcast(part), mean_w, psi, cutoff)  # [n, L, D]
        ws[start : start + len(part)] = pulled.numpy()
    return ws


def pulled_to_mean(
    generator: Generator, ws: NDArray[np.float32], psi: float
) -> NDArray[np.float32]:
    """ws [L, D], wherever they are from, truncated: psi 1 leaves them, 0 gives the mean face."""
    _check_truncation(psi, None, generator.num_ws)
    mean_w = generator.mean_w.to("cpu", torch.float32)
    pulled: NDArray[np.float32] = truncate(torch.from_numpy(ws)[None], mean_w, psi)[0].numpy()
    return pulled


def w_from_z(
    generator: Generator, z: NDArray[np.float64], class_index: int | None = None
) -> NDArray[np.float64]:
    """z [N, z_dim] -> w float64 [N, D], not truncated.

    Matrix products round differently with the size of the batch, the kernel picked for
    it and the device. So the mapping runs on the CPU in float64, always in full blocks of
    one size; once rounded to float32, what is left of those differences is a billionth of
    the step between two numbers.
    """
    z_dim = generator.mapping.z_dim
    if z.ndim != 2 or z.shape[1] != z_dim:
        raise InvalidRequestError(f"z must have shape [any, {z_dim}], has {list(z.shape)}.")
    c = _condition(generator, class_index)
    mapping = copy.deepcopy(generator.mapping).to("cpu", torch.float64).eval()
    w = np.empty((len(z), generator.mapping.w_dim))
    block = np.zeros((_BLOCK, z_dim))
    with torch.no_grad():
        for start in range(0, len(z), _BLOCK):
            part = z[start : start + _BLOCK]
            block[: len(part)] = part  # the rows after it are not looked at
            w[start : start + len(part)] = mapping(torch.from_numpy(block), c)[: len(part)].numpy()
    return w


def _check_truncation(psi: float, cutoff: int | None, num_ws: int) -> None:
    if not -PSI_LIMIT <= psi <= PSI_LIMIT:
        raise InvalidRequestError(
            f"psi must be in {-PSI_LIMIT:g}..{PSI_LIMIT:g}, is {psi}. "
            "1 means no truncation, 0.7 is usual."
        )
    if cutoff is not None and not 0 <= cutoff <= num_ws:
        raise InvalidRequestError(
            f"The truncation cutoff must be in 0..{num_ws}, the generator's layers, is {cutoff}."
        )


def _condition(generator: Generator, class_index: int | None) -> Tensor | None:
    """One-hot c [_BLOCK, c_dim] for a conditional generator."""
    name, c_dim = generator.identity.name, generator.mapping.c_dim
    if c_dim == 0:
        if class_index is not None:
            raise InvalidRequestError(
                f"Generator '{name}' has no classes, but class {class_index} was asked for. "
                "Leave it out."
            )
        return None
    if class_index is None or not 0 <= class_index < c_dim:
        raise InvalidRequestError(
            f"Generator '{name}' needs a class in 0..{c_dim - 1}, got {class_index}."
        )
    c = torch.zeros(_BLOCK, c_dim, dtype=torch.float64)
    c[:, class_index] = 1.0
    return c
