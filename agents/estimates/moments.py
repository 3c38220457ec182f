"""Mean and shrunk covariance of a window of returns in one pass, bit for bit everywhere."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import kernel


@kernel
def shrunk_moments(window: Floats) -> tuple[Floats, Floats, Floats, float]:
    """Means (M,), shrunk pairwise covariance (M, M), joint counts (M, M) and the intensity.

    Written out, not taken from scikit-learn, so that the bits do not depend on the linear
    algebra library, its threads or the processor; live and replay must agree to the last.
    """
    rows, columns = window.shape
    means, centred, seen = _centred(window)
    products = np.zeros((columns, columns))
    counts = np.zeros((columns, columns))
    fourth = 0.0
    for t in range(rows):
        square = 0.0
        for i in range(columns):
            square += centred[t, i] * centred[t, i]
            for j in range(i + 1):
                products[i, j] += centred[t, i] * centred[t, j]
                counts[i, j] += seen[t, i] * seen[t, j]
        fourth += square * square
    intensity = _intensity(products, fourth, rows)
    covariance = np.zeros((columns, columns))
    trace = 0.0
    for i in range(columns):
        for j in range(i + 1):
            value = products[i, j] / counts[i, j] if counts[i, j] > 0.0 else 0.0
            covariance[i, j] = covariance[j, i] = (1.0 - intensity) * value
            counts[j, i] = counts[i, j]
            if i == j:
                trace += value
    for i in range(columns):
        covariance[i, i] += intensity * trace / columns
    return means, covariance, counts, intensity


@kernel
def _centred(window: Floats) -> tuple[Floats, Floats, Floats]:
    rows, columns = window.shape
    means = np.zeros(columns)
    centred = np.zeros((rows, columns))
    seen = np.zeros((rows, columns))
    for j in range(columns):
        total, count = 0.0, 0.0
        for t in range(rows):
            if not np.isnan(window[t, j]):
                total += window[t, j]
                count += 1.0
                seen[t, j] = 1.0
        means[j] = total / count
        for t in range(rows):
            if seen[t, j] > 0.0:
                centred[t, j] = window[t, j] - means[j]
    return means, centred, seen


@kernel
def _intensity(products: Floats, fourth: float, rows: int) -> float:
    columns = products.shape[0]
    trace, squares = 0.0, 0.0
    for i in range(columns):
        trace += products[i, i] / rows
        for j in range(i + 1):
            entry = products[i, j] / rows
            squares += entry * entry * (1.0 if i == j else 2.0)
    distance = squares - trace * trace / columns
    error = (fourth / rows - squares) / rows
    if not error > 0.0 or not distance > 0.0:
        return 0.0
    share: float = min(error, distance) / distance
    return share
