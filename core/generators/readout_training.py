"""Training of the preview readouts against the generator's own downsampled images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from torch import Tensor

from core.generators.generator import Generator
from core.generators.mobile_stylegan import MobileSynthesis
from core.generators.noise import Noise
from core.generators.readouts import Readouts, ReadoutsConfig
from core.generators.rendering import Outputs, RenderPass
from core.generators.runtime import Device, Runtime, open_runtime
from core.images import downsample, psnr, to_float
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds, ws_from_z

HELD_OUT_SEEDS = range(900_000, 900_064)  # never drawn in training, which uses no seeds


@dataclass(frozen=True)
class ReadoutTraining:
    """What makes a set of readouts; saved beside them."""

    generator: str = "mobilestylegan-ffhq-1024"
    hidden: dict[int, int] = field(default_factory=lambda: {128: 48, 256: 32, 512: 0})
    faces: int = 3000  # rendered, each once
    crop: int = 64  # px, of the pieces learned from
    pool: int = 128  # faces whose pieces are kept and drawn from
    batch: int = 8  # pieces a step
    steps_per_face: int = 2
    learning_rate: float = 3e-3  # of Adam, falling to 0 along a cosine
    psi_low: float = 0.5  # truncation is drawn between these
    psi_high: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class ReadoutQuality:
    """PSNR in dB against the area-downsampled image, over held-out faces."""

    psi: float
    mean: dict[int, float]  # by size
    worst: dict[int, float]


Piece = dict[int, tuple[Tensor, Tensor]]  # size -> features [C, c, c], target [3, c, c]


def train_readouts(
    generator: Generator,
    config: ReadoutTraining,
    *,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> Readouts:
    """Learn from freshly rendered faces; each head's error is its own, so they do not compete.

    A head without correction on MobileStyleGAN's last map is not learned but derived.
    """
    torch.manual_seed(config.seed)  # initial weights; restored by nobody: this is a process's work
    readouts = Readouts(ReadoutsConfig.of(generator.synthesis, config.hidden))
    derived = derive_exact_heads(readouts, generator)
    learned = tuple(size for size in readouts.sizes if size not in derived)
    optimiser = torch.optim.Adam(readouts.parameters(), lr=config.learning_rate)
    total = config.faces * config.steps_per_face
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    chance = np.random.RandomState(config.seed)
    pool: list[tuple[Piece, Tensor]] = []
    for number, (ws, piece) in enumerate(_pieces(generator, learned, config, chance, device)):
        pool.append((piece, ws))
        del pool[: -config.pool]
        losses = {}
        for _ in range(config.steps_per_face):
            drawn = [pool[i] for i in chance.randint(len(pool), size=config.batch)]
            losses = _step(readouts, drawn, learned, optimiser)
            schedule.step()
        shown = ", ".join(f"{s} px {10 * np.log10(4 / loss):.1f} dB" for s, loss in losses.items())
        on_step(Step(number + 1, config.faces, f"training previews: {shown}", "faces"))
    return readouts.eval().requires_grad_(False)


def derive_exact_heads(readouts: Readouts, generator: Generator) -> tuple[int, ...]:
    """Fill in the heads that follow from the network itself; returns their sizes."""
    synthesis = generator.synthesis
    half = synthesis.resolution // 2
    place = str(half)
    if not isinstance(synthesis, MobileSynthesis) or place not in readouts.heads:
        return ()
    head = readouts.heads[place]
    if head.correction is not None:
        return ()
    weight, bias = synthesis.to_image.mean_mix()
    head.style.load_state_dict(synthesis.to_image.style.state_dict())
    head.direct.load_state_dict({"weight": weight, "bias": bias})
    return (half,)


def measure_readouts(
    readouts: Readouts, generator: Generator, psi: float, *, device: Device = "auto"
) -> ReadoutQuality:
    """Compare the pictures a user sees, as uint8, over 64 faces that training never drew."""
    runtime = open_runtime(
        RenderPass(generator, Outputs(previews=readouts.sizes), readouts),
        device=device,
        precision="f32",
    )
    ws = latents_from_seeds(generator, list(HELD_OUT_SEEDS), psi=psi, noise=Noise()).ws
    found: dict[int, list[float]] = {size: [] for size in readouts.sizes}
    for rendered in runtime.stream(ws, Noise()):
        image = _as_image(rendered["image"])
        for size in readouts.sizes:
            preview = _as_image(rendered[f"preview_{size}"])
            found[size].append(psnr(preview, downsample(image, size)))
    return ReadoutQuality(
        psi,
        {size: round(float(np.mean(values)), 2) for size, values in found.items()},
        {size: round(min(values), 2) for size, values in found.items()},
    )


def _pieces(
    generator: Generator,
    sizes: tuple[int, ...],
    config: ReadoutTraining,
    chance: np.random.RandomState,
    device: Device,
) -> Iterator[tuple[Tensor, Piece]]:
    """One random crop a face of each feature map with the matching crop of the target."""
    runtime: Runtime = open_runtime(
        RenderPass(generator, Outputs(features=sizes)), device=device, precision="f32"
    )
    for ws in _varied_ws(generator, config, chance):
        rendered = runtime.render(ws)
        image = _as_image(rendered["image"])
        piece: Piece = {}
        for size in sizes:
            crop = min(config.crop, size)
            y, x = chance.randint(size - crop + 1, size=2)
            window = (..., slice(y, y + crop), slice(x, x + crop))
            features = torch.from_numpy(rendered[f"features_{size}"])
            piece[size] = (features[window].clone(), downsample(image, size)[0][window].clone())
        yield torch.from_numpy(ws), piece


def _varied_ws(
    generator: Generator, config: ReadoutTraining, chance: np.random.RandomState
) -> Iterator[NDArray[np.float32]]:
    """Random w under random truncation; every other face mixes two at a random layer."""
    mean = generator.mean_w.numpy()
    for number in range(config.faces):
        z = chance.randn(2, generator.mapping.z_dim)
        ws, other = ws_from_z(generator, z, psi=1.0)
        if number % 2:
            crossover = chance.randint(1, generator.num_ws)
            ws[crossover:] = other[crossover:]
        psi = chance.uniform(config.psi_low, config.psi_high)
        yield (mean + psi * (ws - mean)).astype(np.float32)


def _step(
    readouts: Readouts,
    drawn: list[tuple[Piece, Tensor]],
    sizes: tuple[int, ...],
    optimiser: torch.optim.Optimizer,
) -> dict[int, float]:
    ws = torch.stack([latent for _, latent in drawn])
    losses = {}
    for size in sizes:
        features = torch.stack([piece[size][0] for piece, _ in drawn])
        target = torch.stack([piece[size][1] for piece, _ in drawn])
        losses[size] = F.mse_loss(readouts(features, ws, size), target)
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).log().sum().backward()  # log: each head at its own scale
    optimiser.step()
    return {size: loss.item() for size, loss in losses.items()}


def _as_image(picture: NDArray[np.uint8]) -> Tensor:
    return to_float(torch.from_numpy(picture)[None])
