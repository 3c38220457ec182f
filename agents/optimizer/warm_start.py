"""`WarmStart`: what one training hands to the next, rounded, and as an array for the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.estimates.psd import cholesky
from market.bars import Floats
from market.compiled import kernel
from market.errors import DataError

# SciPy trains with a BLAS whose last bits differ between processors: angles by up to 4e-12 and the
# curvature by up to 3e-7 of itself, between OpenBLAS's kernels for Prescott, Haswell and AVX-512
# over two years of the desk's rebalances with the XY mixer. A journal's digest must not carry that,
# so what is kept is coarse beside it; `python -m benchmarks.optimizer_tables processors` counts
# where that is enough. What goes on trains from the rounded numbers too, so that a restart changes
# no bit. Training ends at slopes of 1e-2; what is rounded off costs it nothing.
ANGLE_BITS = 16
FACTOR_BITS = 10
HEAD = 3
SINGULAR = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStart:
    """What one training hands to the next.

    angles: (A,). factor: (A, A) lower triangular L, with L·Lᵀ the inverse Hessian as BFGS left it;
    None after a training without gradients. depth: how far the last training from scratch got
    below the mean cost, in standard deviations of the cost: what a re-fit is held to.
    """

    angles: Floats
    factor: Floats | None = None
    depth: float = 0.0

    @property
    def curvature(self) -> Floats | None:
        """(A, A) the inverse Hessian: symmetric, positive definite."""
        return None if self.factor is None else gram(self.factor)


def warm_start_of(angles: Floats, curvature: Floats | None, depth: float) -> WarmStart:
    """The outcome of a training to the digits that are kept: ANGLE_BITS, and FACTOR_BITS of L.

    curvature: (A, A); its symmetric part is kept where that is clearly positive definite, as BFGS
    needs it. Rounding its factor and not itself keeps it so.
    """
    return WarmStart(
        angles=to_bits(angles, ANGLE_BITS),
        factor=None if curvature is None else _rounded_factor(curvature),
        depth=float(to_bits(np.array(depth), ANGLE_BITS)),
    )


def _rounded_factor(curvature: Floats) -> Floats | None:
    if not np.isfinite(curvature).all():
        return None
    symmetric = 0.5 * (curvature + curvature.T)
    factor, positive = cholesky(symmetric, -SINGULAR * float(np.abs(symmetric).max()))
    return to_bits(factor, FACTOR_BITS) if positive else None


def to_bits(values: Floats, bits: int) -> Floats:
    """Each value to so many binary digits, ties to even; exact, so the same on any machine."""
    fraction, exponent = np.frexp(values)
    kept: Floats = np.ldexp(np.round(np.ldexp(fraction, bits)), exponent - bits)
    return kept


@kernel
def gram(lower: Floats) -> Floats:
    """L·Lᵀ, summed in a fixed order."""
    size = lower.shape[0]
    product = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = 0.0
            for k in range(j + 1):
                total += lower[i, k] * lower[j, k]
            product[i, j] = product[j, i] = total
    return product


def packed(warm_starts: Mapping[int, WarmStart]) -> Floats:
    """Warm starts by number of angles, as one array; empty where there is none.

    For each, in rising order of A: A, 1 or 0 for with or without a factor, the depth, the
    angles (A), and row by row the lower triangle of the factor (A(A + 1) / 2). `unpacked` gives
    the same bits back.
    """
    parts: list[Floats] = []
    for _, warm in sorted(warm_starts.items()):
        count = warm.angles.shape[0]
        parts += [np.array([count, warm.factor is not None, warm.depth]), warm.angles]
        if warm.factor is not None:
            parts.append(warm.factor[np.tril_indices(count)])
    return np.concatenate(parts) if parts else np.zeros(0)


def unpacked(values: Floats) -> dict[int, WarmStart]:
    """The warm starts that `packed` laid out.

    Raises DataError for an array that it did not lay out, or one that holds a NaN or an infinity.
    """
    if values.ndim != 1 or not np.isfinite(values).all():
        raise DataError(
            "optimizer: expected warm starts as one row of finite numbers, found "
            f"{values.size} of shape {values.shape}; take them from the journal as they are"
        )
    found: dict[int, WarmStart] = {}
    at = 0
    while at < values.shape[0]:
        count, factored = _head(values[at : at + HEAD])
        angles = at + HEAD
        triangle = angles + count
        at = triangle + (count * (count + 1) // 2 if factored else 0)
        if at > values.shape[0]:
            raise DataError(
                f"optimizer: warm starts of {values.shape[0]} numbers end before the {at} that "
                f"{count} angles need; the array was cut short"
            )
        found[count] = WarmStart(
            angles=values[angles:triangle].copy(),
            factor=_lower(values[triangle:at], count) if factored else None,
            depth=float(values[angles - 1]),
        )
    return found


def _head(head: Floats) -> tuple[int, bool]:
    """Number of angles, and whether a factor follows."""
    if head.shape[0] < HEAD or not 0 < head[0] < 1e6 or head[0] % 1.0 or head[1] not in (0.0, 1.0):
        raise DataError(
            "optimizer: expected the number of angles, 0 or 1, and a depth at the head of a warm "
            f"start, found {head.tolist()}"
        )
    return int(head[0]), bool(head[1])


def _lower(triangle: Floats, count: int) -> Floats:
    matrix = np.zeros((count, count))
    matrix[np.tril_indices(count)] = triangle
    if not (matrix.diagonal() > 0.0).all():
        raise DataError(
            "optimizer: expected a factor with a positive diagonal in a warm start, found "
            f"{matrix.diagonal().min():g}; the array is not one that was journaled"
        )
    return matrix
