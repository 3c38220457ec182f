"""A v20 server with numbered prices in a process of its own, and what can be done to it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.broking.prices import NumberedPrices
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.brokers.v20_server.faults import FaultPlan
from infra.brokers.v20_server.running import V20Server
from infra.brokers.v20_server.terms import V20Terms

TOKEN = "a-token-of-this-benchmark"
ACCOUNT = "001-001-0000001-001"
START_WITHIN_S = 120.0
ANSWER_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The server's account and prices. every_s, numbers: as of `NumberedPrices`."""

    exchange: ExchangeTerms
    folder: Path
    every_s: float
    numbers: int
    history_bars: int


def serve(served: Served, line: Connection) -> None:
    """Serve until the line says `stop`, or is hung up; each word is answered once it is done."""
    prices = NumberedPrices(served.exchange.instruments, served.every_s, served.numbers)
    server = V20Server(
        V20Terms(exchange=served.exchange, account=ACCOUNT, token=TOKEN),
        folder=served.folder,
        open_source=lambda _: prices,
        history_bars=served.history_bars,
    )
    server.start()
    line.send(server.url)
    try:
        while True:
            word, given = line.recv()
            answer: Any = None
            if word == "cut":
                began = time.time_ns()
                server.drop_streams()
                answer = began, time.time_ns()
            elif word == "hold":
                prices.hold()
                server.settle()
            elif word == "inject":
                server.inject(given)
            elif word == "status":
                answer = server.status()
            line.send(answer)
            if word == "stop":
                return
    except EOFError:
        return
    finally:
        server.stop()


class ServerProcess:
    """The other end of the line. url: where the server listens. pid: of its process."""

    def __init__(self, url: str, pid: int, line: Connection) -> None:
        self.url = url
        self.pid = pid
        self._line = line

    def cut(self) -> tuple[int, int]:
        """Cut every stream; the wall clock's time just before and just after, UTC ns."""
        began, done = self._say("cut")
        return int(began), int(done)

    def hold(self) -> None:
        """No more prices; what was due has been traded on."""
        self._say("hold")

    def inject(self, plan: FaultPlan) -> None:
        """This plan of faults from now on."""
        self._say("inject", plan)

    def status(self) -> dict[str, Any]:
        """How it stands, for people."""
        return dict(self._say("status"))

    def _say(self, word: str, given: object = None) -> Any:
        self._line.send((word, given))
        if not self._line.poll(ANSWER_WITHIN_S):
            raise TimeoutError(f"the server's process did not do {word!r} in {ANSWER_WITHIN_S:g} s")
        return self._line.recv()


@contextmanager
def v20_process(served: Served) -> Iterator[ServerProcess]:
    """A server for the time of a measurement."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(served, theirs), daemon=True
    )
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_WITHIN_S):
            raise TimeoutError(f"the v20 server did not start within {START_WITHIN_S:g} s")
        yield ServerProcess(ours.recv(), process.pid or 0, ours)
    finally:
        ours.close()  # which ends it
        process.join(ANSWER_WITHIN_S)
        if process.is_alive():
            process.terminate()
            process.join()
