"""What measured effects are for: units that hold."""

from __future__ import annotations

from dataclasses import replace

from core.directions.direction import Direction
from core.directions.effects import Effect, rounded
from core.directions.safe_range import WEAKEST
from core.errors import InvalidRequestError


def calibrated(direction: Direction, effect: Effect) -> Direction:
    """The direction with +1 = one measured standard deviation of the effect's attribute, upwards,
    its measured range and the measurements, in the new unit, among its facts ('measured').

    A direction without an attribute keeps its unit. Raises InvalidRequestError where the
    attribute hardly moves.
    """
    unit = 1.0
    if direction.attribute:
        if not abs(effect.effect) >= WEAKEST:
            raise InvalidRequestError(
                f"Direction '{direction.name}' moves '{effect.attribute}' by only "
                f"{effect.effect:.3f} standard deviations per unit, so it cannot be told in them. "
                "Fit it in other layers, or hold fewer attributes."
            )
        unit = 1 / effect.effect
    measured = effect.facts()
    measured["effect"] = rounded(effect.effect * unit)
    measured["leakage"] = {name: rounded(value * unit) for name, value in effect.leakage.items()}
    measured["worst"] = [effect.worst[0], rounded(effect.worst[1] * unit)]
    if effect.identity is not None:
        measured["identity"] = rounded(effect.identity * abs(unit))
    measured["amounts"] = sorted(rounded(amount / unit) or 0.0 for amount in effect.amounts)
    if unit < 0:
        measured["limits"].reverse()
    facts = {**direction.facts, "measured": measured}
    return replace(direction, safe=effect.safe, facts=facts).scaled(unit)
