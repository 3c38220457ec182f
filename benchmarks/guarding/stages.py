"""How long a change of the capital stage takes, from a person's command until it is on disk.

A live gateway's loop in a thread before a paper exchange in a process of its own, whose made-up
prices come all the while; commands go over the control socket, one after the other.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.dispatching.desk import Ordering, exchange_process, ordering_plan, unheard
from benchmarks.measuring.figures import SHORT, figure
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from infra.live.loop import GatewayLoop
from infra.live.waiting import COORDINATOR
from infra.transport import SocketChannel, Switchboard
from market.live_messages import Attach, BarReady, Command, Decided, Marked

INSTRUMENTS = 50
CHANGES = 50 if SHORT else 500
WARM_UP = 10
STAGES = ("emergency_stop", "promote")
"""Commands in turn: to an emergency stop, and back to paper."""


def command(number: int) -> Command:
    """The next change."""
    return Command(name=STAGES[number % len(STAGES)], by="the benchmark", reason="measured")


@contextmanager
def served(folder: Path) -> Iterator[tuple[DeskHome, Ordering]]:
    """A desk whose gateway answers people."""
    plan = ordering_plan(INSTRUMENTS)
    home = DeskHome(folder=folder)
    home.make()
    leaving = threading.Event()
    with exchange_process(plan, folder) as broker:
        desk = Ordering(plan, broker, folder)
        loop = GatewayLoop(
            desk.gateway,
            Switchboard(home.line_key(), at=home.gateway_address),
            broker.subscribe,
            reconcile_every_s=60.0,
            tell=unheard,
        )
        thread = threading.Thread(target=loop.run, args=(leaving.is_set,))
        thread.start()
        try:
            yield home, desk
        finally:
            leaving.set()
            thread.join()
            desk.gateway.books.close()


def changes(home: DeskHome) -> np.ndarray:
    """Seconds from a command to the gateway's answer, which it gives once the change is on disk."""
    taken = np.empty(CHANGES + WARM_UP)
    for n in range(len(taken)):
        began = time.perf_counter()
        answer = ask_desk(home, command(n))
        taken[n] = time.perf_counter() - began
        if answer.refused:
            raise AssertionError(answer.refused)
    return taken[WARM_UP:]


def told_to_the_coordinator(home: DeskHome, desk: Ordering) -> np.ndarray:
    """Seconds from a command until a coordinator that is always ready is told of the new stage."""
    line = SocketChannel.dial(home.gateway_address, home.line_key(), COORDINATOR)
    line.send(Attach(session=desk.plan.desk.session, born=1))
    epoch = line.receive().epoch  # type: ignore[attr-defined]
    taken = np.empty(CHANGES // 5)
    try:
        for n in range(len(taken)):
            stage = ("emergency_stop", "paper")[n % 2]
            began = time.perf_counter()
            ask_desk(home, command(n))
            while True:
                heard = line.receive()
                if not isinstance(heard, BarReady | Marked):
                    continue
                line.send(
                    Decided(epoch=epoch, sequence=heard.sequence, time=0, records=(), signed=None)
                )
                if heard.stage == stage:
                    break
            taken[n] = time.perf_counter() - began
    finally:
        line.close()
    return taken


def figures() -> None:
    """Print them."""
    with (
        tempfile.TemporaryDirectory(prefix="q") as folder,
        served(Path(folder)) as (home, desk),
    ):
        seconds = changes(home)
        told = told_to_the_coordinator(home, desk)
    how = (
        f"command on the control socket → durable and answered; {len(seconds):,} changes between "
        f"paper and emergency stop, {INSTRUMENTS} instruments quoted meanwhile"
    )
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1e3
    figure("stage_change_p50_ms", float(p50), "ms", None, how)
    figure("stage_change_p99_ms", float(p99), "ms", 100.0, how, at_most=True)
    how = f"command → a ready coordinator holds the new stage; {len(told):,} times"
    p50, p99 = np.quantile(told, [0.5, 0.99]) * 1e3
    figure("stage_told_p50_ms", float(p50), "ms", None, how)
    figure("stage_told_p99_ms", float(p99), "ms", 100.0, how, at_most=True)


if __name__ == "__main__":
    figures()
