"""`Serving`: the event loop of a v20 server: prices in, requests answered, streams told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from uvicorn.server import ServerState

from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.candle_history import candles_before
from infra.brokers.v20_server.candle_store import CandleStore
from infra.brokers.v20_server.candles import candle_routes
from infra.brokers.v20_server.fault_routes import fault_routes
from infra.brokers.v20_server.faults import FaultPlan
from infra.brokers.v20_server.faulty_wire import FaultyWire
from infra.brokers.v20_server.lines import Line, reset
from infra.brokers.v20_server.market_faults import MarketFaults
from infra.brokers.v20_server.rest import guarded, http_error, rest_routes
from infra.brokers.v20_server.stamps import Stamped
from infra.brokers.v20_server.stream_routes import stream_routes
from infra.brokers.v20_server.streams import Streams
from market.ports import PriceSource

POLL_S = 0.001
"""How often the source is asked for prices; a price is late by no more."""
SAVE_EVERY_S = 0.25
"""What quotes alone moved is, at most, this old when the process dies."""
LAST_WORDS_S = 0.5
"""For answers that are under way when it stops."""
KEEP_ALIVE_S = 75
"""A connection without a request is closed after it."""
CANDLES = "candles.sqlite"


class Serving:
    """Serves an account until `stop`; then both stores are saved and let go of.

    One thread: prices are taken between requests, so an order never meets a price from before it.
    failure: why it had to stop by itself; None while it need not.
    """

    def __init__(
        self, account: V20Account, source: PriceSource, *, folder: Path, history_bars: int
    ) -> None:
        """Raises FatalError where the candles cannot be kept, DataError of the source."""
        self.account = account
        self.source = source
        self.failure: Exception | None = None
        self.streams = Streams(account)
        self._candles = CandleStore(folder / CANDLES)
        try:
            if self._candles.is_new:
                interval_s = account.terms.exchange.interval_s
                before = candles_before(
                    source, account.symbols, interval_s, history_bars, account.clock
                )
                self._candles.begin(before, account.clock)
        except BaseException:
            self._candles.close()
            raise
        routes = [
            *stream_routes(self.streams),
            *candle_routes(account, self._candles),
            *rest_routes(account),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: http_error})
        stamped = Stamped(guarded(app, account), account)
        market = MarketFaults(self.streams, stamped)
        self.wire = FaultyWire(stamped, self.streams, market, failed=self._fail)
        app.routes.extend(fault_routes(self.wire))
        self._stopping = asyncio.Event()
        self._lines = ServerState()

    def stop(self) -> None:
        """Let `serve` return soon."""
        self._stopping.set()

    async def serve(
        self, listener: socket.socket, faults: FaultPlan | None, listening: Callable[[], None]
    ) -> None:
        """Until `stop`, or until it cannot go on. listening: called once clients are answered."""
        config = uvicorn.Config(
            self.wire,
            http=Line,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        config.load()
        try:
            if faults is not None:
                self.wire.inject(faults)
            server = await asyncio.get_running_loop().create_server(
                lambda: Line(config, self._lines, {}), sock=listener, backlog=config.backlog
            )
            try:
                pacing = asyncio.create_task(self._keep_pace())
                listening()
                await self._stopping.wait()
                pacing.cancel()
                await asyncio.gather(pacing, return_exceptions=True)
            finally:
                server.close()
                await self._hang_up()
            if self.failure is None:
                self.account.save()
                self._candles.save()
        finally:
            listener.close()
            self.account.release()
            self._candles.close()

    def take_prices(self) -> None:
        """Every quote that is due. Raises FatalError, and what the source raises."""
        now = max(self.source.now(), self.account.clock)
        closed = self.account.closed
        quotes = self.account.take(self.source.quotes(now), now)
        self._candles.take(quotes, now)
        turned = closed ^ self.account.closed
        if turned:
            self.streams.touched(turned)
        if quotes:
            self.streams.moved(quotes)
        if quotes or turned:
            self.streams.happened()

    def status(self) -> dict[str, Any]:
        """How it stands, for people."""
        return {
            "clock": self.account.clock,
            "last_transaction": self.account.last_transaction_id,
            "source": self.source.description,
            "source_ended": self.source.ended,
            "connections": len(self._lines.connections),
            "streams": len(self.streams.open),
            "faults_struck": sum(one.struck for one in self.wire.faults.struck),
        }

    async def _keep_pace(self) -> None:
        """Prices as they come due; what they moved is saved from time to time."""
        loop = asyncio.get_running_loop()
        save_at = loop.time() + SAVE_EVERY_S
        try:
            while True:
                self.take_prices()
                if loop.time() >= save_at:
                    self.account.save()
                    self._candles.save()
                    save_at = loop.time() + SAVE_EVERY_S
                await asyncio.sleep(POLL_S)
        except Exception as error:  # without prices it must not go on serving
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failure = self.failure or error
        self.stop()

    async def _hang_up(self) -> None:
        """Answers that are under way are finished; streams end; who keeps us waiting is cut off."""
        self.streams.end()
        self.wire.stopping.set()
        for line in tuple(self._lines.connections):
            line.shutdown()
        if self._lines.tasks:
            await asyncio.wait(self._lines.tasks, timeout=LAST_WORDS_S)
        for line in tuple(self._lines.connections):
            reset(line.transport)
        if self._lines.tasks:
            await asyncio.wait(self._lines.tasks, timeout=LAST_WORDS_S)
        for task in self._lines.tasks:
            task.cancel()
