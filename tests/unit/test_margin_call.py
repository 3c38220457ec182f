"""A margin call blocks new risk from the broker's first word of it to its last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.live.breakers import GatewayBreakers
from infra.live.status import status_of
from market.accounts import MARGIN_CALL
from market.events import AlertRaised
from market.live_events import BreakerReset, BreakerTripped
from tests.exchanges import SYMBOLS
from tests.live_broker import FakeBench
from tests.live_gateways import GatewayDesk, approved, crash, open_gateway

EUR = SYMBOLS.index("EUR_USD")
ENTER, EXTEND, EXIT = (f"{MARGIN_CALL}_{phase}" for phase in ("ENTER", "EXTEND", "EXIT"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[FakeBench]:
    made = FakeBench(tmp_path)
    yield made
    made.close()


@contextmanager
def opened(bench: FakeBench, folder: Path) -> Iterator[GatewayDesk]:
    desk = open_gateway(bench, folder)
    try:
        yield desk
    finally:
        crash(desk)


def tell(desk: GatewayDesk, reason: str) -> None:
    """The broker notes it, and the gateway hears of it."""
    number = desk.bench.broker.note(reason).id
    desk.hear(lambda update: any(told.id == number for told in update.transactions))


def breakers(desk: GatewayDesk) -> GatewayBreakers:
    return desk.gateway.breakers


def test_new_risk_is_blocked_while_a_margin_call_lasts_and_less_risk_is_not(
    bench: FakeBench, tmp_path: Path
) -> None:
    with opened(bench, tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        assert desk.execute(approved("EUR_USD", 1_000.0), sequence=0).sent == 1
        desk.market("EUR_USD", 1.10)
        tell(desk, f"{ENTER}: free margin")
        (alert,) = desk.events(AlertRaised)
        assert (alert.level, alert.source) == ("critical", "broker")
        assert alert.message in desk.said
        refused = desk.execute(approved("EUR_USD", 1_000.0), sequence=1)
        assert refused.sent == 0
        assert MARGIN_CALL in refused.unsent[0][1]
        assert desk.execute(approved("EUR_USD", -400.0), sequence=2).sent == 1
        desk.market("EUR_USD", 1.10)
        assert desk.state.ledger.units[EUR] == 600.0
        tell(desk, EXIT)
        assert breakers(desk).blocked == ""
        assert desk.execute(approved("EUR_USD", 1_000.0), sequence=3).sent == 1


def test_a_restart_knows_of_the_margin_call_and_of_its_end_while_it_was_away(
    bench: FakeBench, tmp_path: Path
) -> None:
    with opened(bench, tmp_path) as desk:
        tell(desk, ENTER)
        desk.gateway.books.durable()
    with opened(bench, tmp_path) as again:
        assert MARGIN_CALL in breakers(again).blocked
        assert len(again.events(BreakerTripped)) == 1
    bench.broker.note(EXIT)
    bench.broker.note(ENTER)
    bench.broker.note(EXTEND)
    with opened(bench, tmp_path) as later:
        assert MARGIN_CALL in breakers(later).blocked
        assert [one.repeats for one in later.events(BreakerTripped)] == [0, 0, 1]
    bench.broker.note(EXIT)
    with opened(bench, tmp_path) as last:
        assert breakers(last).blocked == ""
        assert [one.by for one in last.events(BreakerReset)] == ["the broker", "the broker"]


def test_a_person_who_resumes_is_told_that_the_margin_call_holds(
    bench: FakeBench, tmp_path: Path
) -> None:
    with opened(bench, tmp_path) as desk:
        tell(desk, ENTER)
        breakers(desk).reset("anna", "it will be fine", desk.gateway.now)
        assert MARGIN_CALL in breakers(desk).blocked
        told = status_of(desk.gateway, {})["breakers"]
        assert [one["phase"] for one in told if one["name"] == MARGIN_CALL] == ["TRIPPED"]
        tell(desk, EXIT)
        told = status_of(desk.gateway, {})["breakers"]
        assert [one for one in told if one["name"] == MARGIN_CALL] == []


def test_what_else_is_noted_blocks_nothing(bench: FakeBench, tmp_path: Path) -> None:
    with opened(bench, tmp_path) as desk:
        for reason in ("BRACKET_CHANGED", "CLIENT_CONFIGURE", EXIT):
            tell(desk, reason)
        assert breakers(desk).blocked == ""
        assert [one.level for one in desk.events(AlertRaised)] == ["warning"]
