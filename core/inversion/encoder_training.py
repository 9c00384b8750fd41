"""Training of an encoder of photos, on generated faces made to look like photos.

Real photos are softer, noisier and framed less exactly than what a generator makes, and hands,
hats or text lie over their faces. The pictures that the encoder learns from get all of that; what
it has to tell stays the w+ of the clean face [as HandsOff and e4e do with real photos, which we
do not have].
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from core.attributes.dataset import AttributeSampling
from core.errors import InvalidRequestError
from core.files import whole_file
from core.generators import Device, Generator
from core.images import to_float
from core.inversion.encoder import EncoderConfig, EncoderNetwork, PhotoEncoder, groups_of
from core.inversion.encoder_faces import EncoderFaces
from core.inversion.photo_looks import as_photos
from core.inversion.precision import computes_in_bf16
from core.progress import OnStep, Step, ignore
from core.seeds import MAX_SEED

SAVED_EVERY = 200  # steps
MEAN = 0.999  # how much the running mean of the weights keeps at a step, late in training


@dataclass(frozen=True)
class PhotoEncoderTraining:
    """What makes an encoder; saved beside it. Raises InvalidRequestError.

    Faces have the seeds first_seed, first_seed + 1, ...; the last `held_out` of them measure.
    """

    generator: str = "mobilestylegan-ffhq-1024"
    size: int = 128  # px of the pictures
    widths: tuple[int, ...] = (64, 96, 192, 384)
    blocks: int = 2
    hidden: int = 768
    faces: int = 36_000
    held_out: int = 500
    mixed: float = 0.5  # share whose layers come from two w's
    psi_low: float = 0.5
    psi_high: float = 1.0
    first_seed: int = 20_000_000
    steps: int = 4000
    batch: int = 64
    learning_rate: float = 2e-3  # of AdamW, rising at first, then falling to 0 along a cosine
    weight_decay: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        for name in ("size", "blocks", "hidden", "held_out", "steps", "batch"):
            if getattr(self, name) < 1:
                raise InvalidRequestError(f"{name} must be at least 1, is {getattr(self, name)}.")
        if not self.held_out < self.faces:
            raise InvalidRequestError(
                f"faces must be more than held_out ({self.held_out}), is {self.faces}."
            )
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise InvalidRequestError("learning_rate must be above 0, weight_decay not below.")
        if not 0 <= self.seed <= MAX_SEED:
            raise InvalidRequestError(f"seed must be in 0..{MAX_SEED}, is {self.seed}.")
        self.sampling()

    def sampling(self) -> AttributeSampling:
        return AttributeSampling(
            self.faces, self.mixed, self.psi_low, self.psi_high, self.first_seed
        )


def train_photo_encoder(
    generator: Generator,
    faces: EncoderFaces,
    training: PhotoEncoderTraining,
    checkpoint: Path,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> tuple[PhotoEncoder, dict[str, Any]]:
    """Returns the encoder and what it tells of the held-out faces.

    checkpoint: where an unfinished training is kept; a run with equal settings goes on from it.
    """
    work = _Training(generator, faces, training, device)
    began = time.monotonic()
    for step in range(work.resume(checkpoint), training.steps):
        loss = work.learn(step)
        if (step + 1) % SAVED_EVERY == 0:
            work.save(checkpoint, step + 1)
        pace = (time.monotonic() - began) / (step + 1 - work.first)
        left = round(pace * (training.steps - step - 1) / 60)
        told = f"training the encoder: error {loss:.3f}, {left} min left"
        on_step(Step(step + 1, training.steps, told, "steps"))
    work.save(checkpoint, training.steps)
    encoder = work.finished()
    return encoder, measure_photo_encoder(encoder, faces.part(slice(-training.held_out, None)))


def measure_photo_encoder(encoder: PhotoEncoder, faces: EncoderFaces) -> dict[str, Any]:
    """How much of the variance of w (truncated and mixed) it explains, 1 at best, for each group
    of layers and in all, of clean pictures and of such that look like photos."""
    network, chance = encoder.network, torch.Generator().manual_seed(0)
    target = _standard(network, faces.ws())
    found = {}
    for name in ("clean", "as photos"):
        told = []
        for start in range(0, len(faces), 50):
            pictures = to_float(torch.from_numpy(faces.pictures[start : start + 50]))
            shown = as_photos(pictures, chance) if name == "as photos" else pictures
            with torch.inference_mode():
                told.append(network.standard(shown))
        wrong = (torch.cat(told) - target).square().mean((0, 2))
        whole = target.var(0).mean(-1)
        explained = 1 - wrong / whole
        found[name] = {
            "groups": [round(float(share), 4) for share in explained],
            "all": round(float(1 - wrong.mean() / whole.mean()), 4),
        }
    return found


class _Training:
    """The state of one training."""

    def __init__(
        self,
        generator: Generator,
        faces: EncoderFaces,
        training: PhotoEncoderTraining,
        device: Device,
    ) -> None:
        self.training, self.generator = training, generator
        on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        self.device = torch.device("cuda" if on_cuda else "cpu")
        self.faces = faces.part(slice(None, -training.held_out))
        synthesis = generator.synthesis
        config = EncoderConfig(
            training.size,
            training.widths,
            training.blocks,
            training.hidden,
            groups_of(synthesis.layer_resolutions),
            synthesis.w_dim,
        )
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
            torch.manual_seed(training.seed)
            self.network = EncoderNetwork(config)
        spread = self.faces.w.reshape(-1, synthesis.w_dim)
        self.network.mean_w.copy_(torch.from_numpy(spread.mean(0)))
        self.network.scale.copy_(torch.from_numpy(spread.std(0)))
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            training.learning_rate,
            weight_decay=training.weight_decay,
        )
        self.first = 0

    def learn(self, step: int) -> float:
        """One step; returns its loss: mean squared error in standard deviations of w."""
        training = self.training
        chance = np.random.RandomState([training.seed, step])
        places = np.sort(chance.choice(len(self.faces), training.batch, replace=False))
        pictures = to_float(torch.from_numpy(self.faces.pictures[places]))
        seed = int(chance.randint(2**31))
        shown = as_photos(pictures, torch.Generator().manual_seed(seed)).to(self.device)
        target = _standard(self.network, self.faces.ws(places)).to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = training.learning_rate * _rate(step, training.steps)
        self.network.train()
        with _quick(self.device):
            told = self.network.standard(shown.to(memory_format=torch.channels_last))
        loss = F.mse_loss(told.float(), target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self._follow(min(MEAN, (step + 1) / (step + 10)))
        return float(loss.detach())

    def _follow(self, keeps: float) -> None:
        with torch.no_grad():
            now = self.network.state_dict()
            for name, mean in self.mean.state_dict().items():
                if mean.is_floating_point():
                    mean.lerp_(now[name], 1 - keeps)

    def finished(self) -> PhotoEncoder:
        network = copy.deepcopy(self.mean).to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return PhotoEncoder(network, self.generator.identity)

    def save(self, path: Path, step: int) -> None:
        state = {
            "settings": self._settings(),
            "step": step,
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        with whole_file(path) as unfinished, unfinished.open("wb") as stream:
            torch.save(state, stream)

    def resume(self, path: Path) -> int:
        """The step to go on with. Raises InvalidRequestError where it is another training's."""
        if not path.is_file():
            return 0
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["settings"] != self._settings():
            raise InvalidRequestError(
                f"{path} is an unfinished training with other settings. Remove it, or choose "
                "another workspace."
            )
        self.network.load_state_dict(state["network"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.first = int(state["step"])
        return self.first

    def _settings(self) -> str:
        return f"{asdict(self.training)} {self.generator.identity.sha256} {len(self.faces)}"


def _standard(network: EncoderNetwork, ws: NDArray[np.float32]) -> Tensor:
    """ws [N, L, D] -> [N, groups, D], each group the mean of its layers, in the network's unit."""
    every = torch.from_numpy(ws)
    groups = [every[:, list(group)].mean(1) for group in network.config.groups]
    return (torch.stack(groups, 1) - network.mean_w.cpu()) / network.scale.cpu()


def _rate(step: int, steps: int) -> float:
    rise = max(1, steps // 20)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


@contextmanager
def _quick(device: torch.device) -> Iterator[None]:
    """bf16 where the machine computes in it; the weights stay in float32."""
    with torch.autocast(device.type, torch.bfloat16, enabled=computes_in_bf16(device)):
        yield
