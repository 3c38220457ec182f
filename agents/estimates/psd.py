"""Positive semidefinite matrices: the test, the solve, and the nearest one."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import kernel
from market.errors import DataError

ROUNDING = 1e-10
MAX_REPAIR = 0.05
ASYMMETRY = 1e-9


@kernel
def cholesky(matrix: Floats, ridge: float) -> tuple[Floats, bool]:
    """Lower L with L·Lᵀ = matrix + ridge·I, and whether every pivot was positive.

    Written out so that the bits do not depend on the linear algebra library or its threads.
    """
    size = matrix.shape[0]
    lower = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total += ridge
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                if not total > 0.0:
                    return lower, False
                lower[i, i] = np.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    return lower, True


@kernel
def inverse_quadratic_form(lower: Floats, vector: Floats) -> float:
    """vᵀA⁻¹v for A = L·Lᵀ: the squared length of L⁻¹v."""
    size = vector.shape[0]
    solved = np.empty(size)
    total = 0.0
    for i in range(size):
        value = vector[i]
        for k in range(i):
            value -= lower[i, k] * solved[k]
        solved[i] = value / lower[i, i]
        total += solved[i] * solved[i]
    return total


def is_symmetric(matrix: Floats) -> bool:
    """True where a matrix equals its transpose up to 1e-9 of its largest entry."""
    return bool(np.abs(matrix - matrix.T).max() <= ASYMMETRY * np.abs(matrix).max())


def is_psd(matrix: Floats) -> bool:
    """True for a symmetric matrix without negative eigenvalues, up to rounding (1e-10 relative)."""
    largest = float(np.abs(matrix).max())
    if largest == 0.0:
        return True
    return bool(cholesky(np.ascontiguousarray(matrix), ROUNDING * largest)[1])


def nearest_psd(matrix: Floats) -> tuple[Floats, str | None]:
    """The nearest symmetric positive semidefinite matrix, and a warning where that is another one.

    Of the symmetric part, negative eigenvalues become zero: the nearest in the Frobenius norm
    (Higham 1988, Linear Algebra and its Applications 103, theorem 2.1). The input is finite; what
    is asymmetric by rounding only is made symmetric without a word. Raises DataError where the
    repair would move it by more than 5 % of its norm: such a matrix is no covariance that was
    rounded, it is wrong.
    """
    symmetric = 0.5 * (matrix + matrix.T)
    skewed = not is_symmetric(matrix)
    if is_psd(symmetric):
        repaired, smallest = symmetric, None
        if not skewed:
            return symmetric, None
    else:
        values, vectors = np.linalg.eigh(symmetric)
        repaired = (vectors * np.maximum(values, 0.0)) @ vectors.T
        repaired, smallest = 0.5 * (repaired + repaired.T), float(values[0])
    moved = float(np.linalg.norm(matrix - repaired) / np.linalg.norm(matrix))
    reasons = ["it is not symmetric"] * skewed
    reasons += [] if smallest is None else [f"its smallest eigenvalue is {smallest:g}"]
    why = " and ".join(reasons)
    if moved > MAX_REPAIR:
        raise DataError(
            f"covariance: far from positive semidefinite: {why}; the nearest valid matrix is "
            f"{moved:.1%} of its norm away, at most {MAX_REPAIR:.0%} is repaired. Check its rows."
        )
    return repaired, (
        f"covariance repaired to the nearest positive semidefinite matrix: {why}; moved by "
        f"{moved:.2%} of its norm"
    )
