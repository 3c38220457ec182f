"""`Protecting`: other exits for what is held, on every trade that makes it up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oandapyV20.endpoints import pricing, trades

from infra.brokers.oanda.bodies import plain
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.reading import reading
from infra.brokers.v20.decimals import read
from market.errors import InvalidError, OutcomeUnknown, QuorumError, TransientError

Raw = Mapping[str, Any]
GONE = frozenset({"NO_SUCH_TRADE", "TRADE_DOESNT_EXIST"})
LATE = "CreatedCancelTransaction"
"""How the field of an answer ends that tells of an exit which was made and not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedExits:
    """None leaves an exit as it is, NaN takes it away. trailing: a distance."""

    stop_price: float | None
    take_profit_price: float | None
    trailing: float | None

    @property
    def parts(self) -> tuple[tuple[str, str, float], ...]:
        """Those that are to change: their part of a request, its one number's name, and that."""
        every = (
            ("takeProfit", "price", self.take_profit_price),
            ("stopLoss", "price", self.stop_price),
            ("trailingStopLoss", "distance", self.trailing),
        )
        return tuple((part, field, value) for part, field, value in every if value is not None)


class Protecting:
    """Exits hang on trades: each open one of the instrument is changed by a request of its own."""

    def __init__(self, connection: OandaConnection) -> None:
        self._connection = connection
        self._account = quoted(connection.account)

    def protect(self, symbol: str, wanted: WantedExits) -> None:
        """Change the exits of all that is held. A trade that has them already is not asked about.

        Raises InvalidError where none was changed, and OutcomeUnknown, naming the trades, where
        some were, or may have been, and others not.
        """
        _check(symbol, wanted)
        held = self._trades(symbol)
        if held:
            self._check_price(symbol, wanted, read(held[0]["currentUnits"]) > 0.0)
        changed: list[str] = []
        still_held = False
        for trade in held:
            number, body = str(trade["id"]), _changes(trade, wanted)
            failure = self._change(number, body) if body else None
            if isinstance(failure, Refused) and failure.code in GONE:
                continue
            if failure is not None:
                raise _half_done(symbol, changed, number, failure)
            changed.append(number)
            still_held = True
        if not still_held:
            raise InvalidError(f"{symbol}: no position is held, so no exit can be changed")

    def _change(self, number: str, body: dict[str, Any]) -> QuorumError | None:
        """Why a trade has not the exits that were asked for; None where it has."""
        try:
            endpoint = trades.TradeCRCDO(self._account, quoted(number), body)
            answer = self._connection.ask(endpoint, trades=True)
        except (OutcomeUnknown, TransientError, InvalidError) as error:
            return error
        for field, told in answer.items():
            if field.endswith(LATE):
                why = told.get("reason") if isinstance(told, dict) else told
                return OutcomeUnknown(f"{field.removesuffix(LATE)} was not kept: {why}")
        return None

    def _trades(self, symbol: str) -> list[Raw]:
        """The open trades of an instrument, oldest first."""
        answer = self._connection.ask(trades.OpenTrades(self._account))
        with reading("the open trades"):
            found = [raw for raw in answer["trades"] if raw["instrument"] == symbol]
            return sorted(found, key=lambda raw: int(raw["id"]))

    def _check_price(self, symbol: str, wanted: WantedExits, long: bool) -> None:
        """Raises InvalidError for an exit that would close the position at the price now."""
        stop, profit = wanted.stop_price or math.nan, wanted.take_profit_price or math.nan
        if math.isnan(stop) and math.isnan(profit):
            return
        price, side = self._price(symbol, "bids" if long else "asks"), 1.0 if long else -1.0
        for what, beyond in (
            ("stop", side * (price - stop)),
            ("take profit", side * (profit - price)),
        ):
            if beyond <= 0.0:
                raise InvalidError(
                    f"{symbol}: this {what} would close the position now, at {price:g}; close it, "
                    "or choose a price that the market has not reached"
                )

    def _price(self, symbol: str, side: str) -> float:
        endpoint = pricing.PricingInfo(self._account, params={"instruments": symbol})
        answer = self._connection.ask(endpoint)
        with reading(f"the price of {symbol}"):
            for raw in answer["prices"]:
                if raw["instrument"] == symbol and raw.get(side):
                    return read(raw[side][0]["price"])
        raise TransientError(f"OANDA has no price of {symbol} now")


def _check(symbol: str, wanted: WantedExits) -> None:
    if not wanted.parts:
        raise InvalidError(f"{symbol}: no exit to change; give a stop, take profit or trail")
    for _, _, value in wanted.parts:
        if not (math.isnan(value) or 0.0 < value < math.inf):
            raise InvalidError(
                f"{symbol}: an exit needs a positive price or distance, or NaN for none; "
                f"found {value}"
            )


def _changes(trade: Raw, wanted: WantedExits) -> dict[str, Any]:
    """The body of a request that gives a trade these exits; empty where it has them."""
    body: dict[str, Any] = {}
    for part, field, value in wanted.parts:
        there = trade.get(f"{part}Order")
        if math.isnan(value):
            if there is not None:
                body[part] = None
        elif there is None or field not in there or read(there[field]) != value:
            number = plain(value, f"{part} of trade {trade['id']}")
            body[part] = {field: number, "timeInForce": "GTC"}
    return body


def _half_done(symbol: str, changed: list[str], number: str, failure: QuorumError) -> QuorumError:
    """What came of a change that ended at a trade."""
    if not changed and not isinstance(failure, OutcomeUnknown):
        return failure
    done = f"trades that have the new ones: {', '.join(changed) or 'none'}"
    return OutcomeUnknown(
        f"the exits of {symbol} are not all changed; {done}; trade {number}: {failure}. Look at "
        "the account, and ask for them again"
    )
