"""Instruments that are traded in tenths and hundredths of a unit: what was bought can be closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.feeds.live.board import PriceBoard
from infra.live.gateway import LiveGateway
from infra.live.opening import open_books
from infra.live.reconciliation import mismatches
from market.accounts import AccountState
from market.desk_state import DeskState
from market.live_events import MismatchFound
from market.modes import Mode
from tests.exchanges import CASH, START, SYMBOLS, TERMS
from tests.live_gateways import (
    APPROVALS_KEY,
    ROWS,
    WILD,
    GatewayDesk,
    approved,
    close_everything,
    started,
)
from tests.v20_bench import v20_bench

EUR = SYMBOLS.index("EUR_USD")


@contextmanager
def fractional_desk(folder: Path, increment: float) -> Iterator[GatewayDesk]:
    """A gateway on the adapter and the server; every instrument is traded in such increments."""
    instruments = tuple(replace(one, unit_increment=increment) for one in TERMS.instruments)
    terms = replace(TERMS, instruments=instruments)
    with v20_bench(folder / "server", terms=terms, fills="at once") as bench:
        bench.market("EUR_USD", 5_000.0)
        journal = folder / "journal.sqlite"
        books = open_books(journal, started(), ROWS, ("one", "two"), lambda: (START, CASH))
        gateway = LiveGateway(
            broker=bench.broker,
            books=books,
            board=PriceBoard(SYMBOLS, 60, np.full(len(SYMBOLS), 10**15), closed_until=0),
            instruments=instruments,
            account_currency="USD",
            key=APPROVALS_KEY,
            versions=(),
            history_bars=ROWS,
            breakers=WILD,
            tell=lambda *_, **__: None,
        )
        try:
            gateway.open("a v20 server")
            desk = GatewayDesk(bench=bench, gateway=gateway, journal=journal)
            desk.epoch = gateway.attach().epoch
            yield desk
        finally:
            books.close()


def trade(desk: GatewayDesk, sizes: Sequence[float]) -> None:
    for sequence, units in enumerate(sizes):
        assert desk.execute(approved("EUR_USD", units), sequence=sequence).sent == 1
        desk.gateway.catch_up()
        assert desk.gateway.compare() == ""


@pytest.mark.parametrize(
    ("increment", "sizes"),
    [
        (0.1, (0.1, 0.2, -0.3)),
        (0.01, (0.06, 0.01, 0.22, -0.29)),
        (0.1, (0.1, 0.2, -0.4, 0.1)),
    ],
)
def test_what_was_bought_in_fractions_is_closed_to_the_last_of_them(
    tmp_path: Path, increment: float, sizes: tuple[float, ...]
) -> None:
    with fractional_desk(tmp_path, increment) as desk:
        trade(desk, sizes)
        assert desk.state.ledger.units[EUR] == 0.0
        assert np.isnan(desk.state.ledger.average_price[EUR])
        assert desk.state.mode is Mode.TRADING
        assert desk.events(MismatchFound) == []


def test_fractions_that_were_bought_are_flattened_in_one_order(tmp_path: Path) -> None:
    with fractional_desk(tmp_path, 0.1) as desk:
        trade(desk, (0.1, 0.2))
        desk.gateway.change_mode(Mode.FLATTENING, "ann", "flatten")
        close_everything(desk.gateway)
        assert (desk.state.flattens, desk.state.mode) == (1, Mode.HALTED)
        assert not desk.state.ledger.units.any()
        assert desk.gateway.compare() == ""


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        (0.1 + 0.2, 0.3, 0),
        (1e9, 1e9 + 1.0, 1),
        (123_456.7, 123_456.8, 1),
        (0.3, 0.30001, 1),
        (1e-4, 0.0, 1),
        (0.0, float("nan"), 1),
    ],
)
def test_a_difference_of_units_is_more_than_the_noise_of_sums(
    here: float, there: float, found: int
) -> None:
    state = DeskState(replace(started(), initial_balance=CASH), ROWS)
    state.ledger.units[EUR] = here
    units = np.zeros(len(SYMBOLS))
    units[EUR] = there
    account = AccountState(
        units=units,
        average_price=np.full(len(SYMBOLS), np.nan),
        stop_price=np.full(len(SYMBOLS), np.nan),
        working=np.zeros(len(SYMBOLS)),
        cash=CASH,
        equity=CASH,
        margin_used=0.0,
        last_transaction=0,
    )
    assert len(mismatches(state, account, START)) == found
