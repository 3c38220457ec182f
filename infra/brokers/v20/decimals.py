"""Decimal numbers as v20 writes them: plain digits in a string, never an exponent, never NaN."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

from market.errors import DataError, InvalidError

MONEY_DECIMALS = 4
"""Of amounts in the account's currency."""


def decimals_of(increment: float) -> int:
    """Digits after the point that multiples of an increment need; negative where it is above 1.

    Raises InvalidError where an increment is not a power of ten.
    """
    digits = round(-math.log10(increment)) if increment > 0.0 else 0
    if not math.isclose(increment, 10.0**-digits, rel_tol=1e-9):
        raise InvalidError(f"expected a power of ten as an increment, found {increment}")
    return digits


def written(value: float, decimals: int) -> str:
    """A number at so many digits after the point, rounded half to even on its decimal value.

    Raises InvalidError for NaN and infinities, which the protocol cannot say.
    """
    if not math.isfinite(value):
        raise InvalidError(f"v20 has no way to write {value}; expected a finite number")
    step = Decimal(1).scaleb(-decimals)
    rounded = Decimal(repr(value)).quantize(step)
    return format(abs(rounded) if rounded.is_zero() else rounded, "f")


def read(text: object) -> float:
    """The number that a string of the protocol holds. Raises DataError."""
    return float(exact(text))


def exact(text: object) -> Decimal:
    """The same without rounding it to binary. Raises DataError."""
    try:
        if isinstance(text, str):
            number = Decimal(text)
            if number.is_finite():
                return number
    except InvalidOperation:
        pass
    raise DataError(f"expected a decimal number in a string, found {text!r}")
