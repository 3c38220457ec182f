"""The whole desk on Ray, trading an account over OANDA's protocol, and what it is killed among."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.surviving.desk import holds_positions, settle, status, until
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

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
TOKEN = "of-the-server-0123456789"
WITHIN_S = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OandaDesk:
    """A desk that trades, and the server that it trades at."""

    home: DeskHome
    server: V20Server
    actors: DeskOnRay

    def until(self, enough: Any) -> None:
        assert until(self.home, enough, WITHIN_S) < WITHIN_S, status(self.home)

    def events(self, kind: type[Event]) -> list[Any]:
        return [event for event in read_events(self.home.journal) if isinstance(event, kind)]


@pytest.fixture
def desk(tmp_path: Path, ray_session: str) -> Iterator[OandaDesk]:
    home = DeskHome(folder=tmp_path / "desk")
    with served(tmp_path / "server", TOKEN) as server:
        settings = through(server.url, ray={"namespace": ray_session})
        choice = broker_named(settings, {TOKEN_VARIABLE: TOKEN})
        plan = plan_for(settings, home, choice, resume=False)
        with choice.handed_over(home):
            actors = DeskOnRay(plan, home, choice)
            try:
                actors.start()
                one = OandaDesk(home=home, server=server, actors=actors)
                one.until(holds_positions)
                yield one
            finally:
                actors.take_down()


def test_the_committee_trades_and_an_order_is_explained_down_to_the_brokers_transactions(
    desk: OandaDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "paper_exchange" not in desk.actors.pids()
    (opened,) = desk.events(TradingOpened)
    assert opened.broker == f"OANDA local, account {desk.server.account}"
    assert opened.prices == ""
    filled = {event.fill.client_order_id for event in desk.events(OrderFilled)}
    order = next(
        event.order.client_order_id
        for event in desk.events(OrderIntended)
        if event.order.client_order_id in filled
    )
    settle(desk.home)
    capsys.readouterr()
    assert run(["why", order, "--run", str(desk.home.folder)]) == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert order in told
    assert "Accepted by the broker, its transaction" in told
    assert verify(desk.home.journal).faults == ()


def test_killed_gateways_and_a_server_that_was_away_leave_books_that_are_the_brokers(
    desk: OandaDesk,
) -> None:
    for _ in range(2):
        epoch = (status(desk.home) or {"epoch": 0})["epoch"]
        os.kill(desk.actors.pids()["gateway"], 9)
        desk.until(lambda told, epoch=epoch: told["epoch"] > epoch)
    desk.server.stop()
    desk.until(lambda told: not told["broker_connected"])
    desk.server.start()
    desk.until(lambda told: told["broker_connected"])
    asked = ["--home", str(desk.home.folder), "--by", "ann", "--reason", "the server is back"]
    # What failed for long is left alone for some seconds; then the books are the broker's.
    desk.until(lambda _: run(["resume", *asked]) == 0)
    settle(desk.home)
    assert desk.events(MismatchFound) == []
    assert verify(desk.home.journal).faults == ()
    intended = [event.order.client_order_id for event in desk.events(OrderIntended)]
    assert len(intended) == len(set(intended))
