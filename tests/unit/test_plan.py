"""Settling a run: what it depends on, and what contradicts itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from coordinator.configuration.settings import CommitteeSettings, Settings
from coordinator.plan import (
    Plan,
    allocation_rules,
    configuration_json,
    risk_limits,
    sizing_rules,
    weights_of,
    without_folders,
)
from coordinator.roster import AgentSpec
from market.errors import ConfigError, DataError, NoConversionPath
from tests.desk import TWO, market, plan


def settings(**sections: dict[str, Any]) -> Settings:
    return Settings.model_validate(sections)


def follower(**parameters: object) -> AgentSpec:
    return AgentSpec(path="tests.voters:Follower", parameters=tuple(parameters.items()))


def test_a_plan_knows_what_is_traded_who_votes_and_where_it_begins() -> None:
    settled = plan()
    assert settled.names == ("follower", "contrarian")
    assert settled.lookbacks == (4, 9)
    assert settled.desk.traded == 3
    assert settled.desk.symbols == ("EUR_USD", "USD_JPY", "EUR_GBP", "GBP_USD")
    assert settled.decisions == 68
    assert settled.currencies == ("EUR", "GBP", "JPY", "USD")
    np.testing.assert_array_equal(settled.desk.weights, [0.25, 0.25])


def session(settled: Plan) -> str:
    return settled.desk.session


def test_the_same_inputs_name_the_same_session_and_any_other_input_another() -> None:
    bars = market()
    one_price = bars.close.copy()
    one_price[-1, 3] = np.nextafter(one_price[-1, 3], 2.0)
    others = [
        plan(replace(bars, close=one_price)),
        plan(first=13),
        plan(desk={"seed": 8}),
        plan(desk={"initial_balance": 50_000.0}),
        plan(guardian={"max_position": 0.8}),
        plan(agents=TWO[:1]),
        plan(agents=(follower(rows=4), TWO[1])),
        plan(agents=(TWO[1], TWO[0])),
    ]
    assert session(plan()) == session(plan())
    assert len({session(settled) for settled in (plan(), *others)}) == len(others) + 1


def test_where_results_go_and_how_ray_runs_is_no_part_of_a_session() -> None:
    elsewhere = plan(run={"out": "/elsewhere"}, ray={"namespace": "other"})
    assert session(elsewhere) == session(plan())
    assert "namespace" not in configuration_json(elsewhere.settings)
    assert "elsewhere" not in configuration_json(elsewhere.settings)


def test_where_a_file_lies_is_no_part_of_a_session(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rates.csv").touch()
    here, there = (str(tmp_path / folder / "rates.csv") for folder in ("here", "there"))
    assert without_folders({"a": [here, 1]}) == without_folders({"a": [there, 1]})
    assert without_folders({"a": here}) == {"a": "rates.csv"}
    assert without_folders({"b": "nowhere.csv", "a": 0.5}) == {"a": 0.5, "b": "nowhere.csv"}


@pytest.mark.parametrize("text", ["", "x" * 10_000, "a\x00b"])
def test_a_text_that_cannot_be_a_file_stays_as_it_is(text: str) -> None:
    assert without_folders(text) == text


def test_the_recorded_configuration_is_json_with_every_decisive_key() -> None:
    recorded = json.loads(configuration_json(Settings()))
    assert set(recorded) == set(Settings.model_fields) - {
        "run",
        "ray",
        "live",
        "staging",
        "journal",
    }
    assert recorded["guardian"]["max_position"] == 0.9


@pytest.mark.parametrize("rows", [8, 9])
def test_too_few_bars_for_the_longest_lookback_are_refused_by_name(rows: int) -> None:
    with pytest.raises(DataError, match=f"{rows} bars are too few: contrarian needs 9"):
        plan(market(rows), first=0)
    assert plan(market(10), first=0).decisions == 10


def test_two_agents_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="follower sits twice; give each its own name"):
        plan(agents=(TWO[0], follower(rows=5)))
    assert plan(agents=(TWO[0], follower(rows=5, name="slower"))).names == ("follower", "slower")


def test_an_agent_cannot_take_the_name_of_another_member() -> None:
    with pytest.raises(ConfigError, match="gateway is the name of another member"):
        plan(agents=(follower(name="gateway"),))


def test_an_account_that_no_instrument_leads_to_is_refused() -> None:
    with pytest.raises(NoConversionPath, match="account currency CHF"):
        plan(desk={"account_currency": "CHF"})


def test_weights_are_the_configured_ones_then_the_defaults_then_a_newcomers() -> None:
    names = ("momentum", "volatility", "frog")
    assert weights_of(CommitteeSettings(), names) == [0.30, 0.20, 0.25]
    given = CommitteeSettings(weights={"frog": 0.7, "momentum": 0.0})
    assert weights_of(given, names) == [0.0, 0.20, 0.7]
    absent = CommitteeSettings(weights={"sentiment": 0.9})
    assert weights_of(absent, names) == [0.30, 0.20, 0.25], "a known agent may sit out"


def test_weights_for_strangers_or_for_nobody_are_refused() -> None:
    with pytest.raises(ConfigError, match="weights names toad, who do not sit"):
        weights_of(CommitteeSettings(weights={"toad": 1.0}), ("frog",))
    with pytest.raises(ConfigError, match="at least one agent needs a weight above zero"):
        weights_of(CommitteeSettings(weights={"frog": 0.0}), ("frog",))


@pytest.mark.parametrize(
    ("interval_s", "every", "max_age"),
    [(86_400, 21, 63), (3_600, 1, 3), (60, 15, 45), (900, 1, 3), (7 * 86_400, 21, 63)],
)
def test_the_optimizers_calendar_follows_the_length_of_a_bar(
    interval_s: int, every: int, max_age: int
) -> None:
    rules = allocation_rules(Settings(), interval_s)
    assert (rules.every, rules.max_age, rules.lookback, rules.cap) == (every, max_age, 250, 2.0)


def test_a_stated_calendar_counts_in_bars_of_any_length() -> None:
    stated = settings(optimizer={"rebalance_every": 4, "allocation_max_age": 5})
    rules = allocation_rules(stated, 60)
    assert (rules.every, rules.max_age) == (4, 5)


def test_a_lookback_that_can_never_hold_enough_returns_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"min_observations \(60\) is above .*lookback \(40\)"):
        allocation_rules(settings(optimizer={"allocation_lookback": 40}), 86_400)
    even = {"allocation_lookback": 40, "allocation_min_observations": 40}
    assert allocation_rules(settings(optimizer=even), 86_400).lookback == 40


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"max_position \(2\) is above .*leverage \(1.5\)"):
        risk_limits(settings(guardian={"max_position": 2.0, "max_gross_leverage": 1.5}))


def test_every_limit_of_the_configuration_reaches_the_guardian() -> None:
    given = {
        "max_price_age": 1.0,
        "max_drawdown": 0.11,
        "max_daily_loss": 0.021,
        "max_open_positions": 7,
        "max_position": 0.8,
        "max_gross_leverage": 2.9,
        "max_currency_exposure": 1.1,
        "max_portfolio_risk": 0.14,
        "correlation_threshold": 0.6,
        "correlation_window": 61,
        "margin_reserve": 0.09,
        "price_collar": 0.006,
        "price_collar_sigmas": 5.0,
    }
    assert list(risk_limits(settings(guardian=given))) == list(given.values())


@pytest.mark.parametrize(
    "key",
    [
        "max_drawdown",
        "max_daily_loss",
        "max_position",
        "max_gross_leverage",
        "max_currency_exposure",
        "max_portfolio_risk",
        "price_collar",
        "price_collar_sigmas",
        "max_price_age",
        "margin_reserve",
    ],
)
@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0, 1e9])
def test_no_limit_can_be_switched_off(key: str, value: float) -> None:
    with pytest.raises(ValidationError):
        settings(guardian={key: value})


@pytest.mark.parametrize(
    ("kind", "fraction", "sigmas"),
    [("off", None, None), ("fraction", 0.0035, None), ("sigmas", None, 4.0)],
)
def test_a_trailing_stop_is_measured_one_way_or_not_at_all(
    kind: str, fraction: float | None, sigmas: float | None
) -> None:
    rules = sizing_rules(settings(sizing={"trailing_stop": kind}))
    expected = [float("nan") if value is None else value for value in (fraction, sigmas)]
    np.testing.assert_array_equal([rules.trailing_fraction, rules.trailing_sigmas], expected)


def test_versions_of_what_computes_are_on_record() -> None:
    named = dict(plan().versions)
    assert {"quorum", "python", "numpy", "numba"} <= set(named)
    assert all(named.values())
