"""A desk that is taken up by other rules says so on record; nothing changes unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coordinator.explain.naming import parse_name
from coordinator.explain.record import read_decision
from coordinator.explain.replaying import replay_decisions
from coordinator.explain.votes import tally_rules
from coordinator.live.plan import live_session_started
from coordinator.results.record import load_record
from coordinator.whatif.rules import recorded_rules
from infra.journal.codec import decode_value, encode_value
from infra.journal.reader import read_events
from infra.live.opening import open_books
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.errors import JournalError
from market.events import AlertRaised, Event, SessionStarted
from market.live_events import BarClosed, RulesTakenUp
from tests.desk import TWO
from tests.followed import EAGER, PRIMED, account, again, opening
from tests.live_gateways import ROWS, started
from tests.live_session import bar_ready, live_session, small_plan
from tests.recorded import written

BEGAN: dict[str, Any] = {
    "desk": {"initial_balance": 100_000.0, "seed": 7},
    "committee": {"quorum": 0.5, "weights": {"one": 0.5}},
    "guardian": {"max_drawdown": 0.1, "restricted": []},
    "stress": {"crash": 0.08},
    "pace": {"per_second": 10},
    "sizing": {"max_risk_per_trade": 0.02},
    "breakers": {"latency_s": 2.0},
    "staging": {"min_days": 9},
    "instruments": {"EUR_USD": {"margin_rate": 0.02}},
}


def session(**sections: dict[str, Any]) -> SessionStarted:
    configuration = {**BEGAN, **{name: {**BEGAN[name], **of} for name, of in sections.items()}}
    return replace(started(), configuration=json.dumps(configuration))


def taken_up(folder: Path, asked: SessionStarted) -> list[AlertRaised]:
    """What is on record, and was told, once a desk that began otherwise is taken up."""
    return alerts(take_up(folder, session(), asked))


def take_up(folder: Path, *asked: SessionStarted) -> list[Event]:
    """The journal of a desk that is begun and taken up so; what was told is what is on record."""
    path, told = folder / "journal.sqlite", list[tuple[str, str]]()

    def tell(text: str, /, *, level: str = "info", **_: object) -> None:
        told.append((level, text))

    for by in asked:
        open_books(path, by, ROWS, ("one", "two"), lambda: (1, 1e5), tell=tell).close()
    found = list(read_events(path))
    assert told == [(alert.level, alert.message) for alert in alerts(found)]
    return found


def alerts(events: list[Event]) -> list[AlertRaised]:
    return [event for event in events if isinstance(event, AlertRaised)]


def rules(events: list[Event]) -> list[RulesTakenUp]:
    return [event for event in events if isinstance(event, RulesTakenUp)]


def test_a_desk_that_is_taken_up_as_it_was_raises_nothing(tmp_path: Path) -> None:
    assert not taken_up(tmp_path, session())


def test_what_the_broker_refreshes_is_no_difference(tmp_path: Path) -> None:
    asked = session(
        desk={"initial_balance": 99_000.0}, instruments={"EUR_USD": {"margin_rate": 0.05}}
    )
    assert not taken_up(tmp_path, asked)


def test_every_limit_that_differs_is_named_in_a_critical_alert(tmp_path: Path) -> None:
    asked = session(
        guardian={"max_drawdown": 0.2, "restricted": ["EUR_USD"]},
        stress={"crash": 0.5},
        pace={"per_second": 100},
        sizing={"max_risk_per_trade": 0.05},
        breakers={"latency_s": 30.0},
        staging={"min_days": 7},
    )
    (alert,) = taken_up(tmp_path, asked)
    assert (alert.source, alert.level) == ("gateway", "critical")
    for said in (
        "guardian.max_drawdown is 0.2, was 0.1",
        'guardian.restricted is ["EUR_USD"], was []',
        "stress.crash is 0.5, was 0.08",
        "pace.per_second is 100, was 10",
        "sizing.max_risk_per_trade is 0.05, was 0.02",
        "breakers.latency_s is 30.0, was 2.0",
        "staging.min_days is 7, was 9",
    ):
        assert said in alert.message


def test_other_rules_and_other_code_of_an_agent_are_a_warning(tmp_path: Path) -> None:
    asked = session(committee={"quorum": 0.1})
    first, second, *others = asked.agents
    agents = (replace(first, source="another"), replace(second, lookback=99), *others)
    asked = replace(asked, agents=agents)
    (alert,) = taken_up(tmp_path, asked)
    assert alert.level == "warning"
    assert "committee.quorum is 0.1, was 0.5" in alert.message
    assert f"the code or an input of {first.name} is another" in alert.message
    assert f"{second.name} looks back 99 bars" in alert.message


def test_limits_come_before_the_rest_and_each_has_its_own_alert(tmp_path: Path) -> None:
    asked = session(committee={"quorum": 0.1}, guardian={"max_drawdown": 0.2})
    assert [alert.level for alert in taken_up(tmp_path, asked)] == ["critical", "warning"]


def test_a_section_that_an_older_journal_does_not_have_is_told_as_not_on_record(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    older = {name: section for name, section in BEGAN.items() if name != "breakers"}
    for configuration in (older, BEGAN):
        by = replace(started(), configuration=json.dumps(configuration))
        open_books(path, by, ROWS, ("one", "two"), lambda: (1, 1e5)).close()
    (alert,) = [event for event in read_events(path) if isinstance(event, AlertRaised)]
    assert alert.level == "critical"
    assert "breakers.latency_s is 2.0, was not on record" in alert.message


def test_a_desk_that_goes_back_to_its_first_rules_has_that_on_record(tmp_path: Path) -> None:
    other = session(guardian={"max_drawdown": 0.2})
    events = take_up(tmp_path, session(), other, session())
    assert [event.configuration for event in rules(events)] == [
        other.configuration,
        session().configuration,
    ]
    there, back = alerts(events)
    assert "guardian.max_drawdown is 0.2, was 0.1" in there.message
    assert "guardian.max_drawdown is 0.1, was 0.2" in back.message


def test_a_restart_with_the_rules_that_it_was_taken_up_with_raises_nothing_again(
    tmp_path: Path,
) -> None:
    other = session(guardian={"max_drawdown": 0.2}, committee={"quorum": 0.1})
    events = take_up(tmp_path, session(), other, other, other)
    assert len(rules(events)) == 1
    assert [alert.level for alert in alerts(events)] == ["critical", "warning"]


def test_the_rules_are_on_record_before_the_alerts_of_them(tmp_path: Path) -> None:
    asked = session(guardian={"max_drawdown": 0.2})
    first, *others = asked.agents
    asked = replace(asked, agents=(replace(first, source="another"), *others))
    events = take_up(tmp_path, session(), asked)
    (taken,) = rules(events)
    at = events.index(taken)
    assert (taken.configuration, taken.agents) == (asked.configuration, asked.agents)
    assert events[at + 1 : at + 3] == alerts(events)


def test_a_desk_without_a_snapshot_is_compared_with_its_last_rules_too(tmp_path: Path) -> None:
    other = session(pace={"per_second": 100})
    path = tmp_path / "journal.sqlite"
    take_up(tmp_path, session(), other)
    state = DeskState(session(), ROWS)
    for event in list(read_events(path))[1:]:
        state.apply(event)
    assert state.rules is not None
    assert state.rules.configuration == other.configuration


def test_a_snapshot_of_before_rules_were_on_record_is_taken_up_by_the_first() -> None:
    raw = msgspec.msgpack.decode(
        encode_value(DeskState(session(), ROWS).snapshot()), ext_hook=msgspec.msgpack.Ext
    )
    del raw["rules"]
    kept = decode_value(msgspec.msgpack.encode(raw), DeskSnapshot)
    assert kept.rules is None
    assert DeskState.resume(kept, ROWS).rules is None


def test_a_snapshot_keeps_the_rules_that_were_taken_up() -> None:
    state = DeskState(session(), ROWS)
    taken = RulesTakenUp(sequence=-1, time=1, configuration="{}", agents=started().agents)
    state.apply(taken)
    kept = decode_value(encode_value(state.snapshot()), DeskSnapshot)
    assert DeskState.resume(kept, ROWS).rules == taken


LIVED = 4
"""Decisions of the desk below; before the last but one it is taken up."""


@pytest.fixture(scope="module")
def lived() -> list[Event]:
    """A live desk's journal of a few decisions."""
    plan = small_plan(TWO, committee=EAGER)
    recorded = opening(plan)
    with live_session(plan) as desk:
        for number in range(PRIMED, PRIMED + LIVED):
            ready = bar_ready(number, 0.001)
            recorded += [*account(ready), *desk.decide(ready).records]
    return recorded


def resumed(lived: list[Event], **sections: dict[str, Any]) -> list[Event]:
    """The same journal with other rules on record before its last two decisions."""
    began = lived[0]
    assert isinstance(began, SessionStarted)
    stated = json.loads(began.configuration)
    stated = {**stated, **{name: {**stated[name], **of} for name, of in sections.items()}}
    time = next(e.time for e in lived if isinstance(e, BarClosed) and e.sequence == PRIMED + 2)
    event = RulesTakenUp(
        sequence=PRIMED + 1, time=time, configuration=json.dumps(stated), agents=began.agents
    )
    at = next(
        row for row, e in enumerate(lived) if isinstance(e, BarClosed) and e.sequence == PRIMED + 2
    )
    return [*lived[:at], event, *lived[at:]]


def taken_up_by(rules: dict[str, Any], lived: list[Event], *, killed: bool = False) -> list[Event]:
    """The journal of the desk above, and of its next decisions by other rules.

    killed: so that there is no snapshot, and it reads its journal from the beginning.
    """
    began = lived[0]
    assert isinstance(began, SessionStarted)
    plan = small_plan(TWO, **{"committee": EAGER, **rules})
    by = live_session_started(plan, time=0, feed="by hand")
    state = DeskState(began, plan.rows if killed else small_plan(TWO, committee=EAGER).rows)
    for event in lived[1:]:
        state.apply(event)
    state = DeskState.resume(state.snapshot(), plan.rows)
    recorded: list[Event] = [
        RulesTakenUp(
            sequence=state.sequence,
            time=state.time,
            configuration=by.configuration,
            agents=by.agents,
            remembered=len(state.window),
        )
    ]
    state.apply(recorded[0])
    with live_session(plan, state=state) as desk:
        for number in range(PRIMED + LIVED, PRIMED + 2 * LIVED):
            ready = bar_ready(number, -0.001)
            recorded += [*account(ready), *desk.decide(ready).records]
    return [*lived, *recorded]


QUICK_LIMITS = {"correlation_window": 10, "var_window": 20}
OTHER_RULES: dict[str, dict[str, Any]] = {
    "threshold": {"committee": {**EAGER, "decision_threshold": 0.9}},
    "sizing": {"sizing": {"volatility_window": 10, "max_risk_per_trade": 0.003}},
    "limits": {"guardian": {**QUICK_LIMITS, "max_open_positions": 1}},
    "further-back": {"guardian": {"correlation_window": 62, "var_window": 90}},
    "lookback": {"agents": {"Follower": {"rows": 5}}},
}


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("rules", OTHER_RULES.values(), ids=OTHER_RULES)
def test_every_decision_is_repeated_by_the_rules_that_were_in_force(
    rules: dict[str, Any], killed: bool, lived: list[Event], tmp_path: Path
) -> None:
    events = taken_up_by(rules, lived, killed=killed)
    replayed = again(events, tmp_path)
    assert [done.difference for done in replayed] == [None] * 2 * LIVED
    assert all(not done.agents for done in replayed), "no agent's code has changed"


@pytest.mark.parametrize("rules", [OTHER_RULES[name] for name in ("threshold", "sizing", "limits")])
def test_by_the_first_rules_they_would_not_be_the_same(
    rules: dict[str, Any], lived: list[Event], tmp_path: Path
) -> None:
    events = taken_up_by(rules, lived)
    unsaid = [event for event in events if not isinstance(event, RulesTakenUp)]
    replayed = again(unsaid, tmp_path)
    assert [done.identical for done in replayed[:LIVED]] == [True] * LIVED
    assert not all(done.identical for done in replayed[LIVED:])


def test_why_judges_a_decision_by_the_rules_in_force(lived: list[Event], tmp_path: Path) -> None:
    events = taken_up_by(OTHER_RULES["threshold"], lived)
    journal = written(events, tmp_path / "journal.sqlite")
    session = str(lived[0].session)  # type: ignore[union-attr]
    for sequence, threshold in ((PRIMED, 0.01), (PRIMED + LIVED, 0.9)):
        record = read_decision(journal, parse_name(f"{session}-{sequence}"))
        assert tally_rules(record).threshold == threshold
    with pytest.raises(JournalError, match="cannot be tallied again as those of one committee"):
        recorded_rules(load_record(journal))


def test_the_agents_of_a_decision_are_those_that_were_seated_by_its_rules(
    lived: list[Event], tmp_path: Path
) -> None:
    events = taken_up_by(OTHER_RULES["lookback"], lived)
    journal = written(events, tmp_path / "journal.sqlite")
    session = str(lived[0].session)  # type: ignore[union-attr]
    for sequence, lookback in ((PRIMED, 4), (PRIMED + LIVED, 6)):
        record = read_decision(journal, parse_name(f"{session}-{sequence}"))
        assert record.seats[0].lookback == lookback


def test_a_decision_that_was_not_taken_by_the_rules_in_force_shows(
    lived: list[Event], tmp_path: Path
) -> None:
    journal = written(
        resumed(lived, committee={"decision_threshold": 0.9}), tmp_path / "journal.sqlite"
    )
    replayed = list(replay_decisions(journal, lambda _: True))
    assert [done.identical for done in replayed[:2]] == [True, True]
    assert [done.identical for done in replayed[2:]] == [False, False]


def test_rules_that_this_version_does_not_know_are_named(
    lived: list[Event], tmp_path: Path
) -> None:
    journal = written(resumed(lived, committee={"quorums": 0.9}), tmp_path / "journal.sqlite")
    with pytest.raises(JournalError, match="does not understand its configuration"):
        list(replay_decisions(journal, lambda _: True))


def test_decisions_after_what_no_decision_depends_on_changed_are_repeated(
    lived: list[Event], tmp_path: Path
) -> None:
    events = resumed(
        lived,
        breakers={"latency_s": 30.0},
        staging={"min_days": 20},
        pace={"cancels_per_second": 999},
    )
    replayed = again(events, tmp_path)
    assert len(replayed) == LIVED
    assert all(done.identical for done in replayed)


def test_a_desk_that_went_back_to_its_first_rules_is_repeated_by_them_again(
    lived: list[Event], tmp_path: Path
) -> None:
    other = resumed(lived, committee={"quorum": 0.9})
    at = next(row for row, event in enumerate(other) if isinstance(event, RulesTakenUp))
    (back,) = rules(resumed(lived))
    replayed = again([*other[: at + 1], back, *other[at + 1 :]], tmp_path)
    assert [done.identical for done in replayed] == [True] * LIVED
