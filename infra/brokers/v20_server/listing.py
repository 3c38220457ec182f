"""`Listed`: an instrument as the server's account trades it, with v20's precisions and limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from infra.brokers.v20.decimals import decimals_of, written
from infra.brokers.v20_server.wire import Json
from market.errors import InvalidError
from market.instruments import Instrument
from market.quotes import Quote

MAXIMUM_ORDER_UNITS = 100_000_000
SMALLEST_TRAIL_PIPS, LARGEST_TRAIL_PIPS = 5.0, 10_000.0
TYPES = {"fx": "CURRENCY", "metal": "METAL"}
RATE_DECIMALS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """column: in the exchange's arrays. minimum_units: of one order.

    The increments must be powers of ten: v20 tells them as a number of digits.
    """

    instrument: Instrument
    column: int
    price_decimals: int
    unit_decimals: int
    minimum_units: Decimal

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    def price(self, value: float) -> str:
        """A price as it is written."""
        return written(value, self.price_decimals)

    def units(self, value: float) -> str:
        """A number of units as it is written."""
        return written(value, self.unit_decimals)

    @property
    def trailing_limits(self) -> tuple[Decimal, Decimal]:
        """The smallest and the largest distance of a trailing stop."""
        pip = self.instrument.pip
        return (
            Decimal(self.price(SMALLEST_TRAIL_PIPS * pip)),
            Decimal(self.price(LARGEST_TRAIL_PIPS * pip)),
        )

    def on_the_grid(self, quote: Quote) -> Quote:
        """The quote at whole increments: what is shown is what is traded on."""
        if not (math.isfinite(quote.bid) and math.isfinite(quote.ask)):
            return quote
        bid, ask = float(self.price(quote.bid)), float(self.price(quote.ask))
        if (bid, ask) == (quote.bid, quote.ask):
            return quote
        return Quote(symbol=quote.symbol, time=quote.time, bid=bid, ask=ask)

    def described(self) -> Json:
        """Its v20 `Instrument`."""
        smallest, largest = self.trailing_limits
        one = self.instrument
        return {
            "name": self.symbol,
            "type": TYPES.get(one.asset_class, "CFD"),
            "displayName": f"{one.base}/{one.quote}",
            "pipLocation": -decimals_of(one.pip),
            "displayPrecision": self.price_decimals,
            "tradeUnitsPrecision": self.unit_decimals,
            "minimumTradeSize": str(self.minimum_units),
            "maximumTrailingStopDistance": str(largest),
            "minimumTrailingStopDistance": str(smallest),
            "maximumPositionSize": "0",
            "maximumOrderUnits": str(MAXIMUM_ORDER_UNITS),
            "marginRate": written(one.margin_rate, RATE_DECIMALS),
        }


def listed(
    instruments: Sequence[Instrument], minimum_units: Mapping[str, float]
) -> dict[str, Listed]:
    """By symbol. minimum_units: by symbol, where it is more than one increment.

    Raises InvalidError for increments that are no powers of ten.
    """
    unknown = set(minimum_units) - {instrument.symbol for instrument in instruments}
    if unknown:
        raise InvalidError(f"minimum units of instruments that are not traded: {sorted(unknown)}")
    found = {}
    for column, instrument in enumerate(instruments):
        unit_decimals = decimals_of(instrument.unit_increment)
        smallest = minimum_units.get(instrument.symbol, instrument.unit_increment)
        found[instrument.symbol] = Listed(
            instrument=instrument,
            column=column,
            price_decimals=decimals_of(instrument.price_increment),
            unit_decimals=unit_decimals,
            minimum_units=Decimal(written(smallest, unit_decimals)),
        )
    return found
