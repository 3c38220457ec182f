"""What the account, its positions and its trades are worth now, in account currency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from infra.brokers.v20.decimals import written
from infra.brokers.v20_server.core import Core
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.money import NOTHING, money, rounded
from infra.brokers.v20_server.trades import Trade
from infra.brokers.v20_server.wire import Json
from market.ledger import closing_price

PERCENT_DECIMALS = 5
BEYOND = 1e6
"""A percentage of nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A position at the last prices. units: signed. average: NaN where flat."""

    units: float
    average: float
    unrealised: float
    margin: float
    value: float


def held_in(core: Core, listed: Listed) -> Held:
    """The position in an instrument."""
    marks, column = core.exchange.marks, listed.column
    units = core.exchange.held(listed.symbol)
    if units == 0.0:
        return Held(units=0.0, average=math.nan, unrealised=0.0, margin=0.0, value=0.0)
    mid, rate = float(marks.mid[column]), float(marks.rate[column])
    average = core.exchange.average_price(listed.symbol)
    price = float(closing_price(units, mid, float(marks.spread[column])))
    value = abs(units) * mid * rate
    return Held(
        units=units,
        average=average,
        unrealised=units * (price - average) * rate,
        margin=value * listed.instrument.margin_rate,
        value=value,
    )


def share_of(trade: Trade, held: Held) -> float:
    """The trade's fraction of its position."""
    return float(trade.units) / held.units if held.units else 0.0


def account_value(core: Core) -> Json:
    """`CalculatedAccountState`."""
    equity, used = core.exchange.equity(), core.exchange.margin_used()
    balance = core.books.totals.balance
    worth = rounded(equity)
    unrealised = str(worth - balance)
    free = money(max(equity - used, 0.0))
    value = money(sum(held_in(core, listed).value for listed in core.listed.values()))
    fraction = core.terms.exchange.closeout_fraction
    return {
        "unrealizedPL": unrealised,
        "NAV": str(worth),
        "marginUsed": money(used),
        "marginAvailable": free,
        "positionValue": value,
        "marginCloseoutUnrealizedPL": unrealised,
        "marginCloseoutNAV": str(worth),
        "marginCloseoutMarginUsed": money(used),
        "marginCloseoutPercent": _percent(fraction * used, equity),
        "marginCloseoutPositionValue": value,
        "withdrawalLimit": free,
        "marginCallMarginUsed": money(used),
        "marginCallPercent": _percent(used, equity),
    }


def position_json(core: Core, listed: Listed) -> Json:
    """`Position`."""
    held = held_in(core, listed)
    sides = core.books.totals.sides.get(listed.symbol)
    trades = list(core.books.trades_of(listed.symbol))
    body: Json = {"instrument": listed.symbol}
    total_pl = total_financing = Decimal(0)
    for number, name in enumerate(("long", "short")):
        here = held.units > 0.0 if name == "long" else held.units < 0.0
        pl = Decimal(0) if sides is None else sides[number].pl
        financing = Decimal(0) if sides is None else sides[number].financing
        side: Json = {
            "units": listed.units(held.units if here else 0.0),
            "pl": _plain(pl),
            "resettablePL": _plain(pl),
            "financing": _plain(financing),
            "guaranteedExecutionFees": NOTHING,
            "unrealizedPL": money(held.unrealised) if here else NOTHING,
        }
        if here:
            side["averagePrice"] = listed.price(held.average)
            side["tradeIDs"] = [trade.id for trade in trades]
        body[name] = side
        total_pl, total_financing = total_pl + pl, total_financing + financing
    return {
        **body,
        "pl": _plain(total_pl),
        "resettablePL": _plain(total_pl),
        "financing": _plain(total_financing),
        "commission": NOTHING,
        "guaranteedExecutionFees": NOTHING,
        "unrealizedPL": money(held.unrealised),
        "marginUsed": money(held.margin),
    }


def trade_json(core: Core, trade: Trade) -> Json:
    """The fields that `Trade` and `TradeSummary` have in common."""
    listed = core.listed[trade.instrument]
    body: Json = {
        "id": trade.id,
        "instrument": trade.instrument,
        "price": trade.price,
        "openTime": trade.open_time,
        "state": "OPEN" if trade.is_open else "CLOSED",
        "initialUnits": str(trade.initial_units),
        "initialMarginRequired": trade.initial_margin,
        "currentUnits": str(trade.units),
        "realizedPL": _plain(trade.realized),
        "financing": _plain(trade.financing),
    }
    if trade.extensions:
        body["clientExtensions"] = trade.extensions
    if trade.closings:
        average = float(trade.closed_value / trade.closed_units)
        body["averageClosePrice"] = listed.price(average)
        body["closingTransactionIDs"] = trade.closings
    if trade.is_open:
        body |= trade_value(core, trade)
    else:
        body["closeTime"] = trade.close_time
    return body


def trade_value(core: Core, trade: Trade) -> Json:
    """What changes with the prices."""
    held = held_in(core, core.listed[trade.instrument])
    share = share_of(trade, held)
    return {
        "unrealizedPL": money(held.unrealised * share),
        "marginUsed": money(held.margin * share),
    }


def _percent(part: float, whole: float) -> str:
    if part <= 0.0:
        return written(0.0, PERCENT_DECIMALS)
    fraction = part / whole if whole > 0.0 else BEYOND
    return written(min(fraction, BEYOND), PERCENT_DECIMALS)


def _plain(amount: Decimal) -> str:
    return money(float(amount))
