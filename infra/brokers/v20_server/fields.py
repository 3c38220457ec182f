"""`Fields`: one JSON object of a request, read field by field as strictly as v20 does."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from infra.brokers.v20.times import nanoseconds_of, rfc3339
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.wire import Json, Malformed
from market.errors import DataError


class Fields:
    """reason: the first TransactionRejectReason that was found, empty while there is none.

    What is not of the protocol at all, such as a number where a string belongs, raises Malformed.
    """

    def __init__(self, given: object, path: str) -> None:
        if not isinstance(given, dict):
            raise Malformed(f"Invalid value specified for '{path}': expected a JSON object")
        self.given: Json = given
        self.path = path
        self.reason = ""

    def refuse(self, reason: str) -> None:
        """Only the first reason counts."""
        self.reason = self.reason or reason

    def text(self, name: str) -> str | None:
        """A string; None where it is not given."""
        value = self.given.get(name)
        if value is None or isinstance(value, str):
            return value
        raise Malformed(f"Invalid value specified for '{self.path}.{name}': expected a string")

    def flag(self, name: str) -> bool:
        """A boolean; false where it is not given."""
        value = self.given.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise Malformed(f"Invalid value specified for '{self.path}.{name}': expected a boolean")

    def part(self, name: str) -> Fields | None:
        """An object within."""
        value = self.given.get(name)
        return None if value is None else Fields(value, f"{self.path}.{name}")

    def choice(self, name: str, allowed: Sequence[str], default: str, reason: str) -> str:
        """One of some words."""
        value = self.text(name)
        if value is None:
            return default
        if value not in allowed:
            self.refuse(reason)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """A decimal number in a string."""
        text = self.text(name)
        if text is None:
            return None
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or "e" in text.lower():
            raise Malformed(
                f"Invalid value specified for '{self.path}.{name}': expected a decimal number"
            )
        return number

    def price(self, name: str, listed: Listed | None, *, prefix: str) -> str | None:
        """A positive price or distance at the instrument's precision, as it is written.

        prefix: of the reject reasons _INVALID and _PRECISION_EXCEEDED.
        """
        number = self.decimal(name)
        if number is None:
            return None
        decimals = 5 if listed is None else listed.price_decimals
        if number <= 0:
            self.refuse(f"{prefix}_INVALID")
        elif _decimals(number) > decimals:
            self.refuse(f"{prefix}_PRECISION_EXCEEDED")
        return _plain(number, decimals)

    def units(self, name: str, listed: Listed | None, most: int) -> str | None:
        """Signed units of an order, as they are written."""
        number = self.decimal(name)
        if number is None:
            self.refuse("UNITS_MISSING")
            return None
        decimals = 0 if listed is None else listed.unit_decimals
        if number == 0:
            self.refuse("UNITS_INVALID")
        elif _decimals(number) > decimals:
            self.refuse("UNITS_PRECISION_EXCEEDED")
        elif listed is not None and abs(number) < listed.minimum_units:
            self.refuse("UNITS_MIMIMUM_NOT_MET")
        elif abs(number) > most:
            self.refuse("UNITS_LIMIT_EXCEEDED")
        return _plain(number, decimals)

    def time(self, name: str) -> tuple[int, str] | None:
        """UTC nanoseconds, and as it is written."""
        text = self.text(name)
        if text is None:
            return None
        try:
            time = nanoseconds_of(text)
        except DataError as error:
            raise Malformed(f"Invalid value specified for '{self.path}.{name}': {error}") from None
        return time, rfc3339(time)


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _plain(number: Decimal, decimals: int) -> str:
    """At so many digits, or at as many as it has."""
    return format(number.quantize(Decimal(1).scaleb(-max(decimals, _decimals(number)))), "f")
