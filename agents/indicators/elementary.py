"""Logarithm, inverse root and squashing function, from + - * / and bit operations only.

The platform's `log` and `tanh` differ in the last bits between libraries, and numpy's own
between array layouts; these give the same bits wherever IEEE 754 doubles are.
"""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import kernel

# Bit patterns of doubles. Adding ONE - SQRT_HALF carries into the exponent exactly when the
# significand is at or above sqrt(2), so that the reduced argument lies in [sqrt(1/2), sqrt(2)).
SQRT_HALF_BITS = np.uint64(0x3FE6A09E00000000)
CARRY_BITS = np.uint64(0x3FF0000000000000 - 0x3FE6A09E00000000)
SIGNIFICAND = np.uint64(0x000FFFFFFFFFFFFF)
EXPONENT_SHIFT = np.uint64(52)
# 2**52 | e is the double 2**52 + e: an integer becomes a float without a conversion.
INTEGER_BITS = np.uint64(0x4330000000000000)
INTEGER_OFFSET = 2.0**52 + 1023.0
# ln 2 in two parts; the first has 32 significant bits, so that its product with an exponent
# is exact.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
SMALLEST_NORMAL = 2.2250738585072014e-308
# 2/3, 2/5, ... 2/15, adjusted so that seven terms serve where ten of the series would.
L1, L2, L3, L4, L5, L6, L7 = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
    2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
    1.479819860511658591e-01,
)  # fmt: skip
HALVES = np.int64(0x5FE6EB50C7B537A9)
"""Bits from which half of those of a double are taken for a first guess at its inverse root."""


@kernel
def fill_logarithm(values: Floats, out: Floats) -> None:
    """ln of every element of a series, within two units in the last place.

    With x = 2**k * m, m in [sqrt(1/2), sqrt(2)) and s = (m - 1)/(m + 1), ln x is
    k ln 2 + 2 atanh(s), the series of atanh in seven minimax terms with a relative error below
    2**-58 (fdlibm's e_log.c, 1993; Muller, Elementary Functions, 3rd ed. 2016). NaN for NaN
    and for anything that is not a positive, normal, finite double.
    """
    bits = values.view(np.uint64)
    for i in range(out.size):
        carried = bits[i] + CARRY_BITS
        k = np.uint64((carried >> EXPONENT_SHIFT) | INTEGER_BITS).view(np.float64) - INTEGER_OFFSET
        m = np.uint64((carried & SIGNIFICAND) + SQRT_HALF_BITS).view(np.float64)
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        series = L6 + z * L7
        series = L5 + z * series
        series = L4 + z * series
        series = L3 + z * series
        series = L2 + z * series
        series = L1 + z * series
        log = k * LN2_HIGH + ((s + s) + (s * (z * series) + k * LN2_LOW))
        out[i] = log if SMALLEST_NORMAL <= values[i] < np.inf else np.nan


@kernel
def inverse_root(value: float) -> float:
    """1 / sqrt(value), within three units in the last place; by multiplications, which vectorise
    at twice the speed of a root and a division.

    Four of Newton's steps from a guess within 3.5 % (Lomont, Fast Inverse Square Root, 2003).
    NaN for anything that is not a positive, normal, finite double.
    """
    half = 0.5 * value
    root = np.int64(HALVES - (np.float64(value).view(np.int64) >> 1)).view(np.float64)
    root = root * (1.5 - half * root * root)
    root = root * (1.5 - half * root * root)
    root = root * (1.5 - half * root * root)
    root = root * (1.5 - half * root * root)
    return root if SMALLEST_NORMAL <= value < np.inf else np.nan


@kernel
def squash(value: float) -> float:
    """Smooth, odd and increasing from [-3, 3] onto [-1, 1], and ±1 beyond; NaN stays NaN.

    The [3/2] Padé approximant of tanh, x (27 + x²)/(27 + 9 x²) (Baker and Graves-Morris, Padé
    Approximants, 2nd ed. 1996): within 0.024 of tanh, and of slope zero at ±3, where
    it meets ±1.
    """
    bounded = 3.0 if value > 3.0 else value
    bounded = -3.0 if bounded < -3.0 else bounded
    square = bounded * bounded
    return bounded * (27.0 + square) / (27.0 + 9.0 * square)


@kernel
def confidence(deviations: float) -> float:
    """Signed confidence in [-1, 1] of an indicator `deviations` standard deviations from zero.

    squash(0.8 z), within 0.013 of 2 Φ(z) - 1: its size is how often a standard normal variable
    would have come out smaller. Indicators of unit deviation on a random walk so give
    confidences that fill [0, 1] evenly instead of crowding at either end.
    """
    return squash(0.8 * deviations)
