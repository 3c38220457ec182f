"""How long an approved order takes to the broker, and how many a second go through.

The guardian reviews and signs, the gateway makes every order a durable intent, sends it and has
it acknowledged by a paper exchange in a process of its own, with its own durable store; an order
fills at the next made-up price of its instrument. One JSON line a figure; `--short` sends less.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.dispatching.desk import SPEED, Ordering, exchange_process, ordering_plan
from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import SHORT, figure, load
from infra.deadlines import readable
from market.accounts import TransactionKind
from market.breaker_rules import BreakerLimits
from market.ports import BrokerStream

INSTRUMENTS = 50
SINGLES = 200 if SHORT else 2_000
BATCHES = 50 if SHORT else 400
FILLED_WITHIN_S = 60.0
OPEN_BREAKERS = BreakerLimits(volatility=10.0, price_fall=1.0, latency_s=600.0, correlation=2.0)
"""All are measured, and none is reached by made-up prices, or on a machine that has other work."""


def singles(desk: Ordering, stream: BrokerStream) -> np.ndarray:
    """Seconds from a signed decision with one order to the broker's acknowledgement."""
    taken = np.empty(SINGLES)
    for n in range(SINGLES):
        reviewed = desk.review([n % INSTRUMENTS])
        began = time.perf_counter()
        sent = desk.dispatch(reviewed)
        taken[n] = time.perf_counter() - began
        if sent != 1:
            raise AssertionError(f"expected 1 order sent, found {sent}: {reviewed}")
        heard(desk, stream)
    return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """orders: of all decisions. Seconds from the first review on: until the last order was
    acknowledged, and until the last fill was booked. review_s: of the first, spent in reviews.
    """

    orders: int
    acknowledged_s: float
    filled_s: float
    review_s: float


def batches(desk: Ordering, stream: BrokerStream) -> Batches:
    """Decisions that order in every instrument, one after the other.

    What the broker did with them comes by its stream, as to a desk, and is booked in between. A
    decision's orders are under way until those of the next are sent.
    """
    filled(desk, stream)
    before = desk.gateway.books.state.last_transaction
    orders, review_s = 0, 0.0
    start = time.perf_counter()
    for _ in range(BATCHES):
        began = time.perf_counter()
        reviewed = desk.review(range(INSTRUMENTS))
        review_s += time.perf_counter() - began
        if reviewed.refused:
            raise AssertionError(f"expected every order approved, found {reviewed.refused[0]}")
        orders += desk.send(reviewed)
        heard(desk, stream)
    desk.settle()
    acknowledged_s = time.perf_counter() - start
    filled(desk, stream)
    filled_s = time.perf_counter() - start
    ends = Counter(
        one.reason or one.kind.value
        for one in desk.broker.transactions(before)
        if one.kind is not TransactionKind.ACCEPTED
    )
    if ends != {TransactionKind.FILLED.value: orders}:
        raise AssertionError(f"expected {orders} orders filled, found {dict(ends)}")
    return Batches(
        orders=orders, acknowledged_s=acknowledged_s, filled_s=filled_s, review_s=review_s
    )


def heard(desk: Ordering, stream: BrokerStream) -> None:
    """Book what has come, without waiting for more."""
    if readable([stream], time.monotonic()):
        desk.gateway.take(stream.take())


def filled(desk: Ordering, stream: BrokerStream) -> None:
    """Book what comes until no order is open. Raises TimeoutError where one stays so."""
    until = time.monotonic() + FILLED_WITHIN_S
    while desk.gateway.books.state.orders:
        if not readable([stream], until):
            raise TimeoutError(f"orders are open still after {FILLED_WITHIN_S:g} s")
        desk.gateway.take(stream.take())


def measure(desk: Ordering, stream: BrokerStream) -> None:
    """One figure after the other, once the desk has the market's time."""
    unheard_of, until = desk.gateway.now, time.monotonic() + FILLED_WITHIN_S
    while desk.gateway.now == unheard_of:
        if not readable([stream], until):
            raise TimeoutError("the exchange gives no price")
        desk.gateway.take(stream.take())
    singles(desk, stream)
    taken = singles(desk, stream)
    how = f"{SINGLES:,} decisions of one order, {INSTRUMENTS} instruments, intent first"
    p50, p99 = np.quantile(taken, [0.5, 0.99]) * 1e3
    figure("order_acknowledged_p50_ms", p50, "ms", 3.7, how, at_most=True)
    figure("order_acknowledged_p99_ms", p99, "ms", None, how)
    sent = batches(desk, stream)
    many = f"{sent.orders:,} orders in {BATCHES} decisions, the orders being given"
    how = f"{many}: reviewed, durable, acknowledged; fills are booked as they come"
    figure("orders_per_s", sent.orders / sent.acknowledged_s, "orders/s", 15_000.0, how)
    how = f"{many}, until every fill is booked; prices at {SPEED:g} times real time"
    figure("orders_filled_per_s", sent.orders / sent.filled_s, "orders/s", None, how)
    how = "of the time until the last order was acknowledged"
    figure("review_share", sent.review_s / sent.acknowledged_s, "ratio", None, how)


def main() -> None:
    """An exchange, and a desk on it."""
    arguments(__doc__)
    load("before")
    plan = ordering_plan(INSTRUMENTS)
    with tempfile.TemporaryDirectory(prefix="q") as name:
        folder = Path(name)
        with exchange_process(plan, folder) as client:
            desk = Ordering(plan, client, folder, breakers=OPEN_BREAKERS)
            after = desk.gateway.books.state.last_transaction
            with contextlib.closing(client.subscribe(after)) as stream:
                measure(desk, stream)
    load("after")


if __name__ == "__main__":
    main()
