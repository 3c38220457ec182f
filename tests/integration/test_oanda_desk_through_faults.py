"""A desk at OANDA through faults, cut streams, and kills: nothing is lost, nothing twice."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import requests

from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from market.events import OrderFilled
from market.live_events import OrderUnknown
from market.modes import Mode
from market.orders import Bracket
from tests.exchanges import SYMBOLS, TERMS, WITHIN_S
from tests.live import FakeCoordinator, LiveDesk, coordinator_of
from tests.oanda_desks import Reached, assert_nothing_lost_or_doubled, oanda_desk
from tests.v20_accounts import TOKEN as PROCESS_TOKEN
from tests.v20_bench import TOKEN, V20Bench, v20_bench
from tests.v20_process import process

ORDERS = 60
EVERY = 3
SOON = (2.0, 0.25)
"""While faults are struck: what is not answered then is not meant to be."""
LATE = (2.0, 10.0)
"""While a desk opens and settles, and where a server is killed: that is heard of at once, and one
that has just begun has much to do.
"""
STOPPED = Bracket(stop=0.004, take_profit=float("nan"), trailing=None)
QUICK = 4.0
"""The adapter's waits for an order that is denied take a quarter of their time."""
HOUR = replace(TERMS, interval_s=3_600)
"""No bar closes while a test runs."""
MIDS = dict(zip(SYMBOLS, (1.1, 1.25, 150.0, 0.88), strict=True))
Kinds = tuple[tuple[FaultKind, dict[str, Any]], ...]
BEFORE_OR_AFTER: Kinds = (
    (FaultKind.LATENCY, {"seconds": 0.05}),
    (FaultKind.LATENCY, {"seconds": 0.4}),  # the order comes when its sender has given it up
    (FaultKind.TIMEOUT_BEFORE, {}),
    (FaultKind.TIMEOUT_AFTER, {}),
    (FaultKind.DISCONNECT_BEFORE, {}),
    (FaultKind.DISCONNECT_AFTER, {}),
    (FaultKind.SERVER_ERROR, {}),
    (FaultKind.SERVER_ERROR, {"done": True}),
    (FaultKind.HTML_ERROR, {"status": 502}),
    (FaultKind.HTML_ERROR, {"status": 200, "done": True}),
    (FaultKind.NOT_UTF8, {"done": True}),
    (FaultKind.REDIRECT, {}),
    (FaultKind.RATE_LIMITED, {}),
)
OF_ORDERS: Kinds = (
    (FaultKind.PARTIAL_FILL, {"share": 0.5}),
    (FaultKind.REJECT, {"reason": "INSUFFICIENT_MARGIN"}),
    (FaultKind.CANCEL_IN_201, {"reason": "MARKET_HALTED"}),
    (FaultKind.WRONG_STATUS, {}),
    (FaultKind.NO_SUCH_ORDER, {"seconds": 0.3}),
)


def every_third(on: str, kinds: Kinds) -> list[Fault]:
    """Each of these in its turn, one in every third request."""
    return [
        Fault(
            kind=kind,
            on=on,
            first=EVERY * (place + 1),
            every=EVERY * len(kinds),
            times=None,
            **facts,
        )
        for place, (kind, facts) in enumerate(kinds)
    ]


PLAN = FaultPlan(
    faults=(
        *every_third("POST", (*BEFORE_OR_AFTER, *OF_ORDERS)),
        *every_third("GET /v3/accounts/001-001-0000001-001/orders", BEFORE_OR_AFTER[3:]),
        *every_third("/transactions/sinceid", BEFORE_OR_AFTER[3:]),
        Fault(kind=FaultKind.DUPLICATE_TRANSACTIONS, times=None, every=2),
        Fault(kind=FaultKind.REORDERED_TRANSACTIONS, times=None, first=2, every=2),
    ),
    seed=5,
)


@contextmanager
def desk_at(folder: Path, reached: Reached) -> Iterator[LiveDesk]:
    desk = oanda_desk(folder, reached)
    try:
        yield desk
    finally:
        desk.close()


def reach(url: str, account: str, token: str = TOKEN) -> Reached:
    return Reached(
        url,
        token,
        account,
        HOUR,
        timeout=LATE,
        elapsed=lambda: QUICK * time.monotonic(),
        sleep=lambda seconds: time.sleep(seconds / QUICK),
    )


def settle(desk: LiveDesk, *, flat: bool = False) -> None:
    """Every order has ended, and then the desk. flat: nothing is held, and no market that goes on
    moves the account any more.
    """
    if flat:
        assert not desk.ask("flatten", by="a test", reason="it is over").refused
        desk.until(lambda told: told["mode"] == Mode.HALTED.value and not told["positions"])
    desk.until(lambda told: not told["open_orders"])
    assert not desk.ask("stop", by="a test", reason="it is over").refused
    desk.ended()


class Trader:
    """Sends what it draws, and counts what left."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.sequence = 0
        self.sent = 0

    def order(self, coordinator: FakeCoordinator) -> int:
        """One decision on some instruments; how many of its orders left."""
        self.sequence += 1
        symbols = self.rng.choice(SYMBOLS, size=int(self.rng.integers(1, 4)), replace=False)
        wishes = {
            str(symbol): float(self.rng.choice([-2_000.0, -1_000.0, 1_000.0, 3_000.0]))
            for symbol in symbols
        }
        sent = coordinator.order(wishes, sequence=self.sequence, bracket=STOPPED).sent
        self.sent += sent
        return sent


def test_sixty_orders_through_every_fault_are_each_booked_once(tmp_path: Path) -> None:
    with v20_bench(tmp_path / "server", terms=HOUR, fills="at once", heartbeat_s=0.2) as v20:
        quoted(v20)
        reached, trader = reach(v20.server.url, v20.server.account), Trader(7)
        with desk_at(tmp_path / "desk", reached) as desk:
            reached.connection.wait(SOON)
            v20.server.inject(PLAN)
            with coordinator_of(desk) as coordinator:
                deadline = time.monotonic() + 6 * WITHIN_S
                while trader.sent < ORDERS or not all_struck(v20):
                    assert time.monotonic() < deadline, "orders do not flow"
                    if trader.order(coordinator) == 0:
                        desk.status()  # all of it waits for look-ups; the gateway has its turn
                    if trader.sequence % 5 == 0:
                        v20.server.drop_streams()
                        quoted(v20)
            v20.server.inject(FaultPlan())
            reached.connection.wait(LATE)
            settle(desk)
            ends = assert_nothing_lost_or_doubled(desk, reached)
            assert {one.fill.reason for one in desk.events(OrderFilled)} == {
                "DECISION",
                "STOP_LOSS",
            }
        assert sum(ends.values()) >= ORDERS
        assert {"filled", "cancelled", "rejected", "absent"} <= set(ends)


def quoted(v20: V20Bench) -> None:
    """A new price of every instrument."""
    for symbol, mid in MIDS.items():
        v20.market(symbol, mid * (1.0 + 1e-3 * (v20.time // 1_000_000_000 % 7)))


def all_struck(v20: V20Bench) -> bool:
    """Whether each kind has struck; which request is an order's turn depends on what was sent."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    told = requests.get(f"{v20.server.url}/faults", headers=headers, timeout=WITHIN_S).json()
    struck = {FaultKind(one["kind"]) for one in told["faults"] if one["struck"]}
    return {kind for kind, _ in (*BEFORE_OR_AFTER, *OF_ORDERS)} <= struck


def test_a_desk_that_is_left_unsettled_is_of_one_mind_with_the_account_when_it_is_taken_up(
    tmp_path: Path,
) -> None:
    """The books are closed among orders that nobody knows of, some of which the server does."""
    kinds: Kinds = (
        (FaultKind.TIMEOUT_AFTER, {}),
        (FaultKind.DISCONNECT_BEFORE, {}),
        (FaultKind.SERVER_ERROR, {"done": True}),
    )
    unknown = tuple(
        Fault(kind=kind, on="POST", first=first, every=4, times=None, **facts)
        for first, (kind, facts) in enumerate(kinds, 1)
    )
    # What is unknown stays so while the desk lives: the record cannot be asked.
    blind = Fault(kind=FaultKind.SERVER_ERROR, on="/transactions", times=None)
    trader, left = Trader(3), 0
    with v20_bench(tmp_path / "server", terms=HOUR, fills="at once", heartbeat_s=0.2) as v20:
        quoted(v20)
        for life in range(4):
            reached = reach(v20.server.url, v20.server.account)
            with desk_at(tmp_path / "desk", reached) as desk:
                if life == 3:
                    settle(desk)
                    assert_nothing_lost_or_doubled(desk, reached)
                    break
                with coordinator_of(desk) as coordinator:
                    trader.order(coordinator)
                    reached.connection.wait(SOON)
                    v20.server.inject(FaultPlan(faults=(*unknown, blind)))
                    for _ in range(3):
                        trader.order(coordinator)
                desk.kill()
                left += len(desk.gateway.books.state.unsettled)
            v20.server.inject(FaultPlan())
            quoted(v20)
    assert left >= 3
    assert trader.sent > 6


def test_a_server_that_is_killed_among_orders_and_the_desk_with_it_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    """Killed with -9 on the same port and folder: twice the server alone, and once the desk too."""
    trader, port = Trader(11), 0
    folder, home = tmp_path / "server", tmp_path / "desk"
    account = "001-001-0000001-001"
    with process(folder) as (url, first):
        port = int(url.rsplit(":", 1)[1])
        reached = reach(url, account, PROCESS_TOKEN)
        with desk_at(home, reached) as desk, coordinator_of(desk) as coordinator:
            for _ in range(8):
                trader.order(coordinator)
            killed_among_orders(first, trader, coordinator)
            with process(folder, port) as (again, second):
                assert again == url
                flow(trader, coordinator, 12)
                killed_among_orders(second, trader, coordinator)
                desk.kill()
    with process(folder, port) as (_, third):
        reached = reach(url, account, PROCESS_TOKEN)
        with desk_at(home, reached) as desk:
            with coordinator_of(desk) as coordinator:
                flow(trader, coordinator, 12)
            settle(desk, flat=True)
            ends = assert_nothing_lost_or_doubled(desk, reached)
            assert desk.events(OrderUnknown)
        third.terminate()
        assert third.wait(WITHIN_S) == 0
    assert ends["filled"] > 12


def killed_among_orders(
    process: subprocess.Popen[str], trader: Trader, coordinator: FakeCoordinator
) -> None:
    """Orders go on being sent while the server dies and when it is dead."""
    threading.Timer(2e-3 + 1e-2 * float(trader.rng.random()), process.kill).start()
    while process.poll() is None:
        trader.order(coordinator)
    trader.order(coordinator)


def flow(trader: Trader, coordinator: FakeCoordinator, orders: int) -> None:
    """So many more orders leave."""
    enough, deadline = trader.sent + orders, time.monotonic() + 3 * WITHIN_S
    while trader.sent < enough:
        assert time.monotonic() < deadline, "orders do not flow"
        trader.order(coordinator)
