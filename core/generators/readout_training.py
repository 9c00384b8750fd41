"""Training of the preview readouts against the generator's own downsampled images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidRequestError
from core.generators.engines import Device, open_runtime
from core.generators.generator import Generator
from core.generators.noise import Noise
from core.generators.readouts import Readouts, ReadoutsConfig, derive_exact_heads
from core.generators.rendering import Outputs, RenderPass
from core.images import downsample, psnr, to_float
from core.progress import OnStep, Step, ignore
from core.sampling import PSI_LIMIT, latents_from_seeds, ws_from_z
from core.seeds import MAX_SEED

HELD_OUT_SEEDS = range(900_000, 900_064)  # never drawn in training: one stream makes its faces
MARGIN = 2  # px at the edge of a piece that two 3x3 convolutions know only in part
_CHUNK = 128  # faces whose w are made at once


@dataclass(frozen=True)
class ReadoutTraining:
    """What makes a set of readouts; saved beside them. Raises InvalidRequestError."""

    generator: str = "mobilestylegan-ffhq-1024"
    # size in px -> channels of the head's correction; 0: none
    hidden: dict[int, int] = field(default_factory=lambda: {128: 64, 256: 96, 512: 0})
    faces: int = 1500  # rendered, each once
    pieces_per_face: int = 2  # random squares, a quarter of the map wide
    pool: int = 256  # latest pieces, which batches are drawn from
    batch: int = 8  # pieces a step
    steps_per_face: int = 2
    learning_rate: float = 6e-3  # of Adam, falling to 0 along a cosine
    style_learning_rate: float = 6e-4  # of the matrices that make styles and shifts from w
    psi_low: float = 0.6  # truncation is drawn between these
    psi_high: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("faces", "pieces_per_face", "pool", "batch", "steps_per_face"):
            if getattr(self, name) < 1:
                raise InvalidRequestError(f"{name} must be at least 1, is {getattr(self, name)}.")
        for name in ("learning_rate", "style_learning_rate"):
            if not getattr(self, name) > 0:
                raise InvalidRequestError(f"{name} must be above 0, is {getattr(self, name)}.")
        if not 0 <= self.psi_low <= self.psi_high <= PSI_LIMIT:
            raise InvalidRequestError(
                f"psi_low and psi_high must ascend within 0..{PSI_LIMIT:g}, "
                f"are {self.psi_low} and {self.psi_high}."
            )
        if not 0 <= self.seed <= MAX_SEED or self.seed in HELD_OUT_SEEDS:
            raise InvalidRequestError(
                f"seed must be in 0..{MAX_SEED} and none of those that measure the result, "
                f"is {self.seed}."
            )
        if not self.hidden or min(self.hidden.values()) < 0:
            raise InvalidRequestError(
                f"hidden must give each size its channels, 0 or more, is {self.hidden}."
            )


@dataclass(frozen=True)
class ReadoutQuality:
    """PSNR in dB against the area-downsampled image, over the held-out faces."""

    psi: float
    mean: dict[int, float]  # by size
    worst: dict[int, float]


@dataclass(frozen=True)
class Piece:
    """A square of a feature map [C, c, c], of the image there [3, c, c], and the face's ws.

    Features are float16: there are many of them.
    """

    features: Tensor
    target: Tensor
    ws: Tensor


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
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        torch.manual_seed(config.seed)
        readouts = Readouts(ReadoutsConfig.of(generator.synthesis, config.hidden))
    derived = derive_exact_heads(readouts, generator)
    learned = tuple(size for size in readouts.sizes if size not in derived)
    if not learned:
        return readouts.eval().requires_grad_(False)
    on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    readouts.to("cuda" if on_cuda else "cpu", memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = _optimiser(readouts, config)
    total = config.faces * config.steps_per_face
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    chance = np.random.RandomState(config.seed)
    pool: dict[int, list[Piece]] = {size: [] for size in learned}
    for number, pieces in enumerate(
        _pieces(generator, readouts, learned, config, chance, device), start=1
    ):
        for size in learned:
            pool[size] = (pool[size] + pieces[size])[-config.pool :]
        errors: dict[int, float] = {}
        for _ in range(config.steps_per_face):
            errors = _learn(readouts, pool, optimiser, config.batch, chance)
            schedule.step()
        shown = ", ".join(f"{size} px {10 * np.log10(4 / e):.1f} dB" for size, e in errors.items())
        on_step(Step(number, config.faces, f"training previews: {shown}", "faces"))
    return readouts.cpu().eval().requires_grad_(False)


def measure_readouts(
    readouts: Readouts,
    generator: Generator,
    psi: float,
    *,
    seeds: Sequence[int] = HELD_OUT_SEEDS,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> ReadoutQuality:
    """Compare the pictures a user sees, as uint8, over faces that training never drew."""
    outputs = Outputs(previews=readouts.sizes)
    runtime = open_runtime(RenderPass(generator, outputs, readouts), device=device, precision="f32")
    ws = latents_from_seeds(generator, seeds, psi=psi, noise=Noise()).ws
    found: dict[int, list[float]] = {size: [] for size in readouts.sizes}
    for number, rendered in enumerate(runtime.stream(ws, Noise()), start=1):
        image = _as_image(rendered["image"])
        for size in readouts.sizes:
            preview = _as_image(rendered[f"preview_{size}"])
            found[size].append(psnr(preview, downsample(image, size)))
        on_step(Step(number, len(ws), f"measuring previews at psi {psi:g}", "faces"))
    return ReadoutQuality(
        psi,
        {size: round(float(np.mean(values)), 2) for size, values in found.items()},
        {size: round(min(values), 2) for size, values in found.items()},
    )


def _optimiser(readouts: Readouts, config: ReadoutTraining) -> torch.optim.Optimizer:
    """Adam; slower for styles and shifts: each sums hundreds of w, so that its steps add up."""
    rates = {False: config.learning_rate, True: config.style_learning_rate}
    groups: dict[bool, list[Tensor]] = {False: [], True: []}
    for name, parameter in readouts.named_parameters():
        groups[name.endswith(("style.weight", "shift.weight"))].append(parameter)
    return torch.optim.Adam(
        [{"params": groups[is_style], "lr": rates[is_style]} for is_style in groups]
    )


def _pieces(
    generator: Generator,
    readouts: Readouts,
    learned: tuple[int, ...],
    config: ReadoutTraining,
    chance: np.random.RandomState,
    device: Device,
) -> Iterator[dict[int, list[Piece]]]:
    """For each face and size, random pieces of the feature map with their targets.

    Where there is an exact preview the image itself need not be made.
    """
    half = generator.resolution // 2
    exact = half in readouts.sizes and half not in learned
    outputs = Outputs(image=not exact, previews=(half,) if exact else (), features=learned)
    render_pass = RenderPass(generator, outputs, readouts)
    runtime = open_runtime(render_pass, device=device, precision="f32")
    for ws in _varied_ws(generator, config, chance):
        rendered = runtime.render(ws)
        image = _as_image(rendered[f"preview_{half}" if exact else "image"])
        found: dict[int, list[Piece]] = {size: [] for size in learned}
        for size in learned:
            features = torch.from_numpy(rendered[f"features_{size}"])
            target = downsample(image, size)[0]
            side = max(size // 4, min(size, 16))
            for y, x in chance.randint(size - side + 1, size=(config.pieces_per_face, 2)):
                window = (slice(None), slice(y, y + side), slice(x, x + side))
                piece = Piece(features[window].half(), target[window].clone(), torch.from_numpy(ws))
                found[size].append(piece)
        yield found


def _varied_ws(
    generator: Generator, config: ReadoutTraining, chance: np.random.RandomState
) -> Iterator[NDArray[np.float32]]:
    """Random ws [L, D] under random truncation; every other face mixes two at a random layer."""
    mean = generator.mean_w.numpy()
    for start in range(0, config.faces, _CHUNK):
        count = min(_CHUNK, config.faces - start)
        drawn = ws_from_z(generator, chance.randn(2 * count, generator.mapping.z_dim), psi=1.0)
        for number in range(count):
            ws, other = drawn[2 * number : 2 * number + 2]
            if number % 2:
                crossover = chance.randint(1, generator.num_ws)
                ws = np.concatenate([ws[:crossover], other[crossover:]])
            psi = chance.uniform(config.psi_low, config.psi_high)
            yield (mean + psi * (ws - mean)).astype(np.float32)


def _learn(
    readouts: Readouts,
    pool: dict[int, list[Piece]],
    optimiser: torch.optim.Optimizer,
    batch: int,
    chance: np.random.RandomState,
) -> dict[int, float]:
    """One step of all heads; returns their mean squared errors by size."""
    device = next(readouts.parameters()).device
    errors = {}
    for size, pieces in pool.items():
        drawn = [pieces[i] for i in chance.randint(len(pieces), size=batch)]
        features = torch.stack([piece.features for piece in drawn]).to(device).float()
        features = features.contiguous(memory_format=torch.channels_last)
        target = torch.stack([piece.target for piece in drawn]).to(device)
        ws = torch.stack([piece.ws for piece in drawn]).to(device)
        edge = min(MARGIN, target.shape[-1] // 4)
        inside = (..., slice(edge, -edge), slice(edge, -edge))
        errors[size] = F.mse_loss(readouts(features, ws, size)[inside], target[inside])
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(errors.values())).log().sum().backward()  # log: each head at its own scale
    optimiser.step()
    return {size: error.item() for size, error in errors.items()}


def _as_image(picture: NDArray[np.uint8]) -> Tensor:
    return to_float(torch.from_numpy(picture)[None])
