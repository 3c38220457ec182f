"""`Stream`: one response that goes on until its reader, or the server, has had enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Protocol

from starlette.types import Receive, Scope, Send

from infra.brokers.v20_server.faults import Fault, FaultKind
from infra.brokers.v20_server.lines import gone, keep_short, reset, transport_of

HEADERS = [(b"content-type", b"application/octet-stream")]


class Content(Protocol):
    """What a stream tells."""

    def changed(self, symbols: frozenset[str]) -> bool:
        """Take note of new prices; whether they concern it."""
        ...

    def due(self, now: float) -> bytes:
        """What is to be sent at this moment of real time, s; empty for nothing."""
        ...

    def next_due(self) -> float:
        """When it will have something to send, if nothing happens before that; inf for never."""
        ...

    def heartbeat(self) -> bytes:
        """Said when nothing else is."""
        ...


class Mishaps:
    """What goes wrong with one stream, from its faults. drop_at, stall_at: real time, s."""

    def __init__(self, faults: Iterable[Fault], now: float) -> None:
        self.become(faults, now)

    @property
    def soonest(self) -> float:
        """When the next begins."""
        return min(self.drop_at, self.stall_at)

    def become(self, faults: Iterable[Fault], now: float) -> None:
        """These and no others. now: from when their seconds are counted."""
        self.drop_at = self.stall_at = inf
        self.heartbeats = True
        self.duplicates = self.reorders = False
        for fault in faults:
            match fault.kind:
                case FaultKind.STREAM_DROP:
                    self.drop_at = now + fault.seconds
                case FaultKind.STREAM_STALL:
                    self.stall_at = now + fault.seconds
                case FaultKind.NO_HEARTBEATS:
                    self.heartbeats = False
                case FaultKind.DUPLICATE_TRANSACTIONS:
                    self.duplicates = True
                case FaultKind.REORDERED_TRANSACTIONS:
                    self.reorders = True


class Stream:
    """Sleeps until there is something to send. A reader that does not keep up holds up itself: what
    its connection cannot take stays where it is, and prices are replaced by newer ones there.
    """

    def __init__(
        self, scope: Scope, content: Content, mishaps: Mishaps, heartbeat_s: float
    ) -> None:
        self.path: str = scope["path"]
        self._scope = scope
        self._content = content
        self._mishaps = mishaps
        self._heartbeat_s = heartbeat_s
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._ended = False

    def prices_changed(self, symbols: frozenset[str]) -> None:
        """New prices of these instruments."""
        if self._content.changed(symbols):
            self.wake()

    def wake(self) -> None:
        """There may be something to send."""
        self._woken.set()

    def befall(self, faults: Iterable[Fault]) -> None:
        """Let these faults, and no others, happen to it from now on."""
        self._mishaps.become(faults, self._loop.time())
        self.wake()

    def end(self) -> None:
        """Finish the response."""
        self._ended = True
        self.wake()

    def cut(self) -> None:
        """Reset the connection."""
        reset(transport_of(self._scope))
        self.end()

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer the request with it, until it ends."""
        keep_short(self._scope)
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        listening = asyncio.create_task(self._listen(receive))
        try:
            await self._tell(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            listening.cancel()

    async def _tell(self, send: Send) -> None:
        beat_at = self._loop.time()
        while not self._ended:
            now = self._loop.time()
            if now >= self._mishaps.drop_at:
                self.cut()
                return
            if now >= self._mishaps.stall_at:
                await self._sleep(self._mishaps.drop_at)
                continue
            told = self._content.due(now)
            if now >= beat_at:
                beat_at = now + self._heartbeat_s
                if self._mishaps.heartbeats:
                    told += self._content.heartbeat()
            if told:
                await send({"type": "http.response.body", "body": told, "more_body": True})
            # What changed while it was being sent has woken it again.
            await self._sleep(min(beat_at, self._content.next_due(), self._mishaps.soonest))

    async def _sleep(self, until: float) -> None:
        """Until that moment of real time, or until woken."""
        alarm = None if until == inf else self._loop.call_at(until, self._woken.set)
        await self._woken.wait()
        self._woken.clear()
        if alarm is not None:
            alarm.cancel()

    async def _listen(self, receive: Receive) -> None:
        """A reader that hangs up says so here only."""
        await gone(receive)
        self.end()
