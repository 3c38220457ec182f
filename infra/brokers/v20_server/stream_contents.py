"""What the two streams of v20 tell: prices, at most four a second; and every transaction."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from infra.brokers.v20.times import rfc3339
from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.formats import in_format
from infra.brokers.v20_server.stream import Mishaps
from infra.brokers.v20_server.streams import Streams
from infra.brokers.v20_server.wire import encode_json

WINDOW_S = 0.25
"""Real time in which an instrument's price is told once; then the newest."""
PAGE = 500
"""The most transactions that are told in one piece."""


class PriceContent:
    """Prices of some instruments, each once a window at most; the first after a silence begins one.
    A price is told at once where its window has told none yet, else at the window's end; of several
    that wait for it the last. snapshot: begin with the prices that there are. accepted: the
    client's format of times.
    """

    def __init__(
        self, streams: Streams, symbols: Sequence[str], *, snapshot: bool, accepted: str
    ) -> None:
        self._streams = streams
        self._symbols = frozenset(symbols)
        self._accepted = accepted
        self._waiting = dict.fromkeys(symbols if snapshot else ())
        self._free_at = dict.fromkeys(symbols, 0.0)

    def changed(self, symbols: frozenset[str]) -> bool:
        """Take note of new prices; whether they concern it."""
        concerned = symbols & self._symbols
        self._waiting.update(dict.fromkeys(concerned))
        return bool(concerned)

    def due(self, now: float) -> bytes:
        """Prices whose window has passed."""
        told = []
        for symbol in [one for one in self._waiting if self._free_at[one] <= now]:
            del self._waiting[symbol]
            price = self._streams.price(symbol)
            if price is not None:
                # Windows follow each other without a gap while prices come: if each began with its
                # price, every lateness would shift the next, until windows swallowed prices.
                due = self._free_at[symbol]
                self._free_at[symbol] = (due if now - due < WINDOW_S else now) + WINDOW_S
                told.append(line(price, self._accepted))
        return b"".join(told)

    def next_due(self) -> float:
        """When the next window ends whose price waits."""
        return min((self._free_at[symbol] for symbol in self._waiting), default=inf)

    def heartbeat(self) -> bytes:
        """The server's time."""
        time = rfc3339(self._streams.account.clock)
        return line({"type": "HEARTBEAT", "time": time}, self._accepted)


class TransactionContent:
    """Every transaction from now on, in order unless its mishaps say otherwise."""

    def __init__(self, account: V20Account, mishaps: Mishaps, accepted: str) -> None:
        self._account = account
        self._mishaps = mishaps
        self._accepted = accepted
        self._told = account.last_transaction_id
        self._held: list[bytes] = []

    def changed(self, symbols: frozenset[str]) -> bool:
        """Prices are no concern of it."""
        del symbols
        return False

    def due(self, now: float) -> bytes:
        """The next transactions."""
        del now
        if self._told == self._account.last_transaction_id:
            return b""
        found = self._account.transactions(self._told, PAGE)
        self._told += len(found)
        lines = [line(one, self._accepted) for one in found]
        if self._mishaps.reorders:
            lines = self._reordered(lines)
        if self._mishaps.duplicates:
            lines = [one for one in lines for _ in range(2)]
        return b"".join(lines)

    def next_due(self) -> float:
        """At once where a page was not enough."""
        return 0.0 if self._told < self._account.last_transaction_id else inf

    def heartbeat(self) -> bytes:
        """The server's time and the newest transaction's id."""
        held, self._held = self._held, []
        beat = {
            "type": "HEARTBEAT",
            "lastTransactionID": str(self._account.last_transaction_id),
            "time": rfc3339(self._account.clock),
        }
        return b"".join([*held, line(beat, self._accepted)])

    def _reordered(self, lines: list[bytes]) -> list[bytes]:
        """Each second one before the first; one without a second waits for it, or for the next
        heartbeat.
        """
        lines = self._held + lines
        whole = len(lines) - len(lines) % 2
        self._held = lines[whole:]
        pairs = zip(lines[0:whole:2], lines[1:whole:2], strict=True)
        return [one for first, second in pairs for one in (second, first)]


def line(message: dict[str, Any], accepted: str) -> bytes:
    """A message of a stream."""
    return encode_json(in_format(message, accepted)) + b"\n"
