"""Breakers at the gateway: what trips them, what they do, who arms them again."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.cli.app import run
from infra.live.breakers import GatewayBreakers
from infra.live.broker_watch import ORDERS, STREAM, BrokerHealth
from infra.live.opening import open_books
from market.breaker_rules import (
    CORRELATION,
    DRAWDOWN_FLATTEN,
    FAILURES,
    JOURNAL,
    LATENCY,
    PRICE_FALL,
    SILENCE,
    UNKNOWN_ORDERS,
    VOLATILITY,
    BreakerLimits,
)
from market.breakers import COOL_DOWN, SECOND_NS, Phase
from market.errors import JournalUnwritable
from market.events import AlertRaised, BarSettled, Event, OrderFilled, OrderIntended
from market.live_events import (
    BarClosed,
    BreakerReset,
    BreakerTripped,
    CashMoved,
    ModeChanged,
    OrderUnknown,
    TradingOpened,
)
from market.quotes import Quote
from tests.exchanges import CASH, START, SYMBOLS, order, quote
from tests.live import LEVELS, LiveDesk, coordinator_of, live_desk
from tests.live_gateways import ROWS, started
from tests.property.test_order_life import fill

ANN = {"by": "ann", "reason": "looked"}
M = len(SYMBOLS)


@dataclass(slots=True)
class Guarded:
    """Breakers over books of their own; the wall clock, equity and silence are the test's."""

    breakers: GatewayBreakers
    books: Any
    health: BrokerHealth
    wall: list[float]
    equity: list[float]
    silent: list[str]
    did: list[str]
    told: list[str] = field(default_factory=list)
    now: int = START

    def look(self, seconds: float = 1.0) -> None:
        """The clocks go on, and what changes without a price is looked at."""
        self.wall[0] += seconds
        self.now += round(seconds * SECOND_NS)
        self.breakers.look(self.now)

    def quotes(self, symbol: str, *mids: float, seconds: int = 1) -> None:
        for mid in mids:
            self.now += seconds * SECOND_NS
            self.breakers.quoted([quote(symbol, self.now, mid)], self.now)

    def phase(self, name: str) -> Phase:
        return self.breakers.memory[name].phase

    def cancel_openings(self) -> None:
        self.did.append("cancel")

    def flatten_for(self, why: str) -> None:
        self.did.append(why)


@contextmanager
def guarded(folder: Path, limits: BreakerLimits | None = None) -> Iterator[Guarded]:
    """New books, or those that are there."""
    path = folder / "journal.sqlite"
    books = open_books(path, started(), ROWS, ("one", "two"), lambda: (START, CASH))
    if not books.state.openings:
        books.record(
            TradingOpened(
                time=START, broker="", last_transaction=0, versions=(),
                history_time=np.empty(0, dtype=np.int64), history_values=np.empty((0, 6, M)),
            )
        )  # fmt: skip
    wall, equity, silent = [100.0], [CASH], list[str]()
    health = BrokerHealth(lambda: wall[0])
    made = Guarded(
        breakers=None, books=books, health=health, wall=wall, equity=equity, silent=silent,
        did=[], now=books.state.time,
    )  # type: ignore[arg-type]  # fmt: skip
    made.breakers = GatewayBreakers(
        limits or BreakerLimits(), books, health, equity=lambda: equity[0],
        silent=lambda: silent, act=made, unknown=lambda: books.state.unsettled,
        tell=lambda text, **_: made.told.append(text),
    )  # fmt: skip
    try:
        yield made
    finally:
        with contextlib.suppress(JournalUnwritable):
            books.close()


def test_a_fall_trips_at_once_cancels_and_waits_for_a_person(tmp_path: Path) -> None:
    with guarded(tmp_path, BreakerLimits(volatility=1.0)) as desk:
        desk.quotes("EUR_USD", 1.0, 0.91)
        assert desk.breakers.blocked == ""
        desk.quotes("EUR_USD", 0.89)
        assert "PRICE_FALL" in desk.breakers.blocked
        assert "breaker PRICE_FALL tripped in EUR_USD: 0.11 of price, limit 0.1" in desk.told[-1]
        assert "cancel" in desk.did
        for _ in range(400):
            desk.quotes("EUR_USD", 0.89)
            desk.look()
        assert desk.phase(PRICE_FALL) is Phase.COOLING
        assert desk.breakers.reset("ann", "looked", desk.now) == ()
        assert desk.phase(PRICE_FALL) is Phase.ARMED


def test_volatility_trips_on_many_small_moves_and_arms_itself_after_its_cool_down(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as desk:
        for _ in range(20):
            desk.quotes("USD_JPY", 150.0, 151.5, seconds=6)
        assert desk.phase(VOLATILITY) is Phase.TRIPPED
        assert desk.phase(PRICE_FALL) is Phase.ARMED
        for _ in range(310):
            desk.look()
        assert desk.phase(VOLATILITY) is Phase.COOLING, "the window has passed"
        for _ in range(300):
            desk.look()
        assert desk.breakers.blocked == ""
        (over,) = desk.books.state.trips
        assert (over.breaker, over.armed_by) == (VOLATILITY, COOL_DOWN)


def test_an_instrument_that_is_not_traded_trips_nothing(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        desk.breakers.quoted([quote("XAU_USD", START, 1.0), quote("XAU_USD", START + 1, 0.1)], 1)
        desk.breakers.quoted(
            [Quote(symbol="EUR_USD", time=START, bid=math.nan, ask=math.nan)], START
        )
        assert desk.breakers.blocked == ""


def test_a_slow_answer_trips_and_a_quick_one_begins_the_cool_down(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        desk.health.answered(2.0)
        desk.look()
        assert (desk.phase(LATENCY), desk.did) == (Phase.TRIPPED, [])
        desk.health.answered(0.01)
        desk.look()
        assert desk.phase(LATENCY) is Phase.COOLING
        desk.look(300.0)
        assert desk.breakers.blocked == ""


def test_three_failures_that_nothing_settled_trip_and_settled_ones_do_not(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        for _ in range(3):
            desk.health.failed(STREAM)
            desk.breakers.heard()
            desk.look(6.0)
        assert desk.breakers.blocked == ""
        for _ in range(3):
            desk.breakers.lost()
            desk.look(6.0)
        assert desk.phase(FAILURES) is Phase.TRIPPED
        desk.breakers.heard()
        desk.look()
        assert desk.phase(FAILURES) is Phase.COOLING


def test_an_order_that_stays_unknown_trips_and_one_that_is_looked_up_in_time_does_not(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as desk:
        desk.books.record(
            OrderIntended(order=order("a", 1.0)),
            OrderUnknown(client_order_id="a", time=START, reason="silence"),
        )
        desk.health.failed(ORDERS)
        desk.look(0.5)
        desk.look(29.0)
        assert (desk.breakers.blocked, desk.health.failures) == ("", 1)
        desk.look(1.0)
        assert desk.phase(UNKNOWN_ORDERS) is Phase.TRIPPED


def test_silent_instruments_trip_by_their_share(tmp_path: Path) -> None:
    with guarded(tmp_path, BreakerLimits(silent_share=0.5)) as desk:
        desk.silent += ["EUR_USD", "somebody else"]
        desk.look()
        assert desk.breakers.blocked == ""
        desk.silent.append("GBP_USD")
        desk.look()
        assert desk.phase(SILENCE) is Phase.TRIPPED


def test_a_book_that_moves_as_one_trips(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        rng = np.random.default_rng(3)
        for n in range(ROWS):
            values = np.tile(1.0 + 0.01 * rng.random() + np.zeros(M), (6, 1))
            desk.books.record(BarClosed(sequence=n, time=START + n, values=values, skipped=0))
        desk.breakers.bar_closed(desk.now)
        assert desk.phase(CORRELATION) is Phase.ARMED, "nothing is held"
        desk.books.state.ledger.units[:] = [1.0, 1.0, 1.0, 0.0]
        desk.breakers.bar_closed(desk.now)
        assert desk.phase(CORRELATION) is Phase.TRIPPED
        assert desk.breakers.reset("ann", "looked", desk.now) == (CORRELATION,), "it still holds"


def test_a_book_whose_correlation_cannot_be_measured_trips(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        desk.books.state.ledger.units[:] = 1.0
        desk.breakers.bar_closed(desk.now)
        assert desk.phase(CORRELATION) is Phase.TRIPPED
        (tripped,) = desk.books.state.tripped.values()
        assert math.isnan(tripped.measured)


def settled(equity: float) -> BarSettled:
    nothing = np.zeros(M)
    return BarSettled(
        sequence=0, time=START, units=nothing, mid=nothing, spread=nothing, rate=nothing,
        financing=nothing, equity=equity, cash=equity, margin_used=0.0,
    )  # fmt: skip


def test_a_deep_fall_of_the_equity_closes_everything_and_a_person_begins_a_new_peak(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as desk:
        desk.books.record(settled(2.0 * CASH), settled(math.nan))
        desk.equity[0] = 1.75 * CASH
        desk.look()
        desk.equity[0] = math.nan
        desk.look()
        assert desk.breakers.blocked == "", "what cannot be measured is no loss to flatten for"
        desk.equity[0] = 1.7 * CASH
        desk.look()
        assert desk.breakers.blocked == "", "one wrong tick closes no book"
        desk.look(5.0)
        assert desk.did == ["breaker DRAWDOWN_FLATTEN"]
        assert desk.breakers.reset("ann", "looked", desk.now) == ()
        desk.look()
        assert desk.phase(DRAWDOWN_FLATTEN) is Phase.ARMED
        desk.books.record(settled(1.7 * CASH))
        assert desk.books.state.peak == 1.7 * CASH


def fallen_by(desk: Guarded, share: float, seconds: int = 7) -> None:
    desk.equity[0] = (1.0 - share) * CASH
    for _ in range(seconds):
        desk.look()


def test_one_sample_alone_flattens_nothing(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        desk.equity[0] = 0.5 * CASH
        desk.look()
        assert desk.did == []
        for _ in range(100):  # the market's clock stands still: it is the same sample
            desk.look(seconds=0.0)
            desk.wall[0] += 1.0
        assert desk.did == []
        fallen_by(desk, 0.5)
        assert desk.did == ["breaker DRAWDOWN_FLATTEN"]


@pytest.mark.parametrize("units", [0.0, 1_000.0])
def test_a_crash_between_a_trip_that_closes_and_the_act_leaves_no_position_of_a_halted_desk(
    tmp_path: Path, units: float
) -> None:
    with guarded(tmp_path) as desk:
        if units:
            desk.books.record(OrderFilled(fill=fill("o", units)))
        desk.books.record(ModeChanged(time=START, mode="HALTED", by="ann", reason="lunch"))
        fallen_by(desk, 0.5)
        assert desk.did == ["breaker DRAWDOWN_FLATTEN"], "which the crash forestalled"
    with guarded(tmp_path) as again:
        again.look()
        assert again.did == (["breaker DRAWDOWN_FLATTEN"] if units else [])


def test_after_a_person_resumes_the_drawdown_is_measured_from_the_equity_then(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as desk:
        fallen_by(desk, 0.2)
        assert desk.breakers.reset("ann", "looked", desk.now) == ()
        assert desk.books.state.peak == 0.8 * CASH
        fallen_by(desk, 0.25)
        assert desk.phase(DRAWDOWN_FLATTEN) is Phase.ARMED
        fallen_by(desk, 0.33)
        assert desk.phase(DRAWDOWN_FLATTEN) is Phase.TRIPPED


def test_a_trip_that_closes_everything_does_so_after_a_crash_before_the_act(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as desk:
        fallen_by(desk, 0.2)
        assert desk.did == ["breaker DRAWDOWN_FLATTEN"]  # told to this act, which did nothing
    with guarded(tmp_path) as again:
        again.look()
        again.look()
        assert again.did == ["breaker DRAWDOWN_FLATTEN"]


def test_a_correlation_that_tripped_is_not_forgotten_by_a_restart(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        desk.books.record(
            BreakerTripped(
                time=START, breaker=CORRELATION, measured=0.9, limit=0.7, action="BLOCK", repeats=0
            )
        )
    with guarded(tmp_path) as again:
        for _ in range(400):  # longer than the cool-down; no bar has closed, nothing was measured
            again.look()
        assert again.phase(CORRELATION) is Phase.TRIPPED


def test_money_that_is_taken_out_is_no_drawdown(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        desk.books.record(
            settled(CASH),
            CashMoved(time=START, transaction=2, symbol="", amount=-0.5 * CASH, reason="transfer"),
        )
        desk.equity[0] = 0.5 * CASH
        desk.look()
        assert desk.breakers.blocked == ""


def test_trips_and_their_history_survive_a_restart_and_the_cool_down_begins_anew(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as desk:
        desk.health.answered(9.0)
        desk.look()
        desk.health.answered(0.0)
        desk.look()
        desk.breakers.reset("ann", "looked", desk.now)
        desk.health.answered(7.0)
        desk.look()
        before = desk.books.state.trips
    with guarded(tmp_path) as again:
        assert again.books.state.trips == before
        assert [(trip.measured, trip.armed_by) for trip in before] == [(9.0, "ann"), (7.0, "")]
        assert again.phase(LATENCY) is Phase.TRIPPED
        again.now = before[-1].time
        again.look()
        again.look(299.0)
        assert again.phase(LATENCY) is Phase.COOLING
        again.look()
        assert again.breakers.blocked == ""


def test_a_breaker_of_another_version_is_reset_by_a_person_too(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:
        desk.books.record(
            BreakerTripped(
                time=START, breaker="OLD", measured=1.0, limit=1.0, action="BLOCK", repeats=0
            )
        )
    with guarded(tmp_path) as desk:
        assert "OLD" in desk.breakers.blocked
        desk.breakers.reset("ann", "looked", desk.now)
        assert (desk.breakers.blocked, dict(desk.books.state.tripped)) == ("", {})


def test_a_trip_that_cannot_be_journaled_blocks_and_is_told(tmp_path: Path) -> None:
    with guarded(tmp_path) as desk:

        def full(*events: Event) -> None:
            raise JournalUnwritable(f"the disk is full: {len(events)} events")

        desk.breakers._books = type("Full", (), {"record": full, "state": desk.books.state})()
        with pytest.raises(JournalUnwritable):
            desk.quotes("EUR_USD", 1.0, 0.5)
        assert PRICE_FALL in desk.breakers.blocked
        assert "tripped in EUR_USD" in desk.told[-1]
        desk.breakers.unrecorded(desk.now)
        assert JOURNAL in desk.breakers.blocked


# Through the gateway's loop, as a desk runs


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LiveDesk]:
    with live_desk(tmp_path) as made:
        yield made


def fallen(desk: LiveDesk) -> None:
    """The market falls by more than a tenth, and the desk has noticed."""
    desk.prices()
    desk.until(lambda _: desk.gateway.now >= desk.broker.time)
    desk.broker.market("EUR_USD", 0.85 * LEVELS["EUR_USD"], 2e-4)
    desk.until(lambda told: PRICE_FALL in tripped(told))


def tripped(told: Any) -> set[str]:
    return {one["name"] for one in told["breakers"] if one["phase"] != "ARMED"}


def test_a_tripped_desk_opens_nothing_cancels_what_would_and_lets_reductions_pass(
    desk: LiveDesk,
) -> None:
    with coordinator_of(desk) as coordinator:
        assert coordinator.order({"EUR_USD": 10_000.0}).sent == 1
        desk.prices()
        desk.until(lambda told: len(told["positions"]) == 1)
        coordinator.order({"GBP_USD": 1_000.0, "EUR_USD": -1_000.0}, sequence=1)
        fallen(desk)
        told = desk.until(lambda told: not told["open_orders"])
        assert (told["mode"], told["positions"][0]["units"]) == ("TRADING", 9_000.0)
        done = coordinator.order({"GBP_USD": 1_000.0, "EUR_USD": -4_000.0}, sequence=2)
    assert done.sent == 1
    ((symbol, why),) = done.unsent
    assert symbol == "GBP_USD"
    assert why.startswith("new risk is blocked. tripped: ")
    desk.kill()
    alerts = [alert.message for alert in desk.events(AlertRaised) if alert.level == "critical"]
    assert any("breaker PRICE_FALL tripped in EUR_USD" in alert for alert in alerts)


def test_a_resume_arms_what_is_over_and_says_what_still_holds(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    fallen(desk)
    words = ["resume", "--home", str(desk.home.folder), "--by", "ann", "--reason", "looked"]
    assert run(words) == 1
    assert "PRICE_FALL still holds and blocks new risk: 0.15 of price" in capsys.readouterr().out
    assert run([*words, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {one["name"]: one["phase"] for one in told["breakers"]}["PRICE_FALL"] == "TRIPPED"
    desk.broker.market("EUR_USD", 0.85 * LEVELS["EUR_USD"], 2e-4, seconds=301)
    desk.until(lambda told: all(one["measured"] < 0.01 for one in told["breakers"][:2]))
    assert run(words) == 0
    assert tripped(desk.status()) == set()
    desk.kill()
    resets = [event for event in desk.events(BreakerReset) if event.breaker == PRICE_FALL]
    assert [(event.by, event.reason) for event in resets] == [("ann", "looked")] * 3


def test_a_tripped_breaker_survives_the_gateway(tmp_path: Path) -> None:
    with live_desk(tmp_path) as first:
        fallen(first)
        first.kill()
        with live_desk(tmp_path, first.broker) as second:
            assert PRICE_FALL in tripped(second.status())
            with coordinator_of(second) as coordinator:
                assert coordinator.order({"GBP_USD": 1_000.0}).sent == 0


def test_a_drawdown_closes_every_position_without_coordinator_and_guardian(
    tmp_path: Path,
) -> None:
    limits = BreakerLimits(price_fall=1.0, volatility=9.0)
    with live_desk(tmp_path, gateway_options={"breakers": limits}) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 150_000.0})
        desk.prices()
        desk.until(lambda told: len(told["positions"]) == 1)

        def closed(told: Mapping[str, Any]) -> bool:
            """The fall goes on; what closes fills at its prices."""
            desk.prices(moved=-0.2, seconds=1.0)
            return bool(told["mode"] == "HALTED")

        told = desk.until(closed)
        assert (told["positions"], told["mode_by"]) == ([], "breaker")
        assert DRAWDOWN_FLATTEN in tripped(told)
        desk.kill()
        assert [event.mode for event in desk.events(ModeChanged)] == ["FLATTENING", "HALTED"]


def test_the_command_tells_every_breaker_with_its_limit_and_the_trips(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(desk.home.folder)]
    assert run(["breakers", *home]) == 0
    assert "no trips" in capsys.readouterr().out
    fallen(desk)
    assert run(["breakers", *home, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in told["breakers"]} == set(desk.gateway.breakers.rules)
    assert PRICE_FALL in {trip["breaker"] for trip in told["trips"]}
    assert run(["breakers", *home]) == 0
    assert "still" in capsys.readouterr().out
    assert run(["status", *home]) == 0
    assert "breaker PRICE_FALL TRIPPED" in capsys.readouterr().out


def names(events: Iterable[Any]) -> list[str]:
    return [event.breaker for event in events]


def test_a_flickering_measure_stands_in_the_journal_once(desk: LiveDesk) -> None:
    fallen(desk)
    for level in (1.0, 0.85) * 5:
        desk.broker.market("EUR_USD", level * LEVELS["EUR_USD"], 2e-4, seconds=0.1)
    desk.kill()
    assert names(desk.events(BreakerTripped)).count(PRICE_FALL) == 1
