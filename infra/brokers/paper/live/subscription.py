"""`Subscription`: one reader of the exchange's stream, as fast or slow as it likes to be."""

from __future__ import annotations

from collections.abc import Iterable

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.messages import Taken, Update
from infra.brokers.paper.live.records import encode, transaction_of
from infra.deadlines import DeadlineLine
from market.quotes import Quote

HEARTBEAT_S = 1.0
WINDOW = 2
"""Updates on their way to a reader; what comes meanwhile waits here, one quote an instrument."""
PAGE = 500
"""The most transactions in one update."""


class Subscription:
    """A slow reader costs one quote an instrument, and its transactions stay in the store.

    after: the last transaction that the reader has.
    """

    def __init__(self, line: DeadlineLine, after: int) -> None:
        self._line = line
        self._sent = after
        self._slots: dict[str, Quote] = {}
        self._skipped = 0
        self._under_way = 0
        self._heard_at = -HEARTBEAT_S

    def fileno(self) -> int:
        """For `select`."""
        return self._line.fileno()

    def offer(self, quotes: Iterable[Quote]) -> None:
        """Newer quotes replace those of their instruments that were not sent yet."""
        for quote in quotes:
            if self._slots.pop(quote.symbol, None) is not None:
                self._skipped += 1
            self._slots[quote.symbol] = quote

    def turn(self, exchange: PaperExchange, now_s: float) -> None:
        """Send what there is, where the reader keeps up. now_s: monotonic, real time.

        Raises StreamLost where the reader is gone.
        """
        for message in self._line.take():
            if isinstance(message, Taken):
                self._under_way -= message.updates
        if not self._line.flush() or self._under_way >= WINDOW:
            return
        transactions: list[bytes] = []
        if exchange.last_transaction > self._sent:
            transactions = exchange.transaction_records(self._sent, PAGE)
            self._sent += len(transactions)
        if exchange.last_transaction > self._sent:
            # The clock and the quotes wait until the reader knows what came before them.
            self._send(transaction_of(transactions[-1]).time, (), transactions)
        elif transactions or self._slots or now_s - self._heard_at >= HEARTBEAT_S:
            self._send(exchange.clock, tuple(self._slots.values()), transactions)
            self._slots.clear()
            self._skipped = 0
        else:
            return
        self._heard_at = now_s

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _send(self, time: int, quotes: tuple[Quote, ...], transactions: list[bytes]) -> None:
        self._line.post(
            Update(
                time=time,
                quotes=encode(quotes),
                transactions=tuple(transactions),
                skipped=self._skipped if quotes else 0,
            )
        )
        self._under_way += 1
