"""Semantic directions: sliders that change one thing about a face.

The value and its files
    direction.py      Direction: what is added to ws, in which unit, how far it is safe
    files.py          a set of directions in one file
Where directions come from
    fitting.py        two sets of faces: a linear boundary, or people's own few
    regression.py     measured values: move one attribute, hold others
    sefa.py           the generator's weights, without a label
    ganspace.py       the principal components of random faces
    layers.py         what a fit sees of a face whose layers differ
    distribution.py   the spread of w, which gives all of them their unit
What they are worth
    effects.py        effect, leakage, spread and identity change, measured on pictures
    safe_range.py     how far faces hold
    calibration.py    units from measured effects
    disentangling.py  combinations that leak little and stay among the faces there are
"""

from core.directions.calibration import calibrated
from core.directions.direction import Direction
from core.directions.disentangling import Basis, disentangled
from core.directions.distribution import WDistribution
from core.directions.effects import Effect, measure_effect
from core.directions.files import read_directions, save_directions
from core.directions.fitting import fit_boundary, fit_from_sets
from core.directions.ganspace import ganspace_directions
from core.directions.regression import fit_regression
from core.directions.sefa import sefa_directions

__all__ = [
    "Basis",
    "Direction",
    "Effect",
    "WDistribution",
    "calibrated",
    "disentangled",
    "fit_boundary",
    "fit_from_sets",
    "fit_regression",
    "ganspace_directions",
    "measure_effect",
    "read_directions",
    "save_directions",
    "sefa_directions",
]
