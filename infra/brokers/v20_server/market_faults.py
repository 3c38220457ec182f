"""`MarketFaults`: what goes wrong with the market or the account, and not with one request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from infra.brokers.v20_server.faults import Fault, FaultKind
from infra.brokers.v20_server.stamps import Stamped
from infra.brokers.v20_server.streams import Streams


class MarketFaults:
    """Halts instruments, closes the account out, and sets the clock wrong; all but what was filled
    is undone by `undo`.
    """

    def __init__(self, streams: Streams, stamped: Stamped) -> None:
        self._streams = streams
        self._stamped = stamped
        self._halted: set[str] = set()
        self._alarms: list[asyncio.TimerHandle] = []

    def befall(self, faults: Iterable[Fault]) -> None:
        """Those of the faults that are of the market."""
        for fault in faults:
            if fault.kind is FaultKind.MARKET_HALT:
                symbols = fault.symbols or self._streams.account.symbols
                self._trade(symbols, tradeable=False)
                if fault.seconds:
                    loop = asyncio.get_running_loop()
                    self._alarms.append(loop.call_later(fault.seconds, self._resume, symbols))
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
        self._resume(tuple(self._halted))

    def _resume(self, symbols: Iterable[str]) -> None:
        self._trade(symbols, tradeable=True)

    def _trade(self, symbols: Iterable[str], *, tradeable: bool) -> None:
        for symbol in symbols:
            self._streams.account.set_tradeable(symbol, tradeable)
            (self._halted.discard if tradeable else self._halted.add)(symbol)
        self._streams.touched(symbols)
        self._streams.happened()
