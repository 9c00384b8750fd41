"""Chosen parts of one face in another: by blended maps, or by codes where parts have their own."""

from core.regions.coding import coded_parts, with_codes_of
from core.regions.mixing import SOFTNESS, Mixed, NothingToTakeError, RegionMixer
from core.regions.parts import PARTS, Take, checked_takes, parse_takes

__all__ = [
    "PARTS",
    "SOFTNESS",
    "Mixed",
    "NothingToTakeError",
    "RegionMixer",
    "Take",
    "checked_takes",
    "coded_parts",
    "parse_takes",
    "with_codes_of",
]
