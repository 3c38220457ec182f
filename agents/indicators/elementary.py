"""Logarithm and squashing function, from + - * / and bit operations only.

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
PIECE = 512


@kernel
def fill_logarithm(values: Floats, out: Floats) -> None:
    """ln of every element of a flat array, within two units in the last place.

    With x = 2**k * m, m in [sqrt(1/2), sqrt(2)) and s = (m - 1)/(m + 1), ln x is
    k ln 2 + 2 atanh(s) (Muller, Elementary Functions, 3rd ed. 2016); ten terms of
    the atanh series leave a relative error below 3e-17. NaN for NaN and for anything that is
    not a positive, normal, finite double.
    """
    pattern = values.view(np.uint64)
    reduced = np.empty(PIECE)
    exponent = np.empty(PIECE)
    reduced_bits = reduced.view(np.uint64)
    exponent_bits = exponent.view(np.uint64)
    for start in range(0, values.size, PIECE):
        count = min(PIECE, values.size - start)
        x = values[start : start + count]
        bits = pattern[start : start + count]
        target = out[start : start + count]
        for i in range(count):
            carried = bits[i] + CARRY_BITS
            exponent_bits[i] = (carried >> EXPONENT_SHIFT) | INTEGER_BITS
            reduced_bits[i] = (carried & SIGNIFICAND) + SQRT_HALF_BITS
        for i in range(count):
            k = exponent[i] - INTEGER_OFFSET
            m = reduced[i]
            s = (m - 1.0) / (m + 1.0)
            z = s * s
            series = 1.0 / 17.0 + z * (1.0 / 19.0)
            series = 1.0 / 15.0 + z * series
            series = 1.0 / 13.0 + z * series
            series = 1.0 / 11.0 + z * series
            series = 1.0 / 9.0 + z * series
            series = 1.0 / 7.0 + z * series
            series = 1.0 / 5.0 + z * series
            series = 1.0 / 3.0 + z * series
            twice = 2.0 * s
            log = k * LN2_HIGH + (twice + (twice * (z * series) + k * LN2_LOW))
            target[i] = log if SMALLEST_NORMAL <= x[i] < np.inf else np.nan


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
