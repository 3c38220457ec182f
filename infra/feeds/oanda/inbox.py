"""`Inbox`: what the streams brought and the reader has not taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from infra.brokers.v20.times import nanoseconds_of
from infra.feeds.oanda.broker_clock import BrokerClock
from infra.feeds.oanda.prices import PriceSlots, price_of
from infra.feeds.oanda.sequence import Question, TransactionSequence
from market.accounts import StreamUpdate, Transaction
from market.errors import DataError

HEARTBEAT = "HEARTBEAT"


class Inbox:
    """Any thread may call; nothing here waits for anybody.

    news: called, outside of any lock, when there is something to take. Messages that cannot be read
    raise DataError, but for prices: those are counted, and the price that was known grows old.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        after: int,
        transaction_of: Callable[[dict[str, Any]], Transaction],
        clock: BrokerClock,
        news: Callable[[], None],
    ) -> None:
        self._transaction_of = transaction_of
        self._clock = clock
        self._news = news
        self._lock = threading.Lock()
        self._slots = PriceSlots(symbols)
        self._sequence = TransactionSequence(after)
        self._given: list[Transaction] = []
        self._prices_missed = False
        self.unreadable = 0

    def price_message(self, message: Mapping[str, Any]) -> None:
        """A message of the price stream, or a price that was asked for."""
        kind = message.get("type", "PRICE")
        try:
            if kind == HEARTBEAT:
                self._stated(nanoseconds_of(message.get("time")), sure=True)
                return
            if kind != "PRICE":
                return
            price = price_of(message)
        except DataError:
            self.unreadable += 1
            return
        with self._lock:
            self._clock.stated(price.time, sure=False)
            fresh = self._slots.put(price)
        if fresh:
            self._news()

    def transaction_message(self, message: dict[str, Any]) -> None:
        """A message of the transaction stream. Raises DataError."""
        if message.get("type") == HEARTBEAT:
            time, newest = nanoseconds_of(message.get("time")), _id(message)
            with self._lock:
                self._sequence.announced(newest)
                self._clock.stated(time, sure=True)
            self._news()
            return
        transaction = self._transaction_of(message)
        with self._lock:
            self._clock.stated(transaction.time, sure=True)
            given = self._sequence.take(transaction)
            self._given += given
        if given:
            self._news()

    def missed(self) -> None:
        """Nobody listened for a while: the record must be asked."""
        with self._lock:
            self._sequence.missed()

    def prices_missed(self) -> None:
        """The price stream was away for a while: nobody tells what was quoted meanwhile."""
        with self._lock:
            self._prices_missed = True

    def question(self) -> Question:
        """What to ask the broker's record now."""
        with self._lock:
            return self._sequence.question()

    def filled(self, asked: Question, found: Iterable[Transaction]) -> None:
        """The answer of the broker's record."""
        found = tuple(found)
        with self._lock:
            given = self._sequence.filled(asked, found)
            self._given += given
            if found:
                self._clock.stated(max(one.time for one in found), sure=False)
        if given:
            self._news()

    @property
    def behind(self) -> bool:
        """Whether the record must be asked."""
        with self._lock:
            return self._sequence.behind

    def take(self) -> StreamUpdate:
        """Everything since the last call."""
        with self._lock:
            quotes, closed, skipped = self._slots.take()
            given, self._given = tuple(self._given), []
            missed, self._prices_missed = self._prices_missed, False
            return StreamUpdate(
                time=self._clock.now(),
                quotes=quotes,
                transactions=given,
                skipped=skipped,
                closed=closed,
                missed=missed,
            )

    def counts(self) -> dict[str, int]:
        """What was dropped, filled in and replaced, by the names of `StreamHealth`."""
        with self._lock:
            return {
                "duplicates": self._sequence.duplicates,
                "filled_in": self._sequence.filled_in,
                "conflated": self._slots.conflated,
                "out_of_order": self._slots.out_of_order,
                "repeated": self._slots.repeated,
                "unreadable": self.unreadable,
            }

    def _stated(self, time: int, *, sure: bool) -> None:
        with self._lock:
            self._clock.stated(time, sure=sure)
        self._news()


def _id(message: Mapping[str, Any]) -> int:
    newest = str(message.get("lastTransactionID", ""))
    if not newest.isdecimal():
        raise DataError(f"expected a heartbeat with its lastTransactionID, found {newest!r}")
    return int(newest)
