"""`Streams`: everyone who reads prices or transactions as they come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.faults import Faults
from infra.brokers.v20_server.stream import Stream
from market.quotes import Quote

Message = dict[str, Any]


class Streams:
    """Wakes readers when there is something to read. Each reads at a pace of its own; none waits
    for another.
    """

    def __init__(self, account: V20Account) -> None:
        self.account = account
        self.open: set[Stream] = set()
        self._prices: dict[str, Message] = {}
        self._told = account.last_transaction_id

    def moved(self, quotes: Iterable[Quote]) -> None:
        """Quotes were traded on."""
        self.touched({quote.symbol for quote in quotes})

    def touched(self, symbols: Iterable[str]) -> None:
        """The prices of these instruments, or whether they trade, are others now."""
        changed = frozenset(symbols)
        for symbol in changed:
            self._prices.pop(symbol, None)
        for stream in self.open:
            stream.prices_changed(changed)

    def happened(self) -> None:
        """Something may have happened to the account."""
        if self.account.last_transaction_id != self._told:
            self._told = self.account.last_transaction_id
            for stream in self.open:
                stream.wake()

    def price(self, symbol: str) -> Message | None:
        """The newest, made once for all readers."""
        found = self._prices.get(symbol)
        if found is None:
            found = self.account.price(symbol)
            if found is not None:
                self._prices[symbol] = found
        return found

    def befall(self, faults: Faults) -> None:
        """A new plan counts the streams that are open as requests that were just made."""
        for stream in self.open:
            stream.befall(faults.strike("GET", stream.path))

    def drop(self) -> None:
        """Cut every connection, without a word."""
        for stream in tuple(self.open):
            stream.cut()

    def end(self) -> None:
        """Let every stream come to its regular end."""
        for stream in self.open:
            stream.end()
