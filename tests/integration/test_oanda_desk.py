"""The whole desk on Ray, trading an account over OANDA's protocol, and what it is killed among.

One desk lives the whole story once, and each test reads what came of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.surviving.desk import holds_positions, settle
from coordinator.cli.app import run
from coordinator.live.brokers.choice import broker_named
from coordinator.live.conduct import DeskOnRay
from coordinator.live.trading import plan_for
from infra.brokers.oanda.credentials import TOKEN_VARIABLE
from infra.brokers.v20_server.running import V20Server
from infra.journal.reader import read_events
from infra.journal.verify import verify
from infra.live.home import DeskHome
from market.events import Event, OrderFilled, OrderIntended
from market.live_events import MismatchFound, TradingOpened
from tests.v20_desks import served, through
from tests.waiting import desk_told

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
TOKEN = "of-the-server-0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What a desk has left behind. opened and order: how it was opened, and an order that was
    filled, before anything went wrong. epochs: that it traded in.
    """

    home: DeskHome
    account: str
    processes: frozenset[str]
    opened: tuple[TradingOpened, ...]
    order: str
    epochs: tuple[int, ...]

    def events(self, kind: type[Event]) -> list[Any]:
        return events_of(self.home, kind)


def events_of(home: DeskHome, kind: type[Event]) -> list[Any]:
    return [event for event in read_events(home.journal) if isinstance(event, kind)]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, ray_session: str) -> Lived:
    """It trades, its gateway is killed twice, its server goes and comes back, and it settles."""
    folder = tmp_path_factory.mktemp("oanda")
    home = DeskHome(folder=folder / "desk")
    with served(folder / "server", TOKEN) as server:
        settings = through(server.url, ray={"namespace": ray_session})
        choice = broker_named(settings, {TOKEN_VARIABLE: TOKEN})
        plan = plan_for(settings, home, choice, resume=False)
        with choice.handed_over(home):
            actors = DeskOnRay(plan, home, choice)
            try:
                actors.start()
                epochs = [desk_told(home, holds_positions)["epoch"]]
                processes, opened = frozenset(actors.pids()), events_of(home, TradingOpened)
                order = a_filled_order(home)
                for _ in range(2):
                    os.kill(actors.pids()["gateway"], 9)
                    epochs.append(desk_told(home, lambda told: told["epoch"] > epochs[-1])["epoch"])
                be_away(server, home)
                settle(home)
            finally:
                actors.take_down()
    return Lived(
        home=home,
        account=server.account,
        processes=processes,
        opened=tuple(opened),
        order=order,
        epochs=tuple(epochs),
    )


def a_filled_order(home: DeskHome) -> str:
    filled = {event.fill.client_order_id for event in events_of(home, OrderFilled)}
    return next(
        event.order.client_order_id
        for event in events_of(home, OrderIntended)
        if event.order.client_order_id in filled
    )


def be_away(server: V20Server, home: DeskHome) -> None:
    """The server goes and comes back, and a person has the desk trade on."""
    server.stop()
    desk_told(home, lambda told: not told["broker_connected"])
    server.start()
    desk_told(home, lambda told: told["broker_connected"])
    asked = ["--home", str(home.folder), "--by", "ann", "--reason", "the server is back"]
    # What failed for long is left alone for some seconds; then the books are the broker's.
    desk_told(home, lambda _: run(["resume", *asked]) == 0, "it is resumed")


def test_the_committee_trades_and_an_order_is_explained_down_to_the_brokers_transactions(
    lived: Lived, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "gateway" in lived.processes
    assert "paper_exchange" not in lived.processes
    (opened,) = lived.opened
    assert opened.broker == f"OANDA local, account {lived.account}"
    assert opened.prices == ""
    assert run(["why", lived.order, "--run", str(lived.home.folder)]) == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert lived.order in told
    assert "Accepted by the broker, its transaction" in told
    assert verify(lived.home.journal).faults == ()


def test_killed_gateways_and_a_server_that_was_away_leave_books_that_are_the_brokers(
    lived: Lived,
) -> None:
    assert len(lived.epochs) == 3
    assert lived.events(MismatchFound) == []
    assert verify(lived.home.journal).faults == ()
    intended = [event.order.client_order_id for event in lived.events(OrderIntended)]
    assert len(intended) == len(set(intended))
