"""How far linear indicators swing on a driftless random walk: the yardstick that compares them.

A linear indicator is described by its response: the change of its value for a unit return j bars
ago, j = 0, 1, ... On independent returns of deviation σ its own deviation is σ times the
Euclidean norm of the response. All in plain floats, summed exactly, so that the constants that
follow are the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Response = list[float]


def norm(response: Sequence[float]) -> float:
    """Deviation of the indicator in units of the deviation of one return."""
    return math.sqrt(math.fsum(value * value for value in response))


def unit(response: Sequence[float]) -> Response:
    """The response scaled to norm 1."""
    size = norm(response)
    return [value / size for value in response]


def return_response(bars: int, length: int) -> Response:
    """Of the return over `bars` bars."""
    return [1.0 if age < bars else 0.0 for age in range(length)]


def average_response(window: int, length: int) -> Response:
    """Of the log price's simple average: the share of its window from the return on."""
    return [min(age + 1, window) / window for age in range(length)]


def exponential_response(decay: float, length: int) -> Response:
    """Of the log price's exponential average, taps without end."""
    return smoothed([1.0] * length, decay)


def smoothed(response: Sequence[float], decay: float) -> Response:
    """Of the exponential average of an indicator, taps without end."""
    state = 0.0
    smooth = []
    for value in response:
        state = decay * state + (1.0 - decay) * value
        smooth.append(state)
    return smooth


def difference(first: Sequence[float], second: Sequence[float]) -> Response:
    """Of the first indicator less the second."""
    return [a - b for a, b in zip(first, second, strict=True)]


def mean(responses: Sequence[Sequence[float]]) -> Response:
    """Of the plain average of several indicators."""
    return [math.fsum(values) / len(values) for values in zip(*responses, strict=True)]


def net_strength_response(decay: float, length: int) -> Response:
    """Of RSI / 50 - 1, to first order, for normal returns of deviation 1.

    The average change over the average size of a change, which is sqrt(2/π).
    """
    impulse = [1.0] + [0.0] * (length - 1)
    return [value * math.sqrt(0.5 * math.pi) for value in smoothed(impulse, decay)]
