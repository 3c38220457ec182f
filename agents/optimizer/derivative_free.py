"""Minimising a noisy or costly function from its values alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from market.bars import Floats
from market.errors import ConfigError, nearest

MOST_EVALUATIONS = 400


def minimize_by_values(
    function: Callable[[Floats], float],
    start: Floats,
    trainer: str,
    seed: int,
    *,
    evaluations: int = MOST_EVALUATIONS,
) -> tuple[float, Floats]:
    """The lowest value seen and where: "cobyla" (Powell 1994) or "spsa" (Spall 1998).

    SPSA draws its directions from qiskit-algorithms' generator, which is seeded with `seed`.
    """
    best = _Best(function)
    if trainer == "cobyla":
        from scipy.optimize import minimize  # noqa: PLC0415

        minimize(best, start, method="COBYLA", options={"maxiter": evaluations, "rhobeg": 0.2})
    elif trainer == "spsa":
        from qiskit_algorithms.optimizers import SPSA  # noqa: PLC0415
        from qiskit_algorithms.utils import algorithm_globals  # noqa: PLC0415

        algorithm_globals.random_seed = seed
        # Calibration takes 50 evaluations, a step two.
        SPSA(maxiter=max(1, (evaluations - 50) // 2)).minimize(best, start)
    else:
        raise ConfigError(
            f"optimizer: unknown trainer {trainer!r}{nearest(trainer, ('cobyla', 'spsa'))} "
            "(expected cobyla or spsa)"
        )
    return best.value, best.angles


class _Best:
    """Remembers the lowest value: SPSA ends where its last step led, not where it was best."""

    def __init__(self, function: Callable[[Floats], float]) -> None:
        self._function = function
        self.value = np.inf
        self.angles = np.zeros(0)

    def __call__(self, angles: Floats) -> float:
        value = self._function(angles)
        if value < self.value:
            self.value, self.angles = value, np.array(angles)
        return value
