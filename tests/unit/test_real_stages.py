"""A desk whose orders move real money never stands on paper, and begins on what practice showed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.live.staging import Staging
from market.events import Event, TradingHalted
from market.live_events import StageChanged
from market.quotes import PriceKind
from market.stage_grants import StageGrant
from market.stage_needs import LEAST_NEEDED
from market.stages import CapitalStage
from tests.exchanges import START
from tests.live import LiveDesk, coordinator_of, live_desk
from tests.live_broker import FakeBroker
from tests.staged import books_of, good_days, opened, settled, stage

ANN = {"by": "ann", "reason": "it has shown enough"}
DAY = 86_400_000_000_000
FALLEN = TradingHalted(sequence=0, time=0, halt="DRAWDOWN", limit=0.1, measured=0.11)
DAILY = TradingHalted(sequence=0, time=0, halt="DAILY_LOSS", limit=0.01, measured=0.012)


def grant(since: int) -> StageGrant:
    return StageGrant(
        session="live-practice", digest="ab" * 32, stage=CapitalStage.LIVE_SCALED_1, since=since,
        evidence=(("days", 9.0),),
    )  # fmt: skip


@contextmanager
def real_desk(
    folder: Path, *events: Event, granted: StageGrant | None = None, new: bool = False
) -> Iterator[LiveDesk]:
    """A desk on a real account that has recorded these events."""
    options: dict[str, object] = {"real": True, "grant": granted}
    broker = FakeBroker()
    if new:
        for symbol in broker.symbols:
            broker.market(symbol, 1.0, 1e-4)
    else:
        options["books"] = books_of(folder, broker, opened(), *events)
    with live_desk(folder, broker, gateway_options=options, prices=PriceKind.REAL) as desk:
        yield desk


def at(desk: LiveDesk) -> str:
    return str(desk.status()["capital"]["stage"])


def test_it_begins_at_the_lowest_live_stage_that_a_practice_desk_has_earned_and_says_by_which(
    tmp_path: Path,
) -> None:
    with real_desk(tmp_path, granted=grant(START - DAY), new=True) as desk:
        assert at(desk) == "live_minimal"
        desk.kill()
        (began,) = desk.events(StageChanged)
    assert began.by == "practice desk"
    assert "live-practice stands at live_scaled_1" in began.reason
    assert "ab" * 32 in began.reason
    assert began.evidence == (("days", 9.0),)


def test_without_a_grant_it_opens_nothing(tmp_path: Path) -> None:
    with real_desk(tmp_path, new=True) as desk, coordinator_of(desk) as coordinator:
        assert at(desk) == "emergency_stop"
        assert coordinator.order({"EUR_USD": 2_000.0}, stage="emergency_stop").sent == 0


def test_a_real_desk_that_stood_on_paper_is_stopped_when_it_is_taken_up(tmp_path: Path) -> None:
    with real_desk(tmp_path, stage("paper")) as desk:
        assert at(desk) == "emergency_stop"


def test_books_that_differ_from_the_broker_s_are_an_emergency_stop_here(tmp_path: Path) -> None:
    with real_desk(tmp_path, stage("live_minimal")) as desk:
        desk.broker.misreported["EUR_USD"] = 5.0
        assert "the books differ" in desk.ask("resume", **ANN).refused
        assert at(desk) == "emergency_stop"


@pytest.mark.parametrize("event", [DAILY, FALLEN])
def test_whatever_leads_to_paper_elsewhere_is_an_emergency_stop_here(
    tmp_path: Path, event: Event
) -> None:
    with (
        real_desk(tmp_path, stage("live_minimal")) as desk,
        coordinator_of(desk) as coordinator,
    ):
        coordinator.order({}, records=(event,), stage="live_minimal")
        assert at(desk) == "emergency_stop"


def test_a_fall_at_the_stage_is_an_emergency_stop_too(tmp_path: Path) -> None:
    with real_desk(tmp_path, stage("live_scaled_3"), settled(120_000.0)) as desk:
        bars = desk.status()["bars"]

        def moved(told: object) -> bool:
            desk.prices(seconds=15.0)
            return bool(told["bars"] > bars)  # type: ignore[index]

        desk.until(moved)
        assert at(desk) == "emergency_stop"


def test_a_day_s_loss_higher_up_still_leads_one_stage_down(tmp_path: Path) -> None:
    with (
        real_desk(tmp_path, stage("live_scaled_2")) as desk,
        coordinator_of(desk) as coordinator,
    ):
        coordinator.order({}, records=(DAILY,), stage="live_scaled_2")
        assert at(desk) == "live_scaled_1"


def test_a_person_cannot_put_it_on_paper_either(tmp_path: Path) -> None:
    with real_desk(tmp_path, stage("live_minimal")) as desk:
        refused = desk.ask("demote", stage="paper", **ANN).refused
        assert "a real account never trades on paper's limits" in refused
        assert desk.ask("demote", **ANN).told["capital"]["stage"] == "emergency_stop"


def test_out_of_a_stop_it_needs_a_practice_desk_that_was_promoted_afterwards(
    tmp_path: Path,
) -> None:
    stop = START - 5 * DAY
    for number, granted in enumerate((None, grant(stop - DAY), grant(stop))):
        folder = tmp_path / str(number)
        with real_desk(folder, stage("emergency_stop", time=stop), granted=granted) as desk:
            assert "no practice desk was promoted after" in desk.ask("promote", **ANN).refused
            assert at(desk) == "emergency_stop"
    with real_desk(
        tmp_path / "later", stage("emergency_stop", time=stop), granted=grant(stop + DAY)
    ) as desk:
        assert desk.ask("promote", **ANN).told["capital"]["stage"] == "live_minimal"


def test_a_grant_opens_nothing_once_its_promotion_is_too_old(tmp_path: Path) -> None:
    old = grant(START - 31 * DAY)
    with real_desk(tmp_path / "new", granted=old, new=True) as desk:
        assert at(desk) == "emergency_stop"
        assert "more than 30 days ago" in desk.status()["capital"]["reason"]
    stopped = stage("emergency_stop", time=START - 40 * DAY)
    with real_desk(tmp_path / "stopped", stopped, granted=old) as desk:
        assert "more than 30 days ago" in desk.ask("promote", **ANN).refused
        assert at(desk) == "emergency_stop"


def test_a_stop_is_of_the_newest_time_that_is_known_not_of_the_last_bar(tmp_path: Path) -> None:
    books = books_of(tmp_path, FakeBroker(), opened(), stage("live_minimal"))
    try:
        staging = Staging(
            books,
            LEAST_NEEDED,
            lambda *_, **__: None,
            real=True,
            grant=grant(START + 5 * DAY),
        )
        staging.saw(START + 6 * DAY)
        staging.distrust(START + DAY, "the books differ")
        assert books.state.staged is not None
        assert books.state.staged.time == START + 6 * DAY
        assert "no practice desk was promoted after" in staging.promote(
            "ann", "again", START + 7 * DAY
        )
    finally:
        books.close()


def test_a_stop_knows_the_machines_time_where_the_market_keeps_it(tmp_path: Path) -> None:
    books = books_of(tmp_path, FakeBroker(), opened(), stage("live_minimal"))
    try:
        staging = Staging(
            books, LEAST_NEEDED, lambda *_, **__: None, real=True, wall=lambda: START + 9 * DAY
        )
        staging.stop("ann", "news", START + DAY)
        assert books.state.staged is not None
        assert books.state.staged.time == START + 9 * DAY
    finally:
        books.close()


def test_it_climbs_on_its_own_evidence_from_there(tmp_path: Path) -> None:
    with real_desk(tmp_path, stage("live_minimal"), *good_days()) as desk:
        assert desk.ask("promote", **ANN).told["capital"]["stage"] == "live_scaled_1"


def test_at_a_live_stage_it_opens_and_closes(tmp_path: Path) -> None:
    with (
        real_desk(tmp_path, stage("live_minimal")) as desk,
        coordinator_of(desk) as coordinator,
    ):
        assert coordinator.order({"EUR_USD": 2_000.0}, stage="live_minimal").sent == 1
        desk.prices()
        desk.until(lambda told: bool(told["positions"]))
        desk.ask("emergency_stop", **ANN)
        answered = coordinator.order(
            {"EUR_USD": -2_000.0, "GBP_USD": 100.0}, sequence=1, stage="emergency_stop"
        )
        assert answered.sent == 1
        assert "nothing new" in answered.unsent[0][1]
