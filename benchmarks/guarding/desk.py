"""A gateway's loop over a paper exchange in a process of its own, ordered and stopped by people."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.deciding.desk import CASH
from benchmarks.dispatching.desk import exchange_process, ordering_plan
from coordinator.live.plan import LivePlan, live_session_started
from infra.brokers.paper.live.client import PaperExchangeClient
from infra.feeds.live.board import PriceBoard
from infra.live.asking import ask_desk
from infra.live.gateway import LiveGateway
from infra.live.home import DeskHome
from infra.live.loop import GatewayLoop
from infra.live.opening import open_books
from infra.metrics import JOURNAL_LAG_SECONDS, Measure
from infra.transport import Switchboard
from market.accounts import BrokerOrder, StreamUpdate
from market.live_messages import Command, CommandAnswered, Decided
from market.orders import Bracket
from market.ports import BrokerStream
from market.quotes import Quote
from market.verdicts import RiskApproved, sign

WITHIN_S = 120.0


class Stamps:
    """When something happened, by its name: `time.perf_counter` of the first and the newest, and
    how often.
    """

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.at: dict[str, float] = {}
        self.times: dict[str, int] = {}

    def stamp(self, name: str) -> None:
        """It happened now."""
        self.at[name] = time.perf_counter()
        self.first.setdefault(name, self.at[name])
        self.times[name] = self.times.get(name, 0) + 1

    def clear(self) -> None:
        """Forget all."""
        self.first.clear()
        self.at.clear()
        self.times.clear()


class StampedClient(PaperExchangeClient):
    """Stamps what ends an order or a position, once the exchange has answered."""

    stamps: Stamps

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel, and stamp."""
        answer = super().cancel(client_order_id)
        self.stamps.stamp("cancel")
        return answer

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder | None:
        """Close, and stamp."""
        answer = super().close(symbol, client_order_id)
        self.stamps.stamp("close")
        return answer


class Ticks:
    """A stream into which a measurement puts quotes."""

    def __init__(self) -> None:
        self._heard, self._bell = socket.socketpair()
        self._quotes: list[Quote] = []

    def put(self, *quotes: Quote) -> None:
        """Bring quotes together."""
        self._quotes += quotes
        self._bell.send(b".")

    def fileno(self) -> int:
        """Readable once a quote came."""
        return self._heard.fileno()

    def take(self) -> StreamUpdate:
        """Every quote that came."""
        self._heard.recv(4096)
        quotes, self._quotes = tuple(self._quotes), []
        return StreamUpdate(time=quotes[-1].time, quotes=quotes)

    def close(self) -> None:
        """Hang up."""
        self._heard.close()
        self._bell.close()


class StampedMeters:
    """Stamps every commit of the journal."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps

    def count(self, measure: Measure, times: float = 1.0, of: str = "") -> None:
        """Not looked at."""

    def show(self, measure: Measure, value: float, of: str = "") -> None:
        """Not looked at."""

    def observe(self, measure: Measure, value: float, of: str = "") -> None:
        """Only commits are."""
        del value, of
        if measure is JOURNAL_LAG_SECONDS:
            self._stamps.stamp("durable")


class StoppedDesk:
    """A gateway that trades, then its loop in a thread."""

    def __init__(self, plan: LivePlan, client: StampedClient, folder: Path) -> None:
        self.stamps = client.stamps
        self.home = DeskHome(folder=folder / "desk")
        self.home.make()
        self._client = client
        self._key = secrets.token_bytes(32)
        self._session = plan.desk.session
        self.symbols = plan.desk.symbols
        started = live_session_started(plan, time=0, feed="made-up prices")
        books = open_books(self.home.journal, started, plan.rows, plan.seated, lambda: (0, CASH))
        count = len(plan.instruments)
        self.gateway = LiveGateway(
            broker=client,
            books=books,
            board=PriceBoard(plan.desk.symbols, plan.desk.interval_s, np.full(count, 10**12)),
            instruments=plan.instruments,
            account_currency="USD",
            key=self._key,
            versions=(),
            history_bars=plan.rows,
            tell=self._hear,
            meters=StampedMeters(self.stamps),
        )
        self.gateway.open("paper exchange")
        self._epoch = self.gateway.attach().epoch
        self._sequence = 0

    def order(self, units: float) -> None:
        """Have so many units ordered in every instrument, by one signed decision."""
        self._sequence += 1
        approved = [
            RiskApproved(
                symbol=symbol, units=units, proposed_units=units, score=0.5,
                bracket=Bracket(stop=np.nan, take_profit=np.nan, trailing=None),
                reference_price=1.0, lowest_price=0.0, highest_price=np.inf, bound="NONE",
                limit="NONE", allowed=np.nan, measured=np.nan,
            )
            for symbol in self.symbols
        ]  # fmt: skip
        signed = sign(
            self._key,
            session=self._session,
            epoch=self._epoch,
            sequence=self._sequence,
            expires=2**62,
            approved=approved,
            stage=self.gateway.staging.name,
        )
        done = self.gateway.execute(
            Decided(epoch=self._epoch, sequence=self._sequence, time=0, records=(), signed=signed)
        )
        if done.sent != len(approved):
            raise AssertionError(f"expected {len(approved)} orders sent, found {done}")

    def filled(self) -> None:
        """Wait until no order is open. Raises TimeoutError."""
        until = time.monotonic() + WITHIN_S
        while self.gateway.books.state.orders:
            if time.monotonic() > until:
                raise TimeoutError("orders are open still")
            self.gateway.catch_up()
            time.sleep(0.05)

    @contextmanager
    def running(self, stream: BrokerStream | None = None) -> Iterator[None]:
        """The loop in a thread of its own, for a while. stream: instead of the exchange's."""
        loop = GatewayLoop(
            self.gateway,
            Switchboard(self.home.line_key(), at=self.home.gateway_address),
            self._client.subscribe if stream is None else lambda _: stream,
            reconcile_every_s=1e9,
            tell=self._hear,
        )
        leaving = threading.Event()
        thread = threading.Thread(target=loop.run, args=(leaving.is_set,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            leaving.set()
            thread.join()

    def ask(self, name: str) -> CommandAnswered:
        """A person's command, through the gateway's socket."""
        answer = ask_desk(self.home, Command(name=name, by="benchmark", reason="measured"))
        if answer.refused:
            raise AssertionError(answer.refused)
        return answer

    def _hear(self, text: str, /, *, level: str = "info", **fields: Any) -> None:
        del text
        if level == "critical":
            self.stamps.stamp(f"alert {fields.get('breaker', '')}")


@contextmanager
def stopped_desk(count: int, folder: Path, speed: float) -> Iterator[StoppedDesk]:
    """So many made-up instruments, priced at a speed, on an exchange in a process of its own."""
    plan = ordering_plan(count)
    with exchange_process(plan, folder, speed=speed, client=StampedClient) as client:
        assert isinstance(client, StampedClient)
        client.stamps = Stamps()
        yield StoppedDesk(plan, client, folder)


def quote_of(symbol: str, time_ns: int, mid: float) -> Quote:
    """A price without a spread."""
    return Quote(symbol=symbol, time=time_ns, bid=mid, ask=mid)
