"""A desk that is taken up by other rules says so on record; nothing changes unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.journal.reader import read_events
from infra.live.opening import open_books
from market.events import AlertRaised, SessionStarted
from tests.live_gateways import ROWS, started

BEGAN: dict[str, Any] = {
    "desk": {"initial_balance": 100_000.0, "seed": 7},
    "committee": {"quorum": 0.5, "weights": {"one": 0.5}},
    "guardian": {"max_drawdown": 0.1, "restricted": []},
    "stress": {"crash": 0.08},
    "pace": {"per_second": 10},
    "sizing": {"max_risk_per_trade": 0.02},
    "breakers": {"latency_s": 2.0},
    "instruments": {"EUR_USD": {"margin_rate": 0.02}},
}


def session(**sections: dict[str, Any]) -> SessionStarted:
    configuration = {**BEGAN, **{name: {**BEGAN[name], **of} for name, of in sections.items()}}
    return replace(started(), configuration=json.dumps(configuration))


def taken_up(folder: Path, asked: SessionStarted) -> list[AlertRaised]:
    """What is on record, and was told, once a desk that began otherwise is taken up."""
    path, told = folder / "journal.sqlite", list[tuple[str, str]]()

    def tell(text: str, /, *, level: str = "info", **_: object) -> None:
        told.append((level, text))

    for by in (session(), asked):
        open_books(path, by, ROWS, ("one", "two"), lambda: (1, 1e5), tell=tell).close()
    found = [event for event in read_events(path) if isinstance(event, AlertRaised)]
    assert told == [(alert.level, alert.message) for alert in found]
    return found


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
