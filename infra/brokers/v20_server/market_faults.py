"""`MarketFaults`: what goes wrong with the market or the account, and not with one request."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from infra.brokers.v20_server.faults import Fault, FaultKind
from infra.brokers.v20_server.stamps import Stamped
from infra.brokers.v20_server.streams import Streams


class MarketFaults:
    """Halts instruments, opens gaps, closes the account out, and sets the clock wrong; all but
    what was filled, and where the prices stand, is undone by `undo`.
    """

    def __init__(self, streams: Streams, stamped: Stamped) -> None:
        self._streams = streams
        self._stamped = stamped
        self._alarms: list[asyncio.TimerHandle] = []

    def befall(self, faults: Iterable[Fault]) -> None:
        """Those of the faults that are of the market."""
        for fault in faults:
            symbols = fault.symbols or self._streams.account.symbols
            if fault.kind is FaultKind.MARKET_HALT:
                self._halt(symbols, fault.seconds)
            elif fault.kind is FaultKind.WEEKEND_GAP:
                moved = self._streams.account.open_away(symbols, fault.share)
                self._halt((*symbols, *moved), fault.seconds, frozen=True)
            elif fault.kind is FaultKind.MARGIN_CLOSEOUT:
                self._streams.account.close_out()
                self._streams.happened()
            elif fault.kind is FaultKind.CLOCK_SKEW:
                self._stamped.skew = round(fault.seconds * 1e9)

    def undo(self) -> None:
        """The market and the clock as they should be."""
        for alarm in self._alarms:
            alarm.cancel()
        self._alarms.clear()
        self._stamped.skew = 0
        self._resume(self._streams.account.halted)

    def _halt(self, symbols: Collection[str], seconds: float, *, frozen: bool = False) -> None:
        self._trade(symbols, tradeable=False, frozen=frozen)
        if seconds:
            loop = asyncio.get_running_loop()
            self._alarms.append(loop.call_later(seconds, self._resume, symbols))

    def _resume(self, symbols: Collection[str]) -> None:
        self._trade(symbols, tradeable=True)

    def _trade(self, symbols: Collection[str], *, tradeable: bool, frozen: bool = False) -> None:
        for symbol in dict.fromkeys(symbols):
            self._streams.account.set_tradeable(symbol, tradeable, frozen=frozen)
        self._streams.touched(symbols)
        self._streams.happened()
