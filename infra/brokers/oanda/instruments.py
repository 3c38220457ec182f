"""OANDA's instruments as the desk's, with the least size that the broker takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oandapyV20.endpoints import accounts

from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.reading import reading
from infra.brokers.v20.decimals import read
from market.instruments import AssetClass, Instrument, Registry

SPREAD_PIPS = 5.0
"""Where nothing better is known; OANDA's prices and candles carry their own."""
_CLASSES: Mapping[str, AssetClass] = {"CURRENCY": "fx", "METAL": "metal", "CFD": "equity"}
_REGISTRY = Registry()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerInstrument:
    """An instrument as this account may trade it.

    minimum_units: of one order.
    """

    instrument: Instrument
    minimum_units: float

    @property
    def symbol(self) -> str:
        """`EUR_USD`."""
        return self.instrument.symbol


def broker_instrument(raw: Mapping[str, Any]) -> BrokerInstrument:
    """One of OANDA's answer. Raises DataError for one that cannot be read."""
    with reading(f"instrument {raw.get('name')}"):
        symbol = str(raw["name"])
        base, _, quote = symbol.rpartition("_")
        price, units = int(raw["displayPrecision"]), int(raw["tradeUnitsPrecision"])
        known = _REGISTRY[symbol].typical_spread_pips if symbol in _REGISTRY else SPREAD_PIPS
        return BrokerInstrument(
            instrument=Instrument(
                base=base,
                quote=quote,
                asset_class=_CLASSES.get(str(raw["type"]), "equity"),
                pip=_power(int(raw["pipLocation"])),
                price_increment=_power(-price),
                unit_increment=_power(-units),
                typical_spread_pips=known,
                margin_rate=read(raw["marginRate"]),
            ),
            minimum_units=read(raw["minimumTradeSize"]),
        )


def broker_instruments(
    connection: OandaConnection, symbols: Sequence[str] = ()
) -> tuple[BrokerInstrument, ...]:
    """Those that this account may trade, of these symbols or all, sorted.

    Raises as `OandaConnection.ask`, and DataError.
    """
    params = {"instruments": ",".join(symbols)} if symbols else {}
    answer = connection.ask(accounts.AccountInstruments(quoted(connection.account), params=params))
    with reading("the account's instruments"):
        found = [broker_instrument(raw) for raw in answer["instruments"]]
    return tuple(sorted(found, key=lambda one: one.symbol))


def _power(exponent: int) -> float:
    """The float nearest to a power of ten, which a product of tenths is not."""
    return float(f"1e{exponent}")
