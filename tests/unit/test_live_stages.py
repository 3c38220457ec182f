"""A live desk climbs on evidence and a name, and falls by itself and at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.journal.codec import decode_value, encode_value
from infra.live.staging import lowered_by
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.events import Event, TradingHalted
from market.live_events import MismatchFound, StageChanged
from market.live_messages import BarReady, Marked
from market.quotes import PriceKind
from market.stages import CapitalStage
from tests.live import ROWS, LiveDesk, coordinator_of, live_desk
from tests.live_broker import FakeBroker
from tests.staged import books_of, good_days, opened, settled, stage

ANN = {"by": "ann", "reason": "it has shown enough"}
DAILY = TradingHalted(sequence=0, time=0, halt="DAILY_LOSS", limit=0.01, measured=0.012)
FALLEN = TradingHalted(sequence=0, time=0, halt="DRAWDOWN", limit=0.1, measured=0.11)


@contextmanager
def desk_at(
    folder: Path, name: str, *events: Event, prices: PriceKind = PriceKind.REAL
) -> Iterator[LiveDesk]:
    """A desk at this stage that has recorded these events on real prices."""
    broker = FakeBroker()
    books = books_of(folder, broker, opened(), stage(name), *events)
    with live_desk(folder, broker, gateway_options={"books": books}, prices=prices) as desk:
        yield desk


def capital(desk: LiveDesk) -> Any:
    return desk.status()["capital"]


def close_bar(desk: LiveDesk) -> None:
    """Move the market on until the next bar has closed."""
    bars = desk.status()["bars"]

    def moved(told: Any) -> bool:
        desk.prices(seconds=15.0)
        return bool(told["bars"] > bars)

    desk.until(moved)


def moves(desk: LiveDesk) -> list[tuple[str, str]]:
    """Stages and who moved the desk there, once its journal is closed."""
    desk.kill()
    return [(event.stage, event.by) for event in desk.events(StageChanged)]


def test_a_new_desk_begins_on_paper_and_the_journal_says_so(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        assert capital(desk)["stage"] == "paper"
        assert capital(desk)["next"] == "live_minimal"
        assert moves(desk) == [("paper", "configuration")]
        assert desk.events(StageChanged)[0].sequence == 0


def test_enough_evidence_and_a_name_move_a_desk_up_one_stage_and_the_evidence_begins_anew(
    tmp_path: Path,
) -> None:
    with desk_at(tmp_path, "paper", *good_days()) as desk:
        assert capital(desk)["missing"] == []
        told = desk.ask("promote", **ANN)
        assert told.refused == ""
        assert told.told["capital"]["stage"] == "live_minimal"
        assert told.told["capital"]["evidence"]["days"] == 0.0
        assert "days 0 of at least 7" in desk.ask("promote", **ANN).refused
        assert moves(desk)[-1] == ("live_minimal", "ann")
        evidence = dict(desk.events(StageChanged)[-1].evidence)
    assert (evidence["days"], evidence["trades"], evidence["win_rate"]) == (7.0, 10.0, 0.6)
    assert evidence["sharpe_ratio_annual_low"] < evidence["sharpe_ratio_annual"]


def test_a_promotion_is_refused_with_everything_that_is_missing(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        refused = desk.ask("promote", **ANN).refused
        for said in (
            "the journal does not say what its prices are",
            "days 0 of at least 7",
            "trades 0 of at least 10",
            "win rate unknown",
            "sharpe ratio unknown",
        ):
            assert said in refused
        assert "who (--by) and why (--reason)" in desk.ask("promote", by="ann").refused
        assert moves(desk) == [("paper", "configuration")]


@pytest.mark.parametrize("prices", [PriceKind.RECORDED, PriceKind.SYNTHETIC, PriceKind.UNSTATED])
def test_whatever_was_shown_before_no_desk_climbs_on_prices_that_are_not_real(
    tmp_path: Path, prices: PriceKind
) -> None:
    with desk_at(tmp_path, "paper", *good_days(), prices=prices) as desk:
        refused = desk.ask("promote", **ANN).refused
        assert (prices.value or "does not say what its prices are") in refused
        assert capital(desk)["stage"] == "paper"


def test_no_desk_climbs_while_its_books_are_not_the_brokers(tmp_path: Path) -> None:
    with desk_at(tmp_path, "paper", *good_days()) as desk:
        desk.broker.misreported["EUR_USD"] = 5.0
        assert "the books differ from the broker's" in desk.ask("promote", **ANN).refused
        assert capital(desk)["stage"] == "paper"


def test_the_highest_stage_has_none_above(tmp_path: Path) -> None:
    with desk_at(tmp_path, "live_scaled_3", *good_days()) as desk:
        assert "live_scaled_3 is the highest stage" in desk.ask("promote", **ANN).refused


@pytest.mark.parametrize(
    ("at", "event", "to"),
    [
        ("paper", DAILY, None),
        ("live_minimal", DAILY, "paper"),
        ("live_scaled_1", DAILY, "live_minimal"),
        ("live_scaled_3", DAILY, "live_scaled_2"),
        ("emergency_stop", DAILY, None),
        ("paper", FALLEN, None),
        ("live_minimal", FALLEN, "paper"),
        ("live_minimal", replace(FALLEN, halt="DRAWDOWN_FLATTEN"), "paper"),
        ("live_scaled_3", FALLEN, "paper"),
        ("paper", MismatchFound(time=0, what="cash", desk=1.0, broker=2.0), None),
        (
            "live_minimal",
            MismatchFound(time=0, what="cash", desk=1.0, broker=2.0),
            "emergency_stop",
        ),
    ],
)
def test_what_lowers_a_stage(at: str, event: Event, to: str | None) -> None:
    lowered = lowered_by(CapitalStage(at), event)
    assert (lowered is None) if to is None else (lowered is not None and lowered[0] == to)


def test_a_halt_lowers_the_stage_in_the_same_breath_and_the_next_bar_is_decided_on_at_it(
    tmp_path: Path,
) -> None:
    with (
        desk_at(tmp_path, "live_scaled_2") as desk,
        coordinator_of(desk) as coordinator,
    ):
        close_bar(desk)
        ready = coordinator.next(BarReady)
        assert ready.stage == "live_scaled_2"
        answered = coordinator.order(
            {"EUR_USD": 1_000.0, "USD_JPY": 500.0}, records=(DAILY,), stage="live_scaled_2"
        )
        assert answered.sent == 0
        assert "capital stage live_scaled_2, now it is live_scaled_1" in answered.unsent[0][1]
        close_bar(desk)
        assert coordinator.next(BarReady).stage == "live_scaled_1"
        desk.kill()
        (changed,) = desk.events(StageChanged)[1:]
    assert (changed.stage, changed.by) == ("live_scaled_1", "gateway")
    assert changed.reason == "a day's loss of 1.20% halted new risk"
    assert changed.sequence == ready.sequence + 1


def test_a_stage_that_changes_between_two_bars_is_told_without_waiting_for_prices(
    tmp_path: Path,
) -> None:
    with desk_at(tmp_path, "live_scaled_2") as desk, coordinator_of(desk) as coordinator:
        close_bar(desk)
        coordinator.next(BarReady)
        coordinator.decide({}, sequence=-1)
        desk.ask("demote", **ANN)
        told = coordinator.next(Marked).stage
        while told == "live_scaled_2":  # a mark that was under way before the command
            coordinator.decide({}, sequence=-1)
            told = coordinator.next(Marked).stage
        assert told == "live_scaled_1"


def test_books_that_differ_stop_a_live_stage_and_only_halt_one_on_paper(tmp_path: Path) -> None:
    with desk_at(tmp_path / "live", "live_minimal") as desk:
        desk.broker.misreported["EUR_USD"] = 5.0
        assert desk.ask("resume", **ANN).refused
        assert capital(desk)["stage"] == "emergency_stop"
    with desk_at(tmp_path / "paper", "paper") as desk:
        desk.broker.misreported["EUR_USD"] = 5.0
        assert desk.ask("resume", **ANN).refused
        told = desk.status()
        assert (told["capital"]["stage"], told["mode"]) == ("paper", "HALTED")


def test_a_gap_in_the_brokers_record_stops_a_live_stage(tmp_path: Path) -> None:
    with desk_at(tmp_path, "live_scaled_1") as desk:
        with desk.broker.lock:
            desk.broker.lose_transaction()
        desk.prices()
        told = desk.until(lambda told: told["mode"] == "HALTED")
        assert told["capital"]["stage"] == "emergency_stop"


def test_a_desk_that_fell_too_far_at_a_live_stage_is_back_on_paper_with_its_next_bar(
    tmp_path: Path,
) -> None:
    with desk_at(tmp_path, "live_scaled_3", settled(120_000.0)) as desk:
        assert capital(desk)["stage"] == "live_scaled_3"
        close_bar(desk)  # the account holds 100,000
        told = desk.until(lambda told: told["capital"]["stage"] == "paper")["capital"]
        assert told["by"] == "gateway"
        assert told["reason"] == "the desk fell by 16.67% at live_scaled_3"


def test_a_person_moves_a_desk_down_and_never_up_without_evidence(tmp_path: Path) -> None:
    with desk_at(tmp_path, "live_scaled_3") as desk:
        assert desk.ask("demote", **ANN).told["capital"]["stage"] == "live_scaled_2"
        told = desk.ask("demote", stage="live_minimal", **ANN).told
        assert told["capital"]["stage"] == "live_minimal"
        above = desk.ask("demote", stage="live_scaled_1", **ANN).refused
        assert "live_scaled_1 is above live_minimal" in above
        assert (
            "expected one of paper, live_minimal" in desk.ask("demote", stage="live", **ANN).refused
        )
        assert desk.ask("demote", **ANN).told["capital"]["stage"] == "paper"
        assert "paper has no stage below it" in desk.ask("demote", **ANN).refused
        assert "is above" in desk.ask("demote", stage="live_minimal", **ANN).refused


def test_on_the_same_stage_the_evidence_can_be_begun_anew(tmp_path: Path) -> None:
    with desk_at(tmp_path, "paper", *good_days()) as desk:
        told = desk.ask("demote", stage="paper", **ANN).told["capital"]
        assert (told["stage"], told["evidence"]["days"]) == ("paper", 0.0)


def test_an_emergency_stop_opens_nothing_cancels_what_would_and_lets_positions_be_closed(
    tmp_path: Path,
) -> None:
    with desk_at(tmp_path, "paper") as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 2_000.0})
            desk.prices()
            desk.until(lambda told: bool(told["positions"]) and not told["open_orders"])
            coordinator.order({"GBP_USD": 500.0}, sequence=1)
            told = desk.ask("emergency_stop", **ANN).told
            assert told["capital"]["stage"] == "emergency_stop"
            desk.until(lambda told: not told["open_orders"])
            refused = coordinator.order(
                {"USD_JPY": 700.0, "EUR_USD": -2_000.0}, sequence=2, stage="emergency_stop"
            )
            assert refused.sent == 1
            assert "emergency_stop: nothing new" in refused.unsent[0][1]
            desk.prices()
            desk.until(lambda told: not told["positions"])
        assert desk.ask("promote", **ANN).told["capital"]["stage"] == "paper"


@pytest.mark.parametrize("signed_at", ["", "live_minimal", "live_scaled_3", "emergency_stop"])
def test_approvals_of_another_stage_open_nothing(tmp_path: Path, signed_at: str) -> None:
    with desk_at(tmp_path, "paper") as desk, coordinator_of(desk) as coordinator:
        assert coordinator.order({"EUR_USD": 2_000.0}, stage=signed_at).sent == 0
        assert coordinator.order({"EUR_USD": 2_000.0}, sequence=1).sent == 1


@pytest.mark.parametrize("name", ["live_scaled_2", "emergency_stop"])
def test_a_desk_that_is_taken_up_again_stands_where_it_stood(tmp_path: Path, name: str) -> None:
    with desk_at(tmp_path, name) as first:
        first.kill()
        with live_desk(tmp_path, first.broker) as second:
            assert capital(second)["stage"] == name
            assert moves(second) == [(name, "ann")]


def test_a_snapshot_of_a_desk_without_stages_is_read_and_the_desk_begins_on_paper(
    tmp_path: Path,
) -> None:
    with live_desk(tmp_path) as desk:
        kept = desk.gateway.books.state.snapshot()
    older = {
        name: getattr(kept, name)
        for name in DeskSnapshot.__dataclass_fields__
        if name not in ("staged", "evidence")
    }
    state = DeskState.resume(decode_value(encode_value(older), DeskSnapshot), ROWS)
    assert state.stage is None
    assert state.evidence.bars == 0
