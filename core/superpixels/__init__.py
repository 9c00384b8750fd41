"""Regions of a picture, in nested levels, whose borders lie on what is seen in it."""

from core.superpixels.regions import Regions, compute_regions
from core.superpixels.wire import BadRegionsError, from_wire, to_wire

__all__ = ["BadRegionsError", "Regions", "compute_regions", "from_wire", "to_wire"]
