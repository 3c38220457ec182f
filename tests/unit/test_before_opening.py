"""A gateway that has not taken its account up yet books nothing of it, whatever a person asks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infra.feeds.live.board import PriceBoard
from infra.live.commands import Commands
from infra.live.gateway import LiveGateway
from infra.live.opening import open_books
from market.live_messages import Command
from market.modes import Mode
from tests.exchanges import START, SYMBOLS, TERMS, LocalBench, order
from tests.live_gateways import APPROVALS_KEY, ROWS, WILD, started


@pytest.mark.parametrize("asked", ["promote", "resume"])
def test_what_the_account_did_before_the_desk_is_not_booked_by_a_command_of_a_person(
    tmp_path: Path, asked: str
) -> None:
    bench = LocalBench(tmp_path)
    bench.market("EUR_USD", 1.1, 0.0)
    bench.broker.place(order("earlier", 1_000.0))
    bench.market("EUR_USD", 1.1, 0.0)
    bench.broker.close("EUR_USD", "earlier-close")
    bench.market("EUR_USD", 1.2, 0.0)
    account = bench.broker.account()
    assert account.cash != TERMS.cash
    assert not account.units.any()
    books = open_books(
        tmp_path / "journal.sqlite", started(), ROWS, ("one", "two"), lambda: (START, account.cash)
    )
    gateway = LiveGateway(
        broker=bench.broker,
        books=books,
        board=PriceBoard(SYMBOLS, 60, np.full(len(SYMBOLS), 10**15), closed_until=0),
        instruments=TERMS.instruments,
        account_currency="USD",
        key=APPROVALS_KEY,
        versions=(),
        history_bars=ROWS,
        breakers=WILD,
        tell=lambda *_, **__: None,
    )
    commands = Commands(
        gateway, health=dict, committee_changed=lambda: None, rearm_asked=lambda _: None
    )
    try:
        answered = commands.answer(Command(name=asked, by="ann", reason="it has shown enough"))
        assert f"has not been reached yet; {asked} once it has" in answered.refused
        gateway.open("a paper exchange")
        assert books.state.ledger.cash[0] == account.cash
        assert books.state.mode is Mode.TRADING
    finally:
        bench.close()
        books.close()
