"""A gateway cancels within a budget; a flatten and an emergency stop never wait for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.live.broker_watch import BrokerHealth, WatchedBroker
from infra.live.cancel_budget import CancelBudget, CancelLimits
from market.errors import TransientError
from market.modes import Mode
from tests.exchanges import SYMBOLS
from tests.hand_clock import HandClock
from tests.live_broker import FakeBroker
from tests.live_gateways import GatewayDesk, approved, close_everything, gateway_desk

ONE = CancelLimits(per_second=1, per_minute=1)


def budget(
    *, urgent: bool = False, said: list[str] | None = None, clock: HandClock
) -> CancelBudget:
    heard = [] if said is None else said
    return CancelBudget(
        CancelLimits(per_second=2, per_minute=3),
        urgent=lambda: urgent,
        tell=lambda text, **_: heard.append(text),
        clock=clock,
    )


def test_what_is_over_the_budget_is_deferred_counted_and_told_once() -> None:
    said, clock = list[str](), HandClock(1_000.0)
    cancels = budget(said=said, clock=clock)
    cancels.cancelling()
    cancels.cancelling()
    for _ in range(2):
        with pytest.raises(TransientError, match=r"CANCEL_RATE: 3 cancels, at most 2"):
            cancels.cancelling()
    clock.now += 2.0
    cancels.cancelling()
    with pytest.raises(TransientError, match=r"4 cancels, at most 3"):
        cancels.cancelling()
    assert cancels.told() == {"sent": 3, "deferred": 3, "per_second": 2, "per_minute": 3}
    assert len(said) == 2, "once each time that it begins to bind"
    clock.now += 120.0
    cancels.cancelling()


def test_what_cannot_wait_is_counted_and_never_deferred() -> None:
    clock = HandClock(1_000.0)
    cancels = budget(urgent=True, clock=clock)
    for _ in range(500):
        cancels.cancelling()
    assert (cancels.sent, cancels.deferred) == (500, 0)


def test_closing_orders_are_counted_and_never_wait() -> None:
    clock = HandClock(1_000.0)
    cancels = budget(clock=clock)
    for _ in range(50):
        cancels.closing()
    with pytest.raises(TransientError, match="51 cancels"):
        cancels.cancelling()


def test_a_cancel_that_must_wait_is_not_sent_and_no_failure_of_the_broker() -> None:
    broker, health = FakeBroker(), BrokerHealth()
    cancels = budget(clock=HandClock(1_000.0))
    watched = WatchedBroker(broker, health, cancels)
    cancels.cancelling()
    cancels.cancelling()
    with pytest.raises(TransientError, match="CANCEL_RATE"):
        watched.cancel("whatever")
    assert broker.asked == []
    assert health.failures == 0
    broker.hang_up()


def working(desk: GatewayDesk) -> int:
    """Orders that wait at the broker, as the books have them after its transactions."""
    desk.gateway.catch_up()
    return len(desk.state.orders)


def with_orders(desk: GatewayDesk) -> None:
    """Orders in every instrument that wait for a price."""
    desk.execute(*(approved(symbol, 100.0) for symbol in SYMBOLS))
    assert working(desk) == len(SYMBOLS) >= 2


def test_what_is_deferred_stays_in_the_books(tmp_path: Path) -> None:
    with gateway_desk(tmp_path, cancels=ONE) as desk:
        with_orders(desk)
        for _ in range(3):
            desk.gateway.cancel_openings()
            assert working(desk) == len(SYMBOLS) - 1
        assert desk.gateway.cancels.deferred == 3


def test_a_flatten_cancels_and_closes_everything_whatever_was_sent_before(tmp_path: Path) -> None:
    with gateway_desk(tmp_path, cancels=ONE) as desk:
        with_orders(desk)
        desk.gateway.cancel_openings()
        desk.gateway.change_mode(Mode.FLATTENING, "ann", "enough")
        close_everything(desk.gateway)
        assert working(desk) == 0
        assert desk.state.mode is Mode.HALTED


def test_an_emergency_stop_cancels_everything_whatever_was_sent_before(tmp_path: Path) -> None:
    with gateway_desk(tmp_path, cancels=ONE) as desk:
        with_orders(desk)
        desk.gateway.cancel_openings()
        desk.gateway.staging.stop("ann", "prices look wrong", desk.gateway.now)
        desk.gateway.cancel_openings()
        assert working(desk) == 0


def test_where_nothing_can_be_recorded_no_cancel_waits(tmp_path: Path) -> None:
    with gateway_desk(tmp_path, cancels=ONE) as desk:
        with_orders(desk)
        desk.gateway.cancel_openings()
        desk.gateway.breakers.unrecorded(desk.gateway.now)
        desk.gateway.dispatch.cancel_working()
        assert working(desk) == 0
