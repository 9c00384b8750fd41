"""What a face's measures will be, told from its ws alone, in a millisecond and with a slope.

Each hidden unit reads one direction of w, in its own mix of layers, so that mixed styles are
understood, too; a straight part beside it carries what is linear. Learned from the attribute
dataset. It is how control knows where to go; the picture is still measured in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.attributes.dataset import AttributeDataset
from core.errors import InvalidRequestError
from core.progress import OnStep, Step, ignore

HIDDEN = 512
ODDS = 6.0  # largest log-odds that a probability counts for
SPARSE = 4.0  # shares of rare things: log(1 + SPARSE * x), so that having some counts most
SHARES = ("eyeglasses", "hat", "earring")


class AttributeModel(nn.Module):
    """ws [N, L, D] -> measures [N, K], each as its deviation from the mean in standard
    deviations, on a bent scale where it is a probability (log-odds) or a rare thing's share.

    names: of the K measures. `to_values` and `from_values` change between that and plain values.
    """

    mean_w: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, names: Sequence[str], num_ws: int, w_dim: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.names = tuple(names)
        self.read = nn.Linear(w_dim, hidden)
        self.layers = nn.Parameter(torch.full((num_ws, hidden), 1 / num_ws))
        self.deep = nn.Sequential(nn.Linear(hidden, 256), nn.SiLU(), nn.Linear(256, len(names)))
        self.straight = nn.Linear(hidden, len(names), bias=False)
        self.drop = nn.Dropout(0.1)
        self.register_buffer("mean_w", torch.zeros(w_dim))
        self.register_buffer("centre", torch.zeros(len(names)))
        self.register_buffer("spread", torch.ones(len(names)))

    @property
    def num_ws(self) -> int:
        return int(self.layers.shape[0])

    def forward(self, ws: Tensor) -> Tensor:
        return self.told(self.seen(ws))

    def seen(self, ws: Tensor) -> Tensor:
        """ws [N, L, D] -> [N, hidden], linear in ws."""
        return (self.read(ws - self.mean_w) * self.layers).sum(1)  # type: ignore[no-any-return]

    def told(self, seen: Tensor) -> Tensor:
        """[N, hidden] -> measures [N, K]."""
        h = self.drop(seen)
        return self.straight(h) + self.deep(F.silu(h))  # type: ignore[no-any-return]

    def place(self, name: str) -> int:
        if name not in self.names:
            raise InvalidRequestError(
                f"There is no attribute '{name}'. Choose of: {', '.join(self.names)}."
            )
        return self.names.index(name)

    def from_values(self, values: Tensor) -> Tensor:
        """Plain values [..., K] -> deviations."""
        return (_bent(values, self.names) - self.centre) / self.spread

    def to_values(self, deviations: Tensor) -> Tensor:
        """Deviations [..., K] -> plain values."""
        return _straightened(deviations * self.spread + self.centre, self.names)

    @torch.no_grad()
    def predict(self, ws: NDArray[np.float32]) -> NDArray[np.float32]:
        """ws [N, L, D] -> plain values [N, K]."""
        values: NDArray[np.float32] = self.to_values(self(torch.from_numpy(ws))).numpy()
        return values

    def slopes(
        self, ws: NDArray[np.float32], names: Sequence[str], layers: Sequence[int]
    ) -> NDArray[np.float64]:
        """How these measures change, as deviations, when the same is added to w in all these
        layers: the mean over the faces ws [N, L, D], float64 [len(names), D]."""
        places = [self.place(name) for name in names]
        is_moved = torch.zeros(self.num_ws, 1)
        is_moved[list(layers)] = 1.0
        faces = torch.from_numpy(ws)
        added = torch.zeros(ws.shape[2])

        def told(added: Tensor) -> Tensor:
            found: Tensor = self(faces + is_moved * added)[:, places].mean(dim=0)
            return found

        slopes: NDArray[np.float64] = (
            torch.autograd.functional.jacobian(told, added).double().numpy()
        )
        return slopes


@dataclass(frozen=True)
class ModelFit:
    """How well a model tells measures of faces it has not seen.

    explained: share of variance (R squared) by name. error: mean absolute error by name.
    """

    explained: dict[str, float]
    error: dict[str, float]
    faces: int


@dataclass(frozen=True)
class ModelTraining:
    epochs: int = 40
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    held_out: float = 0.1  # of the faces, to judge by
    seed: int = 0


def fit_model(
    data: AttributeDataset,
    mean_w: NDArray[np.float32],
    training: ModelTraining = ModelTraining(),
    on_step: OnStep = ignore,
) -> tuple[AttributeModel, ModelFit]:
    """Learn from all but the last `held_out` of the faces, and judge on those."""
    torch.manual_seed(training.seed)
    model = AttributeModel(data.names, data.num_ws, data.w.shape[2])
    values = torch.from_numpy(data.values)
    model.mean_w.copy_(torch.from_numpy(mean_w))
    _set_scale(model, values)
    wanted = model.from_values(values)
    is_known = wanted.isfinite()
    wanted = wanted.nan_to_num(0.0)
    count = len(data) - round(len(data) * training.held_out)
    if count < 1:
        raise InvalidRequestError("No faces are left to learn from. Measure more.")
    with torch.no_grad():  # near the scale of what comes in
        deviation = float(np.std(data.w[:, 0] - mean_w))
        model.read.weight.mul_(1 / max(deviation, 1e-6))
    optimiser = torch.optim.AdamW(
        model.parameters(), training.learning_rate, weight_decay=training.weight_decay
    )
    steps = -(-count // training.batch_size) * training.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.learning_rate, steps)
    generator = torch.Generator().manual_seed(training.seed)
    for epoch in range(training.epochs):
        model.train()
        for chosen in torch.randperm(count, generator=generator).split(training.batch_size):
            found = model(torch.from_numpy(data.ws(chosen.numpy())))
            loss = F.smooth_l1_loss(found, wanted[chosen], reduction="none")
            loss = (loss * is_known[chosen]).sum() / is_known[chosen].sum().clamp(min=1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        on_step(Step(epoch + 1, training.epochs, "learning attributes", "epochs"))
    model.eval().requires_grad_(False)
    return model, _judge(model, data, count)


def _judge(model: AttributeModel, data: AttributeDataset, start: int) -> ModelFit:
    truth = data.values[start:].astype(np.float64)
    if not len(truth):
        return ModelFit({}, {}, 0)
    told = np.concatenate(
        [
            model.predict(data.ws(slice(at, min(at + 500, len(data)))))
            for at in range(start, len(data), 500)
        ]
    )
    deviations = model.from_values(torch.from_numpy(data.values[start:])).numpy()
    predicted = model.from_values(torch.from_numpy(told)).numpy()
    left = np.nanmean((deviations - predicted) ** 2, axis=0) / np.nanvar(deviations, axis=0)
    error = np.nanmean(np.abs(truth - told), axis=0)
    return ModelFit(
        {name: round(float(1 - value), 4) for name, value in zip(model.names, left, strict=True)},
        {name: round(float(value), 4) for name, value in zip(model.names, error, strict=True)},
        len(truth),
    )


def _set_scale(model: AttributeModel, values: Tensor) -> None:
    bent = _bent(values, model.names).numpy().astype(np.float64)
    model.centre.copy_(torch.from_numpy(np.nan_to_num(np.nanmean(bent, axis=0))))
    spread = np.nan_to_num(np.nanstd(bent, axis=0))
    model.spread.copy_(torch.from_numpy(np.where(spread > 0, spread, 1.0)))


def _kinds(names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Which names are probabilities, and which shares of rare things, [K] each."""
    return torch.tensor([n == "male" for n in names]), torch.tensor([n in SHARES for n in names])


def _bent(values: Tensor, names: Sequence[str]) -> Tensor:
    is_odds, is_share = _kinds(names)
    odds = values.clamp(1e-9, 1 - 1e-7).logit().clamp(-ODDS, ODDS)
    shares = (values.clamp(min=0) * SPARSE).log1p()
    return torch.where(is_odds, odds, torch.where(is_share, shares, values))


def _straightened(bent: Tensor, names: Sequence[str]) -> Tensor:
    is_odds, is_share = _kinds(names)
    shares = bent.clamp(max=10).expm1() / SPARSE
    return torch.where(is_odds, bent.sigmoid(), torch.where(is_share, shares, bent))
