"""`ExchangeServer`: one thread, one `select`: prices in, requests answered, streams served."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.faults import REFUSED, Fault, FaultPlan, Faults
from infra.brokers.paper.live.messages import REQUESTS, STREAM, Answer, Ask, Subscribe
from infra.brokers.paper.live.requests import Requests
from infra.brokers.paper.live.subscription import Subscription
from infra.deadlines import DeadlineLine, Readable, readable
from infra.transport import Address, SocketLine, Switchboard
from market.errors import StreamLost
from market.ports import PriceSource

POLL_S = 0.002
"""How often the source is asked for prices; a fill is late by no more."""
SAVE_EVERY_S = 0.25
"""What quotes alone moved is, at most, this old when the process dies."""


class ExchangeServer:
    """Serves one exchange until `stop`. A client that is slow, stuck or gone costs the others
    nothing; what the line of one that hung up still held is never done.

    doors: where clients call in; the server closes them, and ends the exchange.
    """

    def __init__(
        self,
        exchange: PaperExchange,
        source: PriceSource,
        doors: Sequence[Switchboard],
        *,
        faults: FaultPlan | None = None,
    ) -> None:
        self._exchange = exchange
        self._source = source
        self._doors = doors
        self._faults = Faults(faults or FaultPlan())
        self._requests = Requests(exchange)
        self._asking: list[DeadlineLine] = []
        self._unready: list[DeadlineLine] = []
        self._streams: list[Subscription] = []
        self._answers: list[tuple[DeadlineLine, Answer]] = []
        self._delayed: list[tuple[float, int, DeadlineLine, Answer]] = []
        self._order = itertools.count()
        self._saved_at = 0.0
        self._stopping = False
        self._woken, self._bell = socket.socketpair()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """What clients dial."""
        return tuple(door.address for door in self._doors)

    def status(self) -> dict[str, Any]:
        """How it stands, for people; may be asked from any thread, and be ahead of the store."""
        exchange = self._exchange
        return {
            "clock": exchange.clock,
            "last_transaction": exchange.last_transaction,
            "source": self._source.description,
            "source_ended": self._source.ended,
            "request_lines": len(self._asking),
            "streams": len(self._streams),
            "quotes_dropped": dict(exchange.dropped),
        }

    def stop(self) -> None:
        """Let `run` return soon; from any thread, or a signal's handler."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._bell.send(b".")

    def run(self) -> None:
        """Serve until `stop`. Raises FatalError where the store cannot be written, and what the
        source raises; either way everyone is hung up on and the last commit stands.
        """
        try:
            while not self._stopping:
                self._turn()
            self._exchange.save()
        finally:
            self._hang_up()

    def _turn(self) -> None:
        waiting: list[Readable] = [*self._doors, *self._asking, *self._unready, *self._streams]
        ready = readable([*waiting, self._woken], time.monotonic() + POLL_S)
        with self._exchange.one_commit():
            self._take_prices()
            for line in tuple(self._asking):
                self._serve(line, line in ready)
        self._answer_all()
        for door in self._doors:
            for caller in door.arrivals():
                self._welcome(caller)
        for line in [line for line in self._unready if line in ready]:
            self._begin_stream(line)
        now_s = time.monotonic()
        self._answer_delayed(now_s)
        for stream in tuple(self._streams):
            try:
                stream.turn(self._exchange, now_s)
            except StreamLost:
                self._streams.remove(stream)
                stream.close()
        if now_s - self._saved_at >= SAVE_EVERY_S:
            self._saved_at = now_s
            self._exchange.save()

    def _take_prices(self) -> None:
        """Before any request of this turn: an order is never filled at a price from before it."""
        now = max(self._source.now(), self._exchange.clock)
        quotes = self._exchange.take(self._source.quotes(now), now)
        if quotes:
            for stream in self._streams:
                stream.offer(quotes)

    def _welcome(self, caller: SocketLine) -> None:
        if caller.name == REQUESTS:
            self._asking.append(caller.with_deadlines())
        elif caller.name == STREAM:
            self._unready.append(caller.with_deadlines())
        else:
            caller.close()

    def _begin_stream(self, line: DeadlineLine) -> None:
        self._unready.remove(line)
        try:
            messages = heard(line)
        except StreamLost:
            line.close()
            return
        if not messages:
            self._unready.append(line)
        elif isinstance(messages[0], Subscribe):
            self._streams.append(Subscription(line, messages[0].after))
        else:
            line.close()

    def _serve(self, line: DeadlineLine, has_asked: bool) -> None:
        try:
            line.flush()
            messages = heard(line) if has_asked else []
            if messages and has_hung_up(line):
                raise StreamLost("the client did not wait for its answers")
            for message in messages:
                if isinstance(message, Ask):
                    self._answer(line, message)
        except StreamLost:
            self._drop(line)

    def _answer(self, line: DeadlineLine, ask: Ask) -> None:
        if ask.verb == "faults" and isinstance(ask.payload, FaultPlan):
            self._faults = Faults(ask.payload)
            self._answers.append((line, Answer(number=ask.number, payload=None)))
            return
        if ask.verb == "drop_streams":
            self._drop_streams()
            self._answers.append((line, Answer(number=ask.number, payload=None)))
            return
        fault = self._faults.strike(ask.verb)
        if fault is Fault.DROP_BEFORE:
            raise StreamLost("dropped on demand")
        if fault is Fault.SILENT_BEFORE:
            return
        refuse = REFUSED if fault is Fault.REJECT else ""
        answer = Answer(
            number=ask.number,
            payload=self._requests.answer(ask.verb, ask.payload, refuse=refuse),
        )
        if fault is Fault.DROP_AFTER:
            raise StreamLost("dropped on demand")
        if fault is Fault.DELAY:
            due = time.monotonic() + self._faults.plan.delay_s
            heapq.heappush(self._delayed, (due, next(self._order), line, answer))
        elif fault is not Fault.SILENT_AFTER:
            self._answers.append((line, answer))

    def _answer_all(self) -> None:
        """What they tell of is durable now."""
        answers, self._answers = self._answers, []
        for line, answer in answers:
            self._answer_now(line, answer)

    def _answer_now(self, line: DeadlineLine, answer: Answer) -> None:
        if line in self._asking:
            try:
                self._post(line, answer)
            except StreamLost:
                self._drop(line)

    def _post(self, line: DeadlineLine, answer: Answer) -> None:
        if not line.post(answer):
            raise StreamLost("the client asks and does not read")

    def _answer_delayed(self, now_s: float) -> None:
        while self._delayed and self._delayed[0][0] <= now_s:
            _, _, line, answer = heapq.heappop(self._delayed)
            self._answer_now(line, answer)

    def _drop(self, line: DeadlineLine) -> None:
        self._asking.remove(line)
        line.close()

    def _drop_streams(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams.clear()

    def _hang_up(self) -> None:
        for line in (*self._asking, *self._unready):
            line.close()
        self._drop_streams()
        for door in self._doors:
            door.close()
        self._exchange.release()
        self._woken.close()
        self._bell.close()


def heard(line: DeadlineLine) -> list[object]:
    """What a client sent. Raises StreamLost where it is gone, or cannot be understood: a client
    of another version is hung up on, and stops nobody.
    """
    try:
        return line.take()
    except StreamLost:
        raise
    except Exception as error:
        raise StreamLost(f"a client cannot be understood: {error}") from None


def has_hung_up(line: Readable) -> bool:
    """Whether the other side is gone, everything that it sent having been read."""
    with socket.socket(fileno=os.dup(line.fileno())) as copy:
        try:
            return not copy.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
