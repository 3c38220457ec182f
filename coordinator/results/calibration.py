"""How forecasts of a run came true, from what each fit recorded."""

from __future__ import annotations

import numpy as np

from agents.guardian.calibration.foretold import CLASSES
from coordinator.results.record import RunRecord
from market.bars import Floats
from market.conversion import Indices


def gathered(record: RunRecord) -> Floats:
    """(4, A, C) of the whole run, as `agents.guardian.calibration.foretold` lays it out."""
    total = np.zeros((4, len(record.agents), CLASSES))
    for fit in record.calibrations:
        total += fit.foretold
    return total


def last_outcomes(record: RunRecord) -> Indices:
    """(A,) decisions behind the newest table; zeros where there is none."""
    if not record.calibrations:
        return np.zeros(len(record.agents), dtype=np.int64)
    return record.calibrations[-1].outcomes
