"""The thesis's attribute encoder: age and gender in, the w of such a face out.

Four layers of 512 with leaky ReLU 0.2 (chapter 5.3). The regression loss alone teaches it the
mean w of an age and a gender; the thesis adds what the estimators say of the picture of that w:
10 L_reg + 0.01 L_age + L_gender (table 9). The estimators are asked through the generator, with
gradients.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.attributes.crops import differentiable_crop
from core.attributes.dataset import AttributeDataset
from core.attributes.estimators import AgeGenderEstimator
from core.attributes.nets import AGE_CHIP, GENDER_CHIP, open_age_net, open_gender_net
from core.errors import InvalidRequestError
from core.generators import Generator, Readouts
from core.images import downsample, to_uint8
from core.progress import OnStep, Step, ignore

WIDTH = 512
SLOPE = 0.2
INPUTS = ("age", "male")
AGE_SCALE = (35.0, 20.0)  # years: what is taken off, and divided by
WEIGHTS = (10.0, 0.01, 1.0)  # of regression, age and gender: the thesis's
PICTURE = 256  # px


class AttributeEncoder(nn.Module):
    """age and male [N, 2], in years and probability -> w [N, D]."""

    mean_w: Tensor

    def __init__(self, w_dim: int, width: int = WIDTH) -> None:
        super().__init__()
        sizes = [len(INPUTS), width, width, width, w_dim]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers[:-1])
        self.register_buffer("mean_w", torch.zeros(w_dim))

    def forward(self, given: Tensor) -> Tensor:
        age = (given[:, :1] - AGE_SCALE[0]) / AGE_SCALE[1]
        scaled = torch.cat([age, given[:, 1:] * 2 - 1], 1)
        return self.mean_w + self.layers(scaled)  # type: ignore[no-any-return]

    @torch.no_grad()
    def encode(self, given: NDArray[np.floating]) -> NDArray[np.float32]:
        """age and male [N, 2] -> w float32 [N, D]."""
        w: NDArray[np.float32] = self(torch.from_numpy(np.asarray(given, np.float32))).numpy()
        return w


@dataclass(frozen=True)
class EncoderTraining:
    """guided_steps: of the second part, in which pictures are estimated; 0: regression alone."""

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    guided_steps: int = 150
    guided_batch: int = 2
    guided_rate: float = 1e-4
    seed: int = 0


Estimated = Callable[[Tensor], tuple[Tensor, Tensor] | None]  # w [1, D] -> age, male log-odds


def train_encoder(
    data: AttributeDataset,
    mean_w: NDArray[np.float32],
    training: EncoderTraining,
    estimated: Estimated | None = None,
    on_step: OnStep = ignore,
) -> AttributeEncoder:
    """Learn from the faces with one w in all layers on which age and gender are known.

    estimated: what estimators say of a w's picture, with gradients (`PictureEstimate`);
    needed where guided_steps > 0.
    """
    torch.manual_seed(training.seed)
    chosen = np.stack([data.values_of(name) for name in INPUTS], 1)
    is_known = data.is_plain & np.isfinite(chosen).all(1)
    if not is_known.any():
        raise InvalidRequestError("No face of the data has an age and a gender. Measure more.")
    given = torch.from_numpy(chosen[is_known])
    w = torch.from_numpy(data.w[is_known, 0])
    encoder = AttributeEncoder(w.shape[1])
    encoder.mean_w.copy_(torch.from_numpy(mean_w))
    draw = torch.Generator().manual_seed(training.seed)
    optimiser = torch.optim.Adam(encoder.parameters(), training.learning_rate)
    for epoch in range(training.epochs):
        for rows in torch.randperm(len(w), generator=draw).split(training.batch_size):
            loss = F.mse_loss(encoder(given[rows]), w[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        on_step(Step(epoch + 1, training.epochs, "learning the encoder", "epochs"))
    if training.guided_steps:
        if estimated is None:
            raise InvalidRequestError("guided_steps needs the estimators' answers.")
        _guide(encoder, given, w, training, estimated, draw, on_step)
    return encoder.eval().requires_grad_(False)


def _guide(
    encoder: AttributeEncoder,
    given: Tensor,
    w: Tensor,
    training: EncoderTraining,
    estimated: Estimated,
    draw: torch.Generator,
    on_step: OnStep,
) -> None:
    """All three losses; a picture without a face brings the first alone."""
    optimiser = torch.optim.Adam(encoder.parameters(), training.guided_rate)
    for step in range(training.guided_steps):
        rows = torch.randint(len(w), [training.guided_batch], generator=draw)
        found = encoder(given[rows])
        loss = WEIGHTS[0] * F.mse_loss(found, w[rows])
        for place, row in enumerate(rows.tolist()):
            answer = estimated(found[place : place + 1])
            if answer is None:
                continue
            age, odds = answer
            is_male = (given[row, 1:] > 0.5).float()
            apart = WEIGHTS[1] * (age - given[row, :1]).abs().sum()
            apart = apart + WEIGHTS[2] * F.binary_cross_entropy_with_logits(odds, is_male)
            loss = loss + apart / training.guided_batch
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        on_step(Step(step + 1, training.guided_steps, "estimating its pictures", "steps"))


class PictureEstimate:
    """What the estimators say of the picture of a w, [1, D] -> age [1] in years and male [1] in
    log-odds, with gradients; None where no face is found."""

    def __init__(self, generator: Generator, readouts: Readouts | None) -> None:
        self._generator = generator
        self._readouts = readouts if readouts and PICTURE in readouts.sizes else None
        self._finder = AgeGenderEstimator().finder
        self._age, self._gender = open_age_net(), open_gender_net()

    def __call__(self, w: Tensor) -> tuple[Tensor, Tensor] | None:
        image = self._image(self._generator.broadcast(w))
        face = self._finder.find(to_uint8(image.detach())[0].numpy())
        if face is None:
            return None
        age = self._age.years(differentiable_crop(image, face, AGE_CHIP))
        return age, self._gender.male_logit(differentiable_crop(image, face, GENDER_CHIP))

    def _image(self, ws: Tensor) -> Tensor:
        synthesis = self._generator.synthesis
        if self._readouts is None:
            made = synthesis(ws)
            return downsample(made.image, min(PICTURE, synthesis.resolution))
        made = synthesis(ws, features=(PICTURE,), with_image=False)
        preview: Tensor = self._readouts(made.features[PICTURE], ws, PICTURE)
        return preview
