"""`FakeBroker`: a live broker in memory, whose market and faults are in the test's hands."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from infra.brokers.paper.live.history import BarsInProgress, panel_of
from market.accounts import (
    AccountState,
    BrokerOrder,
    OrderState,
    StreamUpdate,
    Transaction,
    TransactionKind,
)
from market.bar_window import BarSlice
from market.bars import Bars, Floats
from market.conversion import conversion, quote_rate
from market.errors import InvalidError, OutcomeUnknown, StreamLost, TransientError
from market.instruments import Registry
from market.ledger import book_fill, closing_price, equity, open_ledger
from market.orders import Bracket, Fill, OrderRequest, TimeInForce
from market.quotes import Quote
from tests.exchanges import CASH, START, SYMBOLS
from tests.fake_entries import ends_at, force_of, is_reached, price_for, refused_entry
from tests.fake_exits import Exits

SECOND = 1_000_000_000
NO_BRACKET = Bracket(stop=np.nan, take_profit=np.nan, trailing=None)


STATES = {
    TransactionKind.CANCELLED: OrderState.CANCELLED,
    TransactionKind.EXPIRED: OrderState.EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An order that waits. stood: its price when it was taken. until: when its time is over.
    reduces: what is held when it fills, by its units at most.
    """

    order: OrderRequest
    stood: float
    until: float
    reduces: bool


def closing(symbol: str, units: float, client_order_id: str) -> OrderRequest:
    """An order that takes a position down, at whatever price."""
    return OrderRequest(
        client_order_id=client_order_id,
        sequence=0,
        symbol=symbol,
        units=units,
        bracket=NO_BRACKET,
        lowest_price=0.0,
        highest_price=np.inf,
        reference_price=np.nan,
    )


class FakeBroker:
    """An order waits for the next quote of its instrument that reaches it and fills at its bid or
    ask: whole, or as much of it as `liquidity` units.

    Any thread may call. refusing: symbols whose orders are rejected. reachable: without it nothing
    is done and every call raises TransientError, and streams end. answering: without it orders are
    taken and nobody is told. misreported: units by symbol that `account` tells instead of its own.
    """

    def __init__(
        self,
        symbols: Sequence[str] = SYMBOLS,
        *,
        interval_s: int = 60,
        liquidity: float = np.inf,
    ) -> None:
        self.symbols = tuple(symbols)
        self.liquidity = liquidity
        self.instruments = tuple(Registry()[symbol] for symbol in symbols)
        self.interval_s = interval_s
        self.time = START
        self.refusing: set[str] = set()
        self.reachable = self.answering = True
        self.unheard = 0  # cancellations that get no answer and have no effect
        self.misreported: dict[str, float] = {}
        self.asked: list[str] = []
        self.lock = threading.RLock()
        self._paths = conversion(self.instruments, "USD")
        self._ledger = open_ledger(len(symbols), CASH)
        self._mid, self._spread = np.full((2, len(symbols)), np.nan)
        self._exits: dict[int, Exits] = {}
        self._orders: dict[str, BrokerOrder] = {}
        self._waiting: dict[str, Waiting] = {}
        self._told: list[Transaction] = []
        self._streams: list[FakeStream] = []
        self._bars = BarsInProgress(len(symbols), interval_s)
        self._bars.close_due(START)
        self._closed: list[BarSlice] = []
        self._tell(TransactionKind.TRANSFER, "", "", amount=CASH)

    # The market

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: float = 1) -> None:
        """The next quote, so many seconds later: it fills what waits and triggers exits."""
        with self.lock:
            self.time += round(seconds * SECOND)
            quote = Quote(
                symbol=symbol, time=self.time, bid=mid - spread / 2.0, ask=mid + spread / 2.0
            )
            closed = self._bars.close_due(self.time)
            if closed is not None:
                self._closed.append(closed)
            column = self.symbols.index(symbol)
            self._bars.add(column, quote)
            self._mid[column], self._spread[column] = quote.mid, quote.spread
            for item in [*self._waiting.values()]:
                if item.until <= self.time:
                    self._end(item.order, TransactionKind.EXPIRED, "TIME_IN_FORCE_EXPIRED")
                elif item.order.symbol == symbol:
                    self._meet(column, item, quote)
            self._exit(column, quote)
            for stream in self._streams:
                stream.offer(quote)

    def note(self, reason: str) -> Transaction:
        """A transaction that moves nothing."""
        with self.lock:
            return self._tell(TransactionKind.NOTED, "", "", reason=reason)

    def lose_transaction(self) -> None:
        """Number the next transaction as if one before it had been lost."""
        with self.lock:
            self._told.append(Transaction(
                id=len(self._told) + 2,
                time=self.time,
                kind=TransactionKind.TRANSFER,
                client_order_id="",
                symbol="",
            ))  # fmt: skip
            for stream in self._streams:
                stream.ring()

    def drop_streams(self) -> None:
        """Hang up on everyone who listens."""
        with self.lock:
            for stream in self._streams:
                stream.lost = True
                stream.ring()
            self._streams.clear()

    def hang_up(self) -> None:
        """Let go of every stream."""
        for stream in self._streams:
            stream.close()

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Nobody reaches the broker for a while."""
        self.reachable = False
        self.drop_streams()
        try:
            yield
        finally:
            self.reachable = True

    # What a gateway asks

    def place(self, order: OrderRequest) -> BrokerOrder:
        (answer,) = self.place_all((order,))
        if answer.state is OrderState.REJECTED:
            raise InvalidError(answer.reason)
        return answer

    def place_all(self, orders: Sequence[OrderRequest]) -> tuple[BrokerOrder, ...]:
        with self._asked("place_all"):
            answers = tuple(self._take(order) for order in orders)
        if not self.answering:
            raise OutcomeUnknown("place_all was sent and not answered")
        return answers

    def find(self, client_order_id: str) -> BrokerOrder | None:
        with self._asked("find"):
            return self._orders.get(client_order_id)

    def working(self) -> tuple[BrokerOrder, ...]:
        with self._asked("working"):
            return tuple(self._orders[name] for name in self._waiting)

    def cancel(self, client_order_id: str) -> BrokerOrder:
        with self._asked("cancel"):
            if self.unheard:
                self.unheard -= 1
                raise OutcomeUnknown(f"cancel {client_order_id} was sent and not answered")
            if client_order_id not in self._orders:
                raise InvalidError(f"no order {client_order_id}")
            if client_order_id in self._waiting:
                order = self._waiting[client_order_id].order
                self._end(order, TransactionKind.CANCELLED, "CLIENT_REQUEST")
            return self._orders[client_order_id]

    def replace(self, client_order_id: str, order: OrderRequest) -> BrokerOrder:
        with self._asked("replace"):
            if client_order_id not in self._orders:
                raise InvalidError(f"no order {client_order_id}")
            name, waits = order.client_order_id, client_order_id in self._waiting
            if name not in self._orders:
                if not waits:
                    return self._orders[client_order_id]
                if not self._refused(order):
                    self._put_in_place(client_order_id, order)
            answer = self._take(order)
            if answer.state is OrderState.REJECTED:
                raise InvalidError(answer.reason)
        if not self.answering:
            raise OutcomeUnknown("replace was sent and not answered")
        return answer

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder | None:
        with self._asked("close"):
            held = self._held(symbol)
            known = self._orders.get(client_order_id)
            if known is not None or held == 0.0:
                return known
            return self._take(closing(symbol, -held, client_order_id), reduces=True)

    def reduce(self, symbol: str, units: float, client_order_id: str) -> BrokerOrder | None:
        with self._asked("reduce"):
            held = self._held(symbol)
            if not 0.0 < units < np.inf:
                raise InvalidError(f"expected positive units, found {units}")
            known = self._orders.get(client_order_id)
            if known is not None or held == 0.0:
                return known
            order = closing(symbol, -float(np.copysign(units, held)), client_order_id)
            answer = self._take(order, reduces=True)
            if answer.state is OrderState.REJECTED:
                raise InvalidError(answer.reason)
            return answer

    def protect(
        self,
        symbol: str,
        *,
        stop_price: float | None = None,
        take_profit_price: float | None = None,
        trailing: float | None = None,
    ) -> None:
        with self._asked("protect"):
            held = self._held(symbol)
            if held == 0.0:
                raise InvalidError(f"{symbol}: no position is held")
            column, side = self.symbols.index(symbol), float(np.sign(held))
            exits = self._exits[column].changed(
                side,
                float(closing_price(held, self._mid[column], self._spread[column])),
                stop_price=stop_price,
                take_profit_price=take_profit_price,
                trailing=trailing,
            )
            self._exits[column] = exits
            self._tell(TransactionKind.NOTED, exits.opened_by, symbol, reason="EXITS_CHANGED")

    def account(self) -> AccountState:
        with self._asked("account"):
            ledger = self._ledger
            working = np.zeros(len(self.symbols))
            for name, item in self._waiting.items():
                left = item.order.units - self._orders[name].filled
                working[self.symbols.index(item.order.symbol)] += left
            stops = np.full(len(self.symbols), np.nan)
            for column, exits in self._exits.items():
                stops[column] = exits.stop
            units = ledger.units.copy()
            for symbol, told in self.misreported.items():
                units[self.symbols.index(symbol)] = told
            held = np.flatnonzero(ledger.units)
            rate = self._rates()
            margin_rate = np.array([one.margin_rate for one in self.instruments])
            notional = np.abs(ledger.units[held]) * self._mid[held] * rate[held]
            return AccountState(
                last_transaction=len(self._told),
                units=units,
                average_price=ledger.average_price.copy(),
                working=working,
                stop_price=stops,
                cash=float(ledger.cash[0]),
                equity=float(equity(ledger, self._mid, self._spread, rate)),
                margin_used=float(np.sum(notional * margin_rate[held])),
            )

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        with self._asked("transactions"):
            return tuple(self._told[after:])

    def history(self, interval_s: int, bars: int) -> Bars:
        with self._asked("history"):
            assert interval_s == self.interval_s
            return panel_of(self._closed[-bars:], self.symbols, interval_s)

    def subscribe(self, after: int) -> FakeStream:
        with self._asked("subscribe"):
            stream = FakeStream(self, after)
            self._streams.append(stream)
            return stream

    # How orders meet the market

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        with self.lock:
            self.asked.append(what)
            if not self.reachable:
                raise TransientError(f"{what}: the broker cannot be reached")
            yield

    def _held(self, symbol: str) -> float:
        if symbol not in self.symbols:
            raise InvalidError(f"{symbol} is not traded here")
        return float(self._ledger.units[self.symbols.index(symbol)])

    def _take(self, order: OrderRequest, *, reduces: bool = False) -> BrokerOrder:
        known = self._orders.get(order.client_order_id)
        if known is not None:
            return known
        refused = self._refused(order)
        kind = TransactionKind.REJECTED if refused else TransactionKind.ACCEPTED
        self._orders[order.client_order_id] = BrokerOrder(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            units=order.units,
            state=OrderState.REJECTED if refused else OrderState.ACCEPTED,
            transaction=self._tell(kind, order.client_order_id, order.symbol, reason=refused).id,
            reason=refused,
        )
        if not refused:
            column = self.symbols.index(order.symbol)
            half = 0.5 * float(np.sign(order.units)) * self._spread[column]
            self._waiting[order.client_order_id] = Waiting(
                order=order,
                stood=float(self._mid[column] + half),
                until=ends_at(order, self.time),
                reduces=reduces,
            )
        return self._orders[order.client_order_id]

    def _refused(self, order: OrderRequest) -> str:
        if order.symbol not in self.symbols:
            return f"{order.symbol} is not traded here"
        if order.symbol in self.refusing:
            return f"{order.symbol} is closed"
        increment = self.instruments[self.symbols.index(order.symbol)].unit_increment
        if order.units % increment != 0.0 or order.units == 0.0:
            return f"expected whole units, found {order.units}"
        return refused_entry(order, self.time)

    def _meet(self, column: int, item: Waiting, quote: Quote) -> None:
        order, force = item.order, force_of(item.order)
        name, price = order.client_order_id, price_for(order, quote)
        begun, at_once = self._orders[name], force in (TimeInForce.FOK, TimeInForce.IOC)
        if not is_reached(order, price, item.stood, begun.filled):
            if at_once:
                self._end(order, TransactionKind.EXPIRED, "TIME_IN_FORCE_EXPIRED")
            return
        if not order.lowest_price <= price <= order.highest_price:
            self._end(order, TransactionKind.CANCELLED, "PRICE_BOUND")
            return
        left = order.units - begun.filled
        if item.reduces:
            held = float(self._ledger.units[column])
            left = float(np.sign(left)) * min(abs(left), abs(held)) if held * left < 0.0 else 0.0
            if left == 0.0:
                self._end(order, TransactionKind.CANCELLED, "NO_POSITION")
                return
        part = float(np.sign(left)) * min(abs(left), self.liquidity)
        filled = part == left or force is not TimeInForce.FOK
        if filled:
            self._fill(column, name, part, price, "DECISION", order)
            self._orders[name] = replace(
                begun,
                state=OrderState.FILLED if part == left else OrderState.PARTIALLY_FILLED,
                transaction=len(self._told),
                filled=begun.filled + part,
            )
        if part == left:
            del self._waiting[name]
        elif at_once:
            self._end(order, TransactionKind.CANCELLED, "INSUFFICIENT_LIQUIDITY")
        held = self._ledger.units[column]
        if filled and held * order.units > 0.0:
            side, bracket = float(np.sign(held)), order.bracket
            self._exits[column] = Exits(
                opened_by=name,
                stop=price - side * bracket.stop,
                take_profit=price + side * bracket.take_profit,
                trailing=bracket.trailing,
            )

    def _exit(self, column: int, quote: Quote) -> None:
        exits, held = self._exits.get(column), float(self._ledger.units[column])
        if exits is None or held == 0.0:
            return
        side, price = np.sign(held), float(closing_price(held, quote.mid, quote.spread))
        if side * (price - exits.stop) <= 0.0:
            reason = "STOP_LOSS" if exits.trailing is None else "TRAILING_STOP"
            self._fill(column, exits.opened_by, -held, price, reason)
        elif side * (price - exits.take_profit) >= 0.0:
            self._fill(column, exits.opened_by, -held, price, "TAKE_PROFIT")
        else:
            self._exits[column] = exits.pulled(side, price)

    def _fill(
        self,
        column: int,
        name: str,
        units: float,
        price: float,
        reason: str,
        order: OrderRequest | None = None,
    ) -> None:
        rate, mid = float(self._rates()[column]), float(self._mid[column])
        decided = np.nan if order is None else order.reference_price
        realised = float(book_fill(self._ledger, column, units, price, rate))
        if self._ledger.units[column] == 0.0:
            self._exits.pop(column, None)
        fill = Fill(
            client_order_id=name,
            sequence=0,
            time=self.time,
            symbol=self.symbols[column],
            units=units,
            price=price,
            mid=mid,
            rate=rate,
            reason=reason,
            realised=realised,
            spread_cost=abs(units) * abs(price - mid) * rate,
            slippage_cost=0.0,
            slippage_bps=float(np.sign(units)) * (price - decided) / mid * 1e4,
        )
        self._tell(TransactionKind.FILLED, name, fill.symbol, fill=fill)

    def _end(self, order: OrderRequest, kind: TransactionKind, reason: str) -> None:
        name = order.client_order_id
        del self._waiting[name]
        told = self._tell(kind, name, order.symbol, reason=reason)
        self._orders[name] = replace(
            self._orders[name], state=STATES[kind], transaction=told.id, reason=reason
        )

    def _put_in_place(self, old: str, order: OrderRequest) -> None:
        name = order.client_order_id
        waits = self._waiting.pop(old).order
        told = self._tell(TransactionKind.REPLACED, old, waits.symbol, reason=name)
        self._orders[old] = replace(
            self._orders[old],
            state=OrderState.REPLACED,
            transaction=told.id,
            reason="REPLACED",
            replaced_by=name,
        )

    def _tell(self, kind: TransactionKind, name: str, symbol: str, **facts: Any) -> Transaction:
        told = Transaction(
            id=len(self._told) + 1,
            time=self.time,
            kind=kind,
            client_order_id=name,
            symbol=symbol,
            **facts,
        )
        self._told.append(told)
        for stream in self._streams:
            stream.ring()
        return told

    def _rates(self) -> Floats:
        columns = range(len(self.symbols))
        return np.array([quote_rate(self._paths, self._mid, c, self._mid[c]) for c in columns])

    def told_to(self, stream: FakeStream) -> StreamUpdate:
        """What a stream has not taken yet."""
        with self.lock:
            quotes, skipped = tuple(stream.quotes.values()), stream.skipped
            transactions = tuple(self._told[stream.after :])
            stream.after, stream.skipped = len(self._told), 0
            stream.quotes.clear()
            return StreamUpdate(
                time=self.time, quotes=quotes, transactions=transactions, skipped=skipped
            )


class FakeStream:
    """Readable at once, and whenever something came that was not taken."""

    def __init__(self, broker: FakeBroker, after: int) -> None:
        self.after = after
        self.quotes: dict[str, Quote] = {}
        self.skipped = 0
        self.lost = False
        self._broker = broker
        self._heard, self._bell = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._bell, False)
        self._closed = False
        self.ring()

    def offer(self, quote: Quote) -> None:
        """The newest quote of an instrument waits; the one before is skipped."""
        self.skipped += self.quotes.pop(quote.symbol, None) is not None
        self.quotes[quote.symbol] = quote
        self.ring()

    def ring(self) -> None:
        if not self._closed:
            try:
                os.write(self._bell, b".")
            except BlockingIOError:
                return  # it is readable anyway

    def fileno(self) -> int:
        return self._heard

    def take(self) -> StreamUpdate:
        with contextlib.suppress(BlockingIOError):
            os.read(self._heard, 1 << 16)
        if self.lost:
            raise StreamLost("the broker hung up")
        return self._broker.told_to(self)

    def close(self) -> None:
        with self._broker.lock:  # nobody rings a bell that is another's by now
            if not self._closed:
                self._closed = True
                os.close(self._heard)
                os.close(self._bell)


class FakeBench:
    """The fake under the contract that every live broker keeps."""

    def __init__(self, folder: Path, *, liquidity: float = np.inf) -> None:
        del folder
        self.broker = FakeBroker(liquidity=liquidity)

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: int = 1) -> None:
        self.broker.market(symbol, mid, spread, seconds=seconds)

    def close(self) -> None:
        self.broker.hang_up()
