"""A gateway as it is served in its own process, here in a thread: with its journal and log."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infra.feeds.live.staleness import StalenessLimits
from infra.journal.reader import read_events
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from infra.live.serving import serve_gateway
from infra.logs import DeskLog
from infra.metrics import NO_METERS
from market.breaker_rules import BreakerLimits
from market.errors import TransientError
from market.live_events import ModeChanged
from market.live_messages import Command, CommandAnswered
from market.overrides import NONE_OVERRIDABLE
from market.quotes import PriceKind
from market.stage_needs import LEAST_NEEDED
from tests.live import APPROVALS_KEY, ROWS, SEATED, SESSION, WITHIN_S, session_started
from tests.live_broker import SECOND, FakeBroker


@dataclass(slots=True)
class Served:
    """A gateway as it is served, in a thread."""

    home: DeskHome
    broker: FakeBroker
    leaving: threading.Event
    thread: threading.Thread
    failures: list[BaseException]

    def ask(self, name: str, **facts: Any) -> CommandAnswered:
        """A person's command, once the gateway listens."""
        until = time.monotonic() + WITHIN_S
        while True:
            try:
                return ask_desk(self.home, Command(name=name, **facts), WITHIN_S)
            except TransientError:
                assert time.monotonic() < until, "it never listened"

    def until(self, holds: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """The first status of which that holds; it must come in time."""
        until = time.monotonic() + WITHIN_S
        while True:
            told = self.ask("status").told
            if holds(told):
                return told
            assert time.monotonic() < until, f"never came to be, but {told}"

    def modes(self) -> list[tuple[str, str, str]]:
        """What the journal says of modes."""
        return [
            (event.mode, event.by, event.reason)
            for event in read_events(self.home.journal)
            if isinstance(event, ModeChanged)
        ]

    def end(self) -> None:
        """Leave, as a process that is told to."""
        self.leaving.set()
        self.thread.join(WITHIN_S)
        assert not self.thread.is_alive()


@contextmanager
def served(folder: Path, broker: FakeBroker) -> Iterator[Served]:
    """`serve_gateway` on a desk's folder, new or not."""
    home = DeskHome(folder=folder)
    home.make()
    leaving, failures = threading.Event(), list[BaseException]()
    limits = np.full(len(broker.symbols), 60 * SECOND)

    def serve() -> None:
        try:
            serve_gateway(
                leaving,
                home=home,
                broker=lambda: broker,
                description="a broker in memory",
                prices=PriceKind.SYNTHETIC,
                speed=1.0,
                needs=LEAST_NEEDED,
                override_rules=NONE_OVERRIDABLE,
                started=session_started(broker),
                rows=ROWS,
                seated=SEATED,
                instruments=broker.instruments,
                staleness=StalenessLimits(stale_after=limits, silent_after=limits),
                breakers=BreakerLimits(),
                guardian_limits={"DAILY_LOSS": 0.02, "DRAWDOWN": 0.1},
                approvals_key=APPROVALS_KEY,
                reconcile_every_s=1e9,
                journal_key=None,
                anchors_at=None,
                anchor_every_s=60.0,
                events_per_file=10**6,
                open_log=functools.partial(
                    DeskLog, home.logs, "gateway", session=SESSION, beside=None
                ),
                open_meters=lambda: NO_METERS,
                real=False,
            )
        except BaseException as error:  # a test asks for it
            failures.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    desk = Served(home, broker, leaving, thread, failures)
    try:
        yield desk
    finally:
        desk.end()
        broker.hang_up()
