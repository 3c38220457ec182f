"""OANDA's answer about an account as an `AccountState`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infra.brokers.oanda.answers import is_dependent
from infra.brokers.oanda.reading import reading
from infra.brokers.v20.decimals import read
from market.accounts import AccountState
from market.errors import InvalidError

Raw = Mapping[str, Any]


def account_state(raw: Raw, symbols: Sequence[str]) -> AccountState:
    """The account, as one answer tells it whole; what it holds of other instruments is left out.

    stop_price: the worst over the trades of an instrument, NaN where one has none.
    Raises DataError for one that cannot be read, InvalidError for one with opposite positions.
    """
    with reading("the account"):
        return _read(raw, symbols)


def _read(raw: Raw, symbols: Sequence[str]) -> AccountState:
    column = {symbol: place for place, symbol in enumerate(symbols)}
    units, working = np.zeros((2, len(symbols)))
    average, stops = np.full((2, len(symbols)), np.nan)
    for position in raw["positions"]:
        place = column.get(position["instrument"])
        if place is not None:
            units[place], average[place] = _position(position)
    for order in raw["orders"]:
        if not is_dependent(order) and order["instrument"] in column:
            working[column[order["instrument"]]] += read(order["units"])
    waiting = {order["id"]: order for order in raw["orders"]}
    levels: dict[str, list[float]] = {}
    for trade in raw["trades"]:
        levels.setdefault(trade["instrument"], []).append(_stop(trade, waiting))
    for symbol, prices in levels.items():
        place = column.get(symbol)
        if place is not None and units[place] != 0.0:
            # Either is NaN where one of the trades has no stop.
            worst = np.min if units[place] > 0.0 else np.max
            stops[place] = worst(prices)
    return AccountState(
        last_transaction=int(raw["lastTransactionID"]),
        units=units,
        average_price=average,
        working=working,
        stop_price=stops,
        cash=read(raw["balance"]),
        equity=read(raw["NAV"]),
        margin_used=read(raw["marginUsed"]),
    )


def _position(position: Raw) -> tuple[float, float]:
    """Signed units and their average price; NaN where flat."""
    long, short = position["long"], position["short"]
    bought, sold = read(long["units"]), read(short["units"])
    if bought and sold:
        raise InvalidError(
            f"the account holds {bought:g} and {sold:g} {position['instrument']} at once; the desk "
            "keeps one netted position an instrument: switch hedging off at OANDA"
        )
    if not bought and not sold:
        return 0.0, math.nan
    return bought + sold, read((long if bought else short)["averagePrice"])


def _stop(trade: Raw, waiting: Mapping[str, Raw]) -> float:
    """The stop that a trade meets first; NaN where it has none."""
    long = read(trade["currentUnits"]) > 0.0
    found = [
        price
        for field in ("stopLossOrderID", "trailingStopLossOrderID", "guaranteedStopLossOrderID")
        if trade.get(field) in waiting
        if not math.isnan(price := _level(waiting[trade[field]], read(trade["price"]), long))
    ]
    if not found:
        return math.nan
    return max(found) if long else min(found)


def _level(order: Raw, opened: float, long: bool) -> float:
    """The price at which a stop order triggers; NaN where it does not tell one yet."""
    if order["type"] == "TRAILING_STOP_LOSS":
        told = order.get("trailingStopValue")
        return math.nan if told is None else read(told)
    if "price" in order:
        return read(order["price"])
    distance = read(order["distance"])
    return opened - distance if long else opened + distance
