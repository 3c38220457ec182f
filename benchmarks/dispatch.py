"""How long an approved order takes to the broker, and how many a second go through.

The guardian reviews and signs, the gateway makes every order a durable intent, sends it and has
it acknowledged by a paper exchange in a process of its own, with its own durable store. One JSON
line a figure; `--short` sends less.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.dispatching.desk import Ordering, exchange_process, ordering_plan
from benchmarks.measuring.figures import SHORT, figure, load
from infra.deadlines import readable

INSTRUMENTS = 50
SINGLES = 200 if SHORT else 2_000
BATCHES = 50 if SHORT else 400


def singles(desk: Ordering) -> np.ndarray:
    """Seconds from a signed decision with one order to the broker's acknowledgement."""
    taken = np.empty(SINGLES)
    for n in range(SINGLES):
        reviewed = desk.review([n % INSTRUMENTS])
        began = time.perf_counter()
        sent = desk.dispatch(reviewed)
        taken[n] = time.perf_counter() - began
        if sent != 1:
            raise AssertionError(f"expected 1 order sent, found {sent}: {reviewed}")
        desk.gateway.catch_up()
    return taken


def batches(desk: Ordering) -> tuple[int, float, float]:
    """Orders through review, journal and broker, in how many seconds, and of these in review.

    What the broker did with them comes by its stream, as to a desk; the time ends once all of it
    is in the books.
    """
    everything = range(INSTRUMENTS)
    orders, reviewing = 0, 0.0
    state = desk.gateway.books.state
    stream = desk.broker.subscribe(state.last_transaction)
    start = time.perf_counter()
    for _ in range(BATCHES):
        began = time.perf_counter()
        reviewed = desk.review(everything)
        reviewing += time.perf_counter() - began
        orders += desk.dispatch(reviewed)
        if readable([stream], time.monotonic()):
            desk.gateway.take(stream.take())
    desk.gateway.catch_up()
    spent = time.perf_counter() - start
    stream.close()
    return orders, spent, reviewing


def main() -> None:
    """One after the other."""
    load("before")
    plan = ordering_plan(INSTRUMENTS)
    with tempfile.TemporaryDirectory(prefix="q") as name:
        folder = Path(name)
        with exchange_process(plan, folder) as client:
            desk = Ordering(plan, client, folder)
            singles(desk)
            taken = singles(desk)
            how = f"{SINGLES:,} decisions of one order, {INSTRUMENTS} instruments, intent first"
            p50, p99 = np.quantile(taken, [0.5, 0.99]) * 1e3
            figure("order_acknowledged_p50_ms", p50, "ms", 3.7, how, at_most=True)
            figure("order_acknowledged_p99_ms", p99, "ms", None, how)
            orders, spent, reviewing = batches(desk)
            how = f"{orders:,} orders in {BATCHES} decisions, all acknowledged, fills booked"
            figure("orders_per_s", orders / spent, "orders/s", 15_000.0, how)
            figure("review_share", reviewing / spent, "ratio", None, how)
    load("after")


if __name__ == "__main__":
    main()
