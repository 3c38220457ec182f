"""`Placing`: orders on their way to OANDA, each sent once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from oandapyV20.endpoints import orders, positions, pricing, trades

from infra.brokers.oanda.answers import (
    order_after,
    refused_transaction,
    rejected,
)
from infra.brokers.oanda.bodies import needs_reference, order_body, plain, sized
from infra.brokers.oanda.codes import in_words
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.finding import Finder, specifier
from infra.brokers.oanda.origins import TAKEN, Origins, Raw
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.protecting import GONE
from infra.brokers.oanda.reading import reading
from infra.brokers.v20.decimals import read
from market.accounts import BrokerOrder, OrderState
from market.errors import InvalidError, OutcomeUnknown, QuorumError, TransientError
from market.instruments import Instrument
from market.orders import OrderRequest

WAITS = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED})
NO_POSITION = frozenset({"CLOSEOUT_POSITION_DOESNT_EXIST", "NO_SUCH_POSITION"})
LESS_HELD = frozenset({"CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE"})


class Placing:
    """What changes the account. instruments: the desk's, by symbol. placed: told each order that
    leaves, before it does.
    """

    def __init__(
        self,
        connection: OandaConnection,
        origins: Origins,
        finder: Finder,
        instruments: Mapping[str, Instrument],
        placed: Callable[[OrderRequest], None],
    ) -> None:
        self._connection = connection
        self._account = quoted(connection.account)
        self._origins = origins
        self._finder = finder
        self._instruments = instruments
        self._placed = placed

    def create(self, order: OrderRequest) -> BrokerOrder:
        """Send an order; one that OANDA or this adapter refuses is answered REJECTED."""
        there = self._there(order.client_order_id)
        if there is not None:
            return there
        body = self._body(order)
        if isinstance(body, BrokerOrder):
            return body
        return self._sent(order, orders.OrderCreate(self._account, body))

    def replace(self, name: str, order: OrderRequest) -> BrokerOrder:
        """Put an order in the place of one that waits; of one that has ended, its end."""
        there = self._there(order.client_order_id)
        if there is not None:
            return there
        body = self._body(order)
        if isinstance(body, BrokerOrder):
            raise InvalidError(body.reason)
        answer = self._sent(order, orders.OrderReplace(self._account, specifier(name), body), name)
        if answer.state is OrderState.REJECTED and answer.client_order_id != name:
            raise InvalidError(f"order {name} stays: {refusal_of(answer)}")
        return answer

    def cancel(self, name: str) -> BrokerOrder:
        """Cancel an order that waits; of one that has ended, its end."""
        refused: Refused | None = None
        try:
            answer = self._connection.ask(
                orders.OrderCancel(self._account, specifier(name)), trades=True
            )
        except Refused as error:
            refused = error
        if refused is not None:
            return self._end(name, refused)
        try:
            self._origins.note(answer["orderCancelTransaction"])
            found = self._finder.find(name)
        except (KeyError, TypeError, ValueError, AttributeError, QuorumError):
            found = None
        if found is None or found.state in WAITS:
            raise OutcomeUnknown(
                f"order {name} was cancelled, and how much of it had been filled is not known; "
                "look it up"
            )
        return found

    def close(self, symbol: str, name: str, units: float = math.inf) -> BrokerOrder | None:
        """Close so many units at most of what is held of an instrument; None where nothing is."""
        there = self._there(name)
        if there is not None:
            return there
        refused: Refused | None = None
        for _ in range(2):  # what is held may change between look and request
            held = self._held(symbol)
            if held == 0.0:
                return None
            side, other = ("long", "short") if held > 0.0 else ("short", "long")
            size = sized(min(units, abs(held)), self._instruments.get(symbol))
            many = plain(size, f"units of order {name}")
            body = {
                f"{side}Units": "ALL" if math.isinf(units) else many,
                f"{other}Units": "NONE",
                f"{side}ClientExtensions": {"id": name},
            }
            endpoint = positions.PositionClose(self._account, quoted(symbol), body)
            try:
                return self._answered(name, endpoint)
            except Refused as error:
                refused = error
            if refused.code in TAKEN:
                return self._taken(name)
            if refused.code not in NO_POSITION | LESS_HELD:
                raise refused
        if refused is not None and refused.code in LESS_HELD:
            raise refused
        return None

    def close_trade(self, number: int) -> BrokerOrder | None:
        """Close one trade whole; None where it is not open. OANDA names the order itself, so that
        to a desk it is a stranger's.
        """
        endpoint = trades.TradeClose(self._account, quoted(str(number)), {"units": "ALL"})
        refused: Refused | None = None
        try:
            answer = self._connection.ask(endpoint, trades=True)
        except Refused as error:
            refused = error
        if refused is not None:
            if refused.code in GONE:
                return None
            raise refused
        try:
            told = [raw for raw in answer.values() if isinstance(raw, dict) and "type" in raw]
            for raw in told:
                self._origins.note(raw)
            found = order_after(told, self._origins)
        except (KeyError, TypeError, ValueError, QuorumError):
            found = None
        if found is None:
            raise OutcomeUnknown(
                f"the close of trade {number} was answered with what does not tell of it; look at "
                "the trade"
            )
        return found

    def _there(self, name: str) -> BrokerOrder | None:
        return self._looked_up(name) if self._finder.is_used(name) else None

    def _looked_up(self, name: str) -> BrokerOrder | None:
        """The order under an id that was used. Where OANDA cannot be asked nobody knows what became
        of it: raises OutcomeUnknown.
        """
        try:
            return self._finder.find(name)
        except (TransientError, InvalidError) as error:
            why = str(error)
        raise OutcomeUnknown(f"order {name} was sent before, and could not be looked up: {why}")

    def _body(self, order: OrderRequest) -> dict[str, Any] | BrokerOrder:
        """The request's body; the refusal where the order cannot be written."""
        reference = self._mid(order.symbol) if needs_reference(order) else math.nan
        try:
            return order_body(order, self._instruments.get(order.symbol), reference)
        except InvalidError as error:
            refused = _rejected(order, str(error))
        self._finder.note_refused(refused)
        return refused

    def _sent(self, order: OrderRequest, endpoint: Any, replaced: str = "") -> BrokerOrder:
        self._placed(order)
        refused: Refused | None = None
        try:
            return self._answered(order.client_order_id, endpoint)
        except Refused as error:
            refused = error
        if refused.status in (401, 403):
            raise refused
        if refused.code in TAKEN:
            return self._taken(order.client_order_id)
        if replaced and refused.status == 404:
            return self._end(replaced, refused)
        raw = refused_transaction(refused)
        if raw is not None:
            with reading(f"the refusal of order {order.client_order_id}"):
                self._origins.note(raw)
                return rejected(raw)
        answer = _rejected(order, str(refused))
        self._finder.note_refused(answer)
        return answer

    def _answered(self, name: str, endpoint: Any) -> BrokerOrder:
        """What the answer to a request that makes an order says of it. Raises Refused."""
        self._finder.note_sent(name)
        try:
            answer = self._connection.ask(endpoint, trades=True)
        except (TransientError, Refused):
            self._finder.note_unsent(name)
            raise
        try:
            told = _about(answer, name)
            for raw in told:
                self._origins.note(raw)
            found = order_after(told, self._origins)
        except (KeyError, TypeError, ValueError, QuorumError):
            found = None
        if found is None or found.client_order_id != name:
            raise OutcomeUnknown(
                f"order {name} was answered with what does not tell of it; look it up"
            )
        return found

    def _taken(self, name: str) -> BrokerOrder:
        found = self._looked_up(name)
        if found is None:
            raise OutcomeUnknown(
                f"OANDA has an order {name} already, and does not tell it; look it up"
            )
        return found

    def _end(self, name: str, refused: Refused) -> BrokerOrder:
        """The end of an order that could not be cancelled or replaced, for that it had one."""
        if refused.status in (401, 403):
            raise refused
        found = self._finder.find(name)
        if found is None:
            raise InvalidError(f"OANDA knows no order {name}: {refused}")
        if found.state in WAITS:
            raise TransientError(f"order {name} still waits, and OANDA refused: {refused}")
        return found

    def _held(self, symbol: str) -> float:
        answer = self._connection.ask(positions.OpenPositions(self._account))
        with reading("the account's positions"):
            for raw in answer["positions"]:
                if raw["instrument"] == symbol:
                    return read(raw["long"]["units"]) + read(raw["short"]["units"])
        return 0.0

    def _mid(self, symbol: str) -> float:
        """The mid now. Raises TransientError where there is no price."""
        answer = self._connection.ask(
            pricing.PricingInfo(self._account, params={"instruments": symbol})
        )
        with reading(f"the price of {symbol}"):
            for raw in answer["prices"]:
                if raw["instrument"] == symbol and raw.get("bids") and raw.get("asks"):
                    return (read(raw["bids"][0]["price"]) + read(raw["asks"][0]["price"])) / 2.0
        raise TransientError(f"OANDA has no price of {symbol} now")


def refusal_of(order: BrokerOrder) -> str:
    """A refusal in words, with OANDA's code."""
    said = in_words(order.reason)
    told = f"{order.reason}: {said}" if said else order.reason
    return f"order {order.client_order_id} was refused: {told}"


def _about(answer: Mapping[str, Any], name: str) -> list[Raw]:
    """The transactions of an answer that are about the new order, without those of the order that
    it replaces.
    """
    told = [raw for raw in answer.values() if isinstance(raw, dict) and "type" in raw]
    made = {raw["id"] for raw in told if (raw.get("clientExtensions") or {}).get("id") == name}
    return [raw for raw in told if raw["id"] in made or raw.get("orderID") in made]


def _rejected(order: OrderRequest, reason: str) -> BrokerOrder:
    return BrokerOrder(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        units=order.units,
        state=OrderState.REJECTED,
        transaction=0,
        reason=reason,
    )
