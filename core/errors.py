"""What can go wrong in core, as few classes as callers need to tell apart.

Every message names the thing, the value got, what is allowed and the next step,
because it is shown to people as it is.
"""

from __future__ import annotations


class CoreError(Exception):
    """Anything core refuses or fails at, with a message fit for the user."""


class InvalidRequestError(CoreError):
    """The caller asked for something that cannot be: a bad seed range, psi or layer."""


class UnknownGeneratorError(InvalidRequestError):
    """A generator name that the weights registry does not know."""


class WeightsError(CoreError):
    """Weights that are missing, cannot be had, are damaged or do not fit."""


class UnsafeCheckpointError(WeightsError):
    """A checkpoint that would run code or exhaust memory on loading; nothing of it was run."""


class LatentsError(CoreError):
    """A latents file that cannot be read or does not fit the generator."""


class OtherGeneratorError(LatentsError):
    """Latents made by one generator, offered to another."""

    def __init__(self, found: str, wanted: str, hint: str) -> None:
        super().__init__(f"These latents were made by generator '{found}', not '{wanted}'. {hint}")
        self.found = found
        self.wanted = wanted


class OutputError(CoreError):
    """A result could not be written; what was finished before stays whole."""


class NotEnoughMemoryError(CoreError):
    """Work that does not fit into memory; the message says what to make smaller."""


class Cancelled(CoreError):  # noqa: N818 - an outcome people choose, not a fault
    """The person asked long work to stop."""
