"""Overrides on a live desk: begun by name, told with the next bar, over by the market's clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from coordinator.cli.app import run
from coordinator.configuration.settings import Settings
from coordinator.override_rules import override_rules
from coordinator.risk_rules import risk_limits
from infra.journal.codec import decode_value, encode_value
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.events import AlertRaised
from market.live_events import LimitOverridden, OverrideEnded
from market.live_messages import BarReady
from market.overrides import Override
from tests.books import INSTRUMENTS
from tests.live import ROWS, LiveDesk, coordinator_of, live_desk
from tests.live_broker import FakeBroker
from tests.unit.test_live_stages import close_bar
from tests.unit.test_stage_command import quorum, said

RULES = override_rules(risk_limits(Settings(), INSTRUMENTS, 3_600))
ANN = {"by": "ann", "reason": "a quiet afternoon"}
NAMED = ("--by", "ann", "--reason", "a quiet afternoon")


@contextmanager
def desk_with_rules(folder: Path, broker: FakeBroker | None = None) -> Iterator[LiveDesk]:
    with live_desk(folder, broker, gateway_options={"override_rules": RULES}) as desk:
        yield desk


def override(desk: LiveDesk, limit: str, value: float, for_s: int = 7_200) -> Any:
    return desk.ask("override", limit=limit, value=value, for_s=for_s, **ANN)


def in_force(desk: LiveDesk) -> list[tuple[str, float]]:
    return [(one["limit"], one["value"]) for one in desk.status()["overrides"]]


def expire(desk: LiveDesk) -> None:
    """Move the market on until nothing is overridden any more."""

    def moved(told: Any) -> bool:
        desk.prices(seconds=15.0)
        return not told["overrides"]

    desk.until(moved)


@pytest.mark.parametrize(
    ("limit", "value", "for_s", "why"),
    [
        ("max_drawdown", 0.05, 60, "'max_drawdown' cannot be overridden"),
        ("flatten_drawdown", 0.05, 60, "cannot be overridden"),
        ("max_daily_loss", 0.01, 60, "cannot be overridden"),
        ("var_window", 100.0, 60, "cannot be overridden"),
        ("per_second", 5.0, 60, "cannot be overridden"),
        ("max_positon", 0.5, 60, "did you mean 'max_position'?"),
        ("max_position", 1.36, 60, "configured as 0.9 and may be overridden to at most 1.35"),
        ("max_position", 0.0, 60, "may be overridden to more than 0, found 0"),
        ("max_position", float("nan"), 60, "may be overridden to more than 0, found nan"),
        ("max_position", 0.9, 60, "is configured as 0.9 already"),
        ("max_open_positions", 4.5, 60, "expected a whole number, found 4.5"),
        ("margin_reserve", 0.05, 60, "may be overridden to at least 0.0666667"),
        ("max_position", 0.5, 86_401, "an override lasts up to 24 h"),
        ("max_position", 0.5, 0, "an override lasts up to 24 h"),
    ],
)
def test_what_the_risk_does_not_allow_is_refused_with_the_reason(
    tmp_path: Path, limit: str, value: float, for_s: int, why: str
) -> None:
    with desk_with_rules(tmp_path) as desk:
        assert why in override(desk, limit, value, for_s).refused
        assert in_force(desk) == []


def test_a_whole_number_is_a_limit_like_any_other(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as desk:
        assert override(desk, "max_open_positions", 3).refused == ""
        ((limit, value),) = in_force(desk)
        assert (limit, repr(value)) == ("max_open_positions", "3.0")


def test_without_a_name_and_a_reason_nothing_is_overridden(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as desk:
        refused = desk.ask("override", limit="max_position", value=0.5, for_s=60, by="ann").refused
        assert "who (--by) and why (--reason)" in refused
        assert in_force(desk) == []


def test_a_looser_limit_never_contradicts_another_and_a_tighter_one_always_passes(
    tmp_path: Path,
) -> None:
    with desk_with_rules(tmp_path) as desk:
        assert override(desk, "max_daily_var", 0.03).refused == ""
        assert override(desk, "max_portfolio_var", 0.01).refused == ""
        refused = override(desk, "max_daily_var", 0.025).refused
        assert "max_daily_var (0.025) would be above max_portfolio_var (0.01)" in refused
        assert in_force(desk) == [("max_daily_var", 0.03), ("max_portfolio_var", 0.01)]


def test_a_looser_limit_is_held_against_what_another_is_configured_as_because_that_may_return(
    tmp_path: Path,
) -> None:
    limits = risk_limits(Settings(), INSTRUMENTS, 3_600)._replace(max_gross_leverage=1.0)
    options = {"override_rules": override_rules(limits)}
    with live_desk(tmp_path, gateway_options=options) as desk:
        assert override(desk, "max_gross_leverage", 1.5).refused == ""
        refused = override(desk, "max_position", 1.2).refused
        assert "max_position (1.2) would be above max_gross_leverage (1)" in refused


def test_an_override_is_on_disk_alerted_and_told_with_the_next_bar(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as desk, coordinator_of(desk) as coordinator:
        close_bar(desk)
        first = coordinator.next(BarReady)
        assert first.overrides == ()
        assert override(desk, "max_position", 0.5).refused == ""
        assert override(desk, "crash", 0.1).refused == ""
        close_bar(desk)
        coordinator.decide({}, sequence=-1)  # until now it had no time for another
        assert [(one.limit, one.value) for one in coordinator.next(BarReady).overrides] == [
            ("crash", 0.1), ("max_position", 0.5)
        ]  # fmt: skip
        desk.kill()
        begun = desk.events(LimitOverridden)
        alerts = [event.message for event in desk.events(AlertRaised)]
    assert [(one.limit, one.by, one.sequence) for one in begun] == [
        ("max_position", "ann", first.sequence + 1), ("crash", "ann", first.sequence + 1)
    ]  # fmt: skip
    assert begun[0].until - begun[0].time == 7_200 * 10**9
    assert "max_position is 0.5 instead of 0.9 for 7200 s by ann: a quiet afternoon" in alerts


def test_it_expires_by_itself_on_the_clock_of_the_market(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as desk:
        override(desk, "max_position", 0.5, for_s=60)
        expire(desk)
        desk.kill()
        (begun,), (ended,) = desk.events(LimitOverridden), desk.events(OverrideEnded)
        alerts = [event.message for event in desk.events(AlertRaised)]
    assert ended.time >= begun.until
    assert (ended.limit, ended.by) == ("max_position", "expiry")
    assert alerts[-1] == "max_position is 0.9, as configured, again by expiry: its time is over"


def test_approvals_under_overrides_that_are_not_on_record_open_nothing(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as desk, coordinator_of(desk) as coordinator:
        forged = (Override(limit="max_position", value=1.3, until=2**62),)
        refused = coordinator.order({"EUR_USD": 2_000.0}, overrides=forged)
        assert refused.sent == 0
        assert "under max_position 1.3, in force is no override" in refused.unsent[0][1]
        override(desk, "max_position", 0.5, for_s=60)
        on_record = desk.gateway.overriding.known
        assert coordinator.order({"EUR_USD": 2_000.0}, sequence=1).sent == 0
        assert coordinator.order({"EUR_USD": 2e3}, sequence=2, overrides=on_record).sent == 1
        expire(desk)
        assert coordinator.order({"GBP_USD": 2e3}, sequence=3, overrides=on_record).sent == 0
        assert coordinator.order({"GBP_USD": 2e3}, sequence=4).sent == 1


def test_what_reduces_a_position_passes_whatever_is_overridden_since(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as desk, coordinator_of(desk) as coordinator:
        coordinator.order({"EUR_USD": 2_000.0})
        desk.prices()
        desk.until(lambda told: bool(told["positions"]) and not told["open_orders"])
        override(desk, "max_position", 0.5)
        assert coordinator.order({"EUR_USD": -2_000.0}, sequence=1).sent == 1


def test_a_desk_that_is_taken_up_again_is_under_the_same_overrides(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as first:
        override(first, "max_position", 0.5)
        first.kill()
        with desk_with_rules(tmp_path, first.broker) as second:
            assert in_force(second) == [("max_position", 0.5)]
            assert second.ask("end_override", limit="max_position", **ANN).refused == ""
            assert in_force(second) == []
            again = second.ask("end_override", limit="max_position", **ANN).refused
            assert "'max_position' is not overridden" in again


def test_a_snapshot_from_before_there_were_overrides_is_read(tmp_path: Path) -> None:
    with desk_with_rules(tmp_path) as desk:
        override(desk, "max_position", 0.5)
        kept = desk.gateway.books.state.snapshot()
    names = set(DeskSnapshot.__dataclass_fields__) - {"overrides"}
    older = {name: getattr(kept, name) for name in names}
    resumed = DeskState.resume(decode_value(encode_value(older), DeskSnapshot), ROWS)
    assert resumed.overrides == {}


def test_the_command_sets_lists_and_ends_an_override(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with desk_with_rules(tmp_path) as desk:
        assert quorum(desk, "override", "list") == 0
        assert "no override is in force" in said(capsys)
        set_it = ("override", "set", "max_position", "0.5", "--for", "2h")
        assert quorum(desk, *set_it, "--reason", "x") == 2
        assert "say who with --by" in said(capsys)
        assert quorum(desk, *set_it, "--by", "ann") == 2
        assert "say why with --reason" in said(capsys)
        assert quorum(desk, *set_it, *NAMED) == 0
        assert "max_position 0.5 instead of 0.9 until" in said(capsys)
        assert quorum(desk, "override", "list", "--json") == 0
        assert '"limit": "max_position", "value": 0.5, "configured": 0.9' in said(capsys)
        quorum(desk, "status")
        assert "override max_position 0.5 instead of 0.9" in said(capsys)
        assert quorum(desk, "override", "set", "max_position", "2", "--for", "2h", *NAMED) == 2
        assert "refused: max_position is configured as 0.9" in said(capsys)
        assert quorum(desk, "override", "end", "max_position", *NAMED) == 0
        assert "no override is in force" in said(capsys)
        assert quorum(desk, *set_it, *NAMED, "--json") == 0
        (moved,) = json.loads(capsys.readouterr().out)["overrides"]
        assert (moved["limit"], moved["value"]) == ("max_position", 0.5)
        assert quorum(desk, "override", "end", "max_position", *NAMED, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"overrides": []}


def test_a_length_that_is_none_is_refused_before_anybody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("override", "set", "max_position", "0.5", "--for", "soon", *NAMED)
    assert run([*asked, "--home", str(tmp_path)]) == 2
    assert "expected a length such as 30s, 15m, 4h or 1d" in said(capsys)
