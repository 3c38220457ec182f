"""The OANDA adapter over a v20 server: how fast, and what is left after faults and cuts.

The server is a process of its own, with its own durable stores; the desk (guardian, gateway,
journal, adapter, streams) is this one; between them is HTTP on this machine. Prices are numbered,
so what was not seen of them is known exactly. One JSON line a figure; `--short` does less, `--seed
N` draws other faults, and names choose among: prices, orders, flood, faults, cuts.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.broking.booked_once import booked_once
from benchmarks.broking.desk import Dealing, dealing
from benchmarks.broking.faults import EVERY, worst_day
from benchmarks.broking.flow import Flow
from benchmarks.broking.heard import back_after
from benchmarks.broking.listening import listen
from benchmarks.broking.memory import Memory
from benchmarks.dispatching.desk import ordering_plan
from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import SHORT, figure, load
from benchmarks.surviving.account import WRONG, Comparison, compare
from coordinator.live.plan import LivePlan
from infra.brokers.v20_server.faults import FaultPlan
from infra.deadlines import readable
from infra.journal.reader import read_events

INSTRUMENTS = 50
PRICES_S = 10.0 if SHORT else 60.0
ORDERS = 200 if SHORT else 2_000
APART_S = 0.025
"""Between two decisions: the limit of requests is not what is measured."""
FLOOD_S = 20.0 if SHORT else 600.0
FLOOD_WARM_UP_S = 5.0 if SHORT else 60.0
FLOOD_EVERY_S = 0.25
NUMBERS = 10_000
LEAK_MB = 5.0
"""Of 120,000 prices, 40 bytes each: no object that could be kept of every one is smaller."""
FAULTY = 200 if SHORT else 2_000
FAULTY_TIMEOUT_S = 0.75
CUTS_S = 30.0 if SHORT else 300.0
SEED = 8
CUT_EVERY_S = 10.0
CUT_ORDERS_EVERY_S = 0.2
BACK_WITHIN_S = 2.0
ROUND = 100
"""Numbers of the prices that orders fill at: they move by a tenth of a per cent and no more."""


def told(what: str) -> None:
    """How far it is, for people."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


def prices(plan: LivePlan, folder: Path) -> None:
    """How old a price is when it stands on the board."""
    with dealing(plan, folder, every_s=1.0, numbers=NUMBERS) as made:
        seen, _, _ = listen(
            made,
            5.0,
            PRICES_S,
            numbers=NUMBERS,
            most=INSTRUMENTS * round(PRICES_S + 10.0),
            watch=lambda left_s: told(f"prices: {left_s:.0f} s left"),
        )
    p50, p99 = np.quantile(seen.ages_ms(), [0.5, 0.99])
    how = f"{seen.seen:,} prices of {INSTRUMENTS} instruments, one a second each, to the board"
    figure("price_to_board_p50_ms", p50, "ms", 2.0, how, at_most=True)
    figure("price_to_board_p99_ms", p99, "ms", None, how)


def orders(plan: LivePlan, folder: Path) -> None:
    """Seconds from a decision to the broker's acknowledgement, and until its fill is booked."""
    with dealing(plan, folder, every_s=1.0, numbers=ROUND) as made:
        one_by_one(made, ORDERS // 10)
        acknowledged, filled = one_by_one(made, ORDERS)
        sync = disk_sync_s(folder)
    how = (
        f"{ORDERS:,} decisions of one order: signed, durable intent, POST, 201 with its fill; "
        f"{INSTRUMENTS} instruments quoted once a second meanwhile, both streams read"
    )
    p50, p99 = np.quantile(acknowledged, [0.5, 0.99]) * 1e3
    figure("oanda_order_acknowledged_p50_ms", p50, "ms", 8.0, how, at_most=True)
    figure("oanda_order_acknowledged_p99_ms", p99, "ms", None, how)
    best = float(np.quantile(acknowledged, 0.1)) * 1e3
    figure("oanda_order_acknowledged_p10_ms", best, "ms", None, f"the machine is shared: {how}")
    syncs = "of 4 kB; of these an order waits for one at the desk, for three or four in the server"
    figure("disk_sync_p50_ms", sync * 1e3, "ms", None, syncs)
    p50, p99 = np.quantile(filled, [0.5, 0.99]) * 1e3
    figure("oanda_fill_booked_p50_ms", p50, "ms", None, f"from the same decisions: {how}")
    figure("oanda_fill_booked_p99_ms", p99, "ms", None, f"from the same decisions: {how}")


def disk_sync_s(folder: Path, times: int = 100) -> float:
    """Median seconds that the disk under a folder takes to make 4 kB durable, as now and then."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(4_096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
            time.sleep(APART_S)
    return statistics.median(taken)


def one_by_one(made: Dealing, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of each order until it was acknowledged, and until its fill was booked."""
    desk, acknowledged, filled = made.desk, np.empty(count), np.empty(count)
    state = desk.gateway.books.state
    with contextlib.closing(made.broker.subscribe(state.last_transaction)) as stream:
        for n in range(count):
            pause = time.monotonic() + APART_S
            while time.monotonic() < pause and readable([stream], pause):
                desk.gateway.take(stream.take())
            reviewed = desk.review([n % INSTRUMENTS])
            began = time.perf_counter()
            sent = desk.dispatch(reviewed)
            acknowledged[n] = time.perf_counter() - began
            if sent != 1:
                raise AssertionError(f"expected 1 order sent, found {sent}: {reviewed}")
            until = time.monotonic() + 10.0
            while state.orders:
                if not readable([stream], until):
                    raise TimeoutError(f"order {n} has no end after 10 s")
                desk.gateway.take(stream.take())
            filled[n] = time.perf_counter() - began
            if n % 50 == 0:
                told(f"orders: {n}/{count}")
    return acknowledged, filled


def flood(plan: LivePlan, folder: Path) -> None:
    """Every instrument as often as OANDA tells it, for long."""
    with dealing(plan, folder, every_s=FLOOD_EVERY_S, numbers=NUMBERS) as made:
        reader, server = Memory(os.getpid()), Memory(made.server.pid)

        def watch(left_s: float) -> None:
            reader.look()
            server.look()
            told(f"flood: {left_s:.0f} s left")

        most = round(INSTRUMENTS * (FLOOD_S + 10.0) / FLOOD_EVERY_S)
        seen, health, behind = listen(
            made, FLOOD_WARM_UP_S, FLOOD_S, numbers=NUMBERS, most=most, watch=watch
        )
    p50, p99 = np.quantile(seen.ages_ms(), [0.5, 0.99])
    how = (
        f"{INSTRUMENTS} instruments at {1.0 / FLOOD_EVERY_S:g} prices a second each for "
        f"{FLOOD_S:g} s: {seen.seen:,} seen, {seen.missing} replaced by newer ones, of these "
        f"{health.conflated} in the reader since it began; {health.reconnects} reconnects"
    )
    figure("flood_newest_missing", float(behind), "instruments", 0.0, how, at_most=True)
    figure("flood_missing_in_a_row", float(seen.in_a_row), "prices", 1.0, how, at_most=True)
    figure("flood_out_of_order", float(seen.backwards), "prices", 0.0, how, at_most=True)
    figure("flood_conflated_share", seen.missing / (seen.seen + seen.missing), "ratio", None, how)
    figure("flood_price_to_board_p50_ms", p50, "ms", None, how)
    figure("flood_price_to_board_p99_ms", p99, "ms", None, how)
    for name, memory in (("reader", reader), ("server", server)):
        first, last = memory.growth()
        how = (
            f"{first:.1f} to {last:.1f} MB resident, means of the first and last fifth of "
            f"{FLOOD_S:g} s after {FLOOD_WARM_UP_S:g} s of warm-up"
        )
        figure(f"flood_growth_{name}_mb", last - first, "MB", LEAK_MB, how, at_most=True)


def faults(plan: LivePlan, folder: Path, seed: int = SEED) -> None:
    """Orders on a day on which every third request goes wrong. seed: of which, and how."""
    began = time.monotonic()
    with dealing(plan, folder, every_s=1.0, numbers=ROUND, timeout_s=FAULTY_TIMEOUT_S) as made:
        struck: list[int] = []

        def calm() -> None:
            struck.append(int(made.server.status()["faults_struck"]))
            made.server.inject(FaultPlan())

        flow = Flow(
            made,
            orders=FAULTY,
            between=lambda sent: told(f"faults: {sent}/{FAULTY} orders"),
            calm=calm,
        )
        made.server.inject(worst_day(seed))
        flow.run(reconcile_every_s=5.0)
        took = time.monotonic() - began
        found = compare(made.journal, made.broker)
        waiting = len(made.broker.working())
    how = (
        f"seed {seed}; {flow.sent:,} orders in {took:.0f} s, {struck[0]:,} faults: every "
        f"{EVERY}rd request; {in_words(found)}; resumed {flow.resumed} times"
    )
    figure("faulty_orders", float(flow.sent), "orders", float(FAULTY), how)
    figure("faulty_open", float(waiting), "orders", 0.0, how, at_most=True)
    verdicts("faulty", found, how)


def cuts(plan: LivePlan, folder: Path) -> None:
    """Both streams cut from time to time while orders flow."""
    with dealing(plan, folder, every_s=FLOOD_EVERY_S, numbers=ROUND) as made:
        done: list[tuple[int, int]] = []
        began = time.monotonic()

        def between(sent: int) -> None:
            passed = time.monotonic() - began
            if passed < CUTS_S and passed >= CUT_EVERY_S * (len(done) + 1) - CUT_EVERY_S / 2.0:
                done.append(made.server.cut())
            told(f"cuts: {passed:.0f}/{CUTS_S:.0f} s, {sent} orders, {len(done)} cuts")

        flow = Flow(
            made,
            orders=10**9,
            every_s=CUT_ORDERS_EVERY_S,
            done=lambda: time.monotonic() - began >= CUTS_S,
            between=between,
        )
        flow.run(reconcile_every_s=60.0)
        found = compare(made.journal, made.broker)
        booked = booked_once(list(read_events(made.journal)), made.broker.transactions(0))
    how = (
        f"{len(done)} cuts of both streams, one in {CUT_EVERY_S:g} s, {flow.sent} orders; "
        f"{booked}; {len(flow.heard)} streams; {in_words(found)}"
    )
    figure("cuts_booked_not_once", float(booked.wrong), "transactions", 0.0, how, at_most=True)
    verdicts("cuts", found, how)
    for name, heard in (
        ("price", [one for stream in flow.heard for one in stream.prices]),
        ("transaction", [one for stream in flow.heard for one in stream.transactions]),
    ):
        back = back_after(done, heard)
        how = (
            f"of {len(back)} cuts, from the cut in the server to the next {name} at the desk, "
            f"{INSTRUMENTS} instruments at {1.0 / FLOOD_EVERY_S:g} prices a second, an order in "
            f"{CUT_ORDERS_EVERY_S:g} s"
        )
        worst, middle = max(back), statistics.median(back)
        figure(f"cut_{name}_again_worst_s", worst, "s", BACK_WITHIN_S, how, at_most=True)
        figure(f"cut_{name}_again_p50_s", middle, "s", BACK_WITHIN_S, how, at_most=True)


def in_words(found: Comparison) -> str:
    """How much there was to compare."""
    return (
        f"{found.orders:,} orders and {found.fills:,} fills at the broker, {found.unanswered:,} "
        f"unanswered, {found.denied:,} that it never had; {found.held} positions"
    )


def verdicts(name: str, found: Comparison, how: str) -> None:
    """What must be nought."""
    for what in WRONG:
        figure(f"{name}_{what}", float(getattr(found, what)), "", 0.0, how, at_most=True)


Part = Callable[[LivePlan, Path], None]
PARTS: dict[str, Part] = {
    "prices": prices,
    "orders": orders,
    "flood": flood,
    "faults": faults,
    "cuts": cuts,
}


def main() -> None:
    """One after the other, each with an account and a desk of its own."""
    asked = arguments(__doc__, seed=SEED, parts=PARTS)
    parts: dict[str, Part] = {**PARTS, "faults": partial(faults, seed=asked.seed)}
    plan = ordering_plan(INSTRUMENTS)
    load("before")
    for name in asked.parts:
        with tempfile.TemporaryDirectory(prefix="q") as folder:
            parts[name](plan, Path(folder))
        told("")
    load("after")


if __name__ == "__main__":
    main()
