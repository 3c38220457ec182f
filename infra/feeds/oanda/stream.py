"""`OandaStream`: an account's prices and transactions as they come."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from oandapyV20.endpoints.pricing import PricingStream
from oandapyV20.endpoints.transactions import TransactionsStream

from infra.feeds.oanda.asker import Asker
from infra.feeds.oanda.backoff import Backoff
from infra.feeds.oanda.bell import Bell
from infra.feeds.oanda.broker_clock import BrokerClock
from infra.feeds.oanda.health import StreamHealth
from infra.feeds.oanda.inbox import Inbox
from infra.feeds.oanda.ports import Connection
from infra.feeds.oanda.reader import StreamReader
from market.accounts import StreamUpdate, Transaction
from market.errors import StreamLost


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimes:
    """Real seconds.

    read_timeout_s: a stream that is silent for so long is dead; OANDA sends a heartbeat every 5.
    lost_after_s: how long the transaction stream may be away, or the broker's record behind it,
    before the whole is given up. tick_s: between two looks at the clock while nothing comes.
    poll_s: between two requests for prices while their stream is away, or silent for `missing_s`.
    leave_s: how long `close` waits.
    """

    read_timeout_s: float = 12.0
    lost_after_s: float = 10.0
    tick_s: float = 0.25
    poll_s: float = 1.0
    missing_s: float = 7.0
    leave_s: float = 0.5


class OandaStream:
    """A `BrokerStream` over two streams of v20, each in a thread, and a third thread that asks for
    what they lost.

    after: the last transaction that the reader has. transaction_of: what a message of v20 says;
    raises DataError. backfill: every transaction after an id, from the broker's record. clock: real
    nanoseconds that never step back. speed: of the broker's time.

    The transaction stream is opened before the record is asked, so nothing between them is lost; a
    gap is filled from the record before what follows it is given. A stream that ends is opened anew
    while the other goes on; without the price stream prices are asked for. `take` raises StreamLost
    where transactions cannot be had, and whatever defect ended a thread.

    It is readable every `tick_s`, so that bars close on time while nothing comes: whoever listens
    need not watch it for silence, that is done here.
    """

    def __init__(
        self,
        connection: Connection,
        symbols: Sequence[str],
        after: int,
        *,
        transaction_of: Callable[[dict[str, Any]], Transaction],
        backfill: Callable[[int], Sequence[Transaction]],
        clock: Callable[[], int] = time.monotonic_ns,
        speed: float = 1.0,
        times: StreamTimes = StreamTimes(),
        rng: random.Random | None = None,
    ) -> None:
        rng = rng or random.Random()
        self._times = times
        self._clock = clock
        self._bell = Bell()
        self._leaving = threading.Event()
        self._defect: Exception | None = None
        self._began = self._whole_at = self._elapsed()
        self._inbox = Inbox(
            symbols, after, transaction_of, BrokerClock(clock, speed), self._bell.ring
        )
        account, names = connection.account, ",".join(symbols)
        timeout_s = times.read_timeout_s
        self._transactions = StreamReader(
            "transactions",
            lambda opened: connection.new_stream(
                TransactionsStream(account), timeout_s, opened=opened
            ),
            opened=self._transactions_opened,
            take=self._transaction,
            ended=self._look,
            failed=self._failed,
            backoff=Backoff(rng),
            elapsed=self._elapsed,
        )
        self._prices = StreamReader(
            "prices",
            lambda opened: connection.new_stream(
                PricingStream(account, params={"instruments": names}), timeout_s, opened=opened
            ),
            opened=self._prices_opened,
            take=self._inbox.price_message,
            ended=self._look,
            failed=self._failed,
            backoff=Backoff(rng),
            elapsed=self._elapsed,
        )
        self._asker = Asker(
            connection,
            symbols,
            self._inbox,
            backfill,
            listening=lambda: self._transactions.state.open,
            away=self._prices_away,
            failed=self._failed,
            backoff=Backoff(rng),
            poll_s=times.poll_s,
            elapsed=self._elapsed,
        )
        self._ticking = threading.Thread(target=self._tick, name="oanda ticks", daemon=True)
        for thread in (self._transactions, self._prices, self._asker, self._ticking):
            thread.start()

    def fileno(self) -> int:
        """Readable once something came, and every `tick_s`."""
        return self._bell.fileno()

    def take(self) -> StreamUpdate:
        """What came since the last call, without waiting.

        Raises StreamLost once transactions cannot be had for `lost_after_s`, and after `close`.
        """
        if self._leaving.is_set():
            raise StreamLost("the broker's stream was closed here")
        self._bell.silence()
        if self._defect is not None:
            raise self._defect
        away_s = self._away_s()
        if away_s > self._times.lost_after_s:
            raise StreamLost(
                f"the broker's transactions could not be had for {away_s:.0f} s: "
                f"{self._asker.record_trouble or self._transactions.state.why or 'no answer'}"
            )
        return self._inbox.take()

    def close(self) -> None:
        """Hang up. The threads end at once, but for one that is just connecting or waits for the
        answer to a request: it ends with that, and is not heard any more.
        """
        self._leaving.set()
        for thread in (self._transactions, self._prices, self._asker):
            thread.leave()
        until = self._elapsed() + self._times.leave_s
        for thread in (self._transactions, self._prices, self._asker):
            thread.join(max(0.0, until - self._elapsed()))
        self._ticking.join(max(0.0, until - self._elapsed()))
        self._bell.close()

    @property
    def heard_s(self) -> float:
        """Real seconds since the transaction stream brought anything, heartbeats included."""
        return self._elapsed() - self._transactions.state.heard

    def health(self) -> StreamHealth:
        """How the connection is, for `quorum status` and doctor."""
        now, prices, transactions = self._elapsed(), self._prices.state, self._transactions.state
        return StreamHealth(
            price_heard_s=now - prices.heard,
            transaction_heard_s=now - transactions.heard,
            price_heartbeat_s=now - prices.heartbeat,
            transaction_heartbeat_s=now - transactions.heartbeat,
            prices_open=prices.open,
            transactions_open=transactions.open,
            caught_up=not self._inbox.behind,
            reconnects=max(prices.openings - 1, 0) + max(transactions.openings - 1, 0),
            polled=self._asker.polled,
            trouble="; ".join(
                why
                for why in (
                    "" if transactions.open else transactions.why,
                    "" if prices.open else prices.why,
                    self._asker.record_trouble,
                    self._asker.price_trouble,
                )
                if why
            ),
            **self._inbox.counts(),
        )

    def _elapsed(self) -> float:
        return self._clock() / 1e9

    def _prices_away(self) -> bool:
        """Whether no price can come: the stream does not stand, or its heartbeat is missing."""
        state, now = self._prices.state, self._elapsed()
        if state.ended is not None:
            return now - state.ended >= self._times.poll_s
        return now - max(state.heard, self._began) > self._times.missing_s

    def _away_s(self) -> float:
        """For how long transactions could not be had."""
        now = self._elapsed()
        if self._transactions.state.open and not self._inbox.behind:
            self._whole_at = now
        return now - self._whole_at

    def _transactions_opened(self) -> None:
        self._inbox.missed()
        self._look()

    def _prices_opened(self) -> None:
        if self._prices.state.openings > 1:
            self._inbox.prices_missed()
        self._look()

    def _transaction(self, message: dict[str, Any]) -> None:
        self._inbox.transaction_message(message)
        if self._inbox.behind:
            self._asker.look()

    def _look(self) -> None:
        self._asker.look()

    def _failed(self, error: Exception) -> None:
        self._defect = error
        self._bell.ring()

    def _tick(self) -> None:
        while not self._leaving.wait(self._times.tick_s):
            self._away_s()
            self._bell.ring()
