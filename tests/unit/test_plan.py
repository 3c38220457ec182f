"""Settling a run: what it depends on, and what contradicts itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from agents.guardian.limits import RiskLimits
from coordinator.configuration.settings import (
    CommitteeSettings,
    GuardianSettings,
    PaceSettings,
    Settings,
    StressSettings,
)
from coordinator.configuration.sources import load_settings
from coordinator.live.bootstrap import breaker_limits
from coordinator.plan import (
    Plan,
    allocation_rules,
    configuration_json,
    weights_of,
    without_folders,
)
from coordinator.risk_rules import day_bars, risk_limits, sizing_rules, traits_with
from coordinator.roster import AgentSpec
from market.errors import ConfigError, DataError, NoConversionPath
from market.instruments import Registry
from tests.books import COLLARS
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
        "oanda",
        "staging",
        "breakers",
        "journal",
    }
    assert recorded["guardian"]["max_position"] == 0.9
    assert "assess_every_s" not in recorded["guardian"]


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


EUR_USD, XAU_USD = Registry()["EUR_USD"], Registry()["XAU_USD"]
DAILY_S = 86_400


def limits_of(**sections: dict[str, Any]) -> RiskLimits:
    return risk_limits(settings(**sections), [EUR_USD], DAILY_S)


@pytest.mark.parametrize(
    ("lower", "value", "upper", "most"),
    [
        ("max_position", 2.0, "max_gross_leverage", 1.5),
        ("max_asset_class", 2.0, "max_gross_leverage", 1.5),
        ("max_daily_var", 0.06, "max_portfolio_var", 0.05),
        ("max_position_loss", 0.2, "max_portfolio_risk", 0.15),
    ],
)
def test_limits_that_contradict_each_other_are_refused(
    lower: str, value: float, upper: str, most: float
) -> None:
    with pytest.raises(
        ConfigError, match=rf"{lower} \({value:g}\) is above .*{upper} \({most:g}\)"
    ):
        limits_of(guardian={lower: value, upper: most})


@pytest.mark.parametrize("flatten", [0.1, 0.05])
def test_a_desk_must_halt_before_it_closes_everything(flatten: float) -> None:
    with pytest.raises(ConfigError, match=r"flatten_drawdown \(.*\) must lie above .*\(0.1\)"):
        limits_of(guardian={"flatten_drawdown": flatten})


def test_guardian_and_gateway_close_everything_at_the_same_fall() -> None:
    stated = settings(guardian={"flatten_drawdown": 0.2})
    limits = risk_limits(stated, [EUR_USD], DAILY_S)
    assert limits.flatten_drawdown == breaker_limits(stated).drawdown_flatten == 0.2


def test_every_limit_of_the_configuration_reaches_the_guardian() -> None:
    guardian = {
        "max_price_age": 1.0,
        "jump_sigmas": 9.0,
        "max_drawdown": 0.11,
        "flatten_drawdown": 0.16,
        "max_daily_loss": 0.021,
        "max_order_value": 1.9,
        "max_order_units": 9e6,
        "max_open_positions": 7,
        "max_position": 0.8,
        "max_position_loss": 0.04,
        "max_asset_class": 0.7,
        "max_gross_leverage": 2.9,
        "max_currency_exposure": 1.1,
        "max_portfolio_risk": 0.14,
        "correlation_threshold": 0.6,
        "correlation_window": 61,
        "margin_reserve": 0.09,
        "max_daily_var": 0.019,
        "max_portfolio_var": 0.049,
        "var_window": 251,
    }
    stress = {
        "crash": 0.07,
        "volatility_spike": 0.05,
        "correlation_breakdown": 0.09,
        "liquidity_crisis": 0.11,
        "currency_crisis": 0.04,
    }
    pace = {
        "duplicate_s": 9.0,
        "per_second": 9,
        "per_minute": 99,
        "max_fills": 19,
        "fills_s": 299.0,
        "collar_s": 59.0,
        "reductions_per_second": 999,
        "reductions_per_minute": 9_999,
    }
    found = risk_limits(
        settings(
            guardian={**guardian, "price_collar_sigmas": 5.0},
            stress=stress,
            pace=pace,
            sizing={"volatility_decay": 0.9},
        ),
        [EUR_USD, XAU_USD],
        3_600,
    )
    *plain, decay, day_bars, collar_sigmas, shocks, rates = found
    assert plain == list(guardian.values())
    assert (decay, day_bars, collar_sigmas) == (0.9, 24.0, 5.0)
    assert list(shocks) == list(stress.values())
    assert list(rates) == [9e9, 9, 99, 19, 299e9, 59e9, 999.0, 9_999.0]


@pytest.mark.parametrize("kind", ["reductions", "cancels"])
@pytest.mark.parametrize(
    ("pace", "words"),
    [
        ({"{}_per_second": 500, "{}_per_minute": 400}, r"{}_per_second \(500\) is above"),
        ({"per_second": 200, "per_minute": 200, "{}_per_second": 150}, r"{}_per_second \(150\)"),
        ({"per_minute": 6_000, "{}_per_minute": 5_000}, r"{}_per_minute \(5000\) is below"),
    ],
)
def test_what_takes_risk_away_has_the_larger_budget(
    kind: str, pace: dict[str, int], words: str
) -> None:
    with pytest.raises(ConfigError, match=words.format(kind)):
        limits_of(pace={name.format(kind): value for name, value in pace.items()})


def test_how_often_a_live_desk_may_cancel_is_no_part_of_what_decisions_depend_on() -> None:
    stated = json.loads(configuration_json(settings()))["pace"]
    assert "reductions_per_second" in stated
    assert not [name for name in stated if name.startswith("cancels")]


def test_collars_and_restrictions_reach_the_guardian_by_instrument() -> None:
    given = {"restricted": ["XAU_USD"], "price_collars": dict(COLLARS, metal=0.02)}
    traits = traits_with(settings(guardian=given), [EUR_USD, XAU_USD])
    assert list(traits.collar) == [0.005, 0.02]
    assert list(traits.restricted) == [0, 1]


def test_a_restricted_instrument_that_nobody_trades_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"restricted names EUR_USB.*EUR_USD"):
        traits_with(settings(guardian={"restricted": ["EUR_USB"]}), [EUR_USD, XAU_USD])


@pytest.mark.parametrize(
    "collars", [{"fx": 0.005}, dict(COLLARS, fx=0.0)], ids=["a class without one", "zero"]
)
def test_a_collar_that_is_missing_or_zero_is_refused(collars: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="price_collars"):
        limits_of(guardian={"price_collars": collars})


def test_the_limit_of_a_class_of_assets_is_off_where_one_class_is_traded() -> None:
    assert limits_of().max_asset_class == float("inf")


@pytest.mark.parametrize(
    ("interval_s", "bars"), [(60, 1_440.0), (3_600, 24.0), (DAILY_S, 1.0), (7 * DAILY_S, 0.2)]
)
def test_a_day_of_trading_has_so_many_bars(interval_s: int, bars: float) -> None:
    assert day_bars(interval_s) == pytest.approx(bars)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        *(
            ("guardian", key)
            for key, field in GuardianSettings.model_fields.items()
            if field.annotation in (int, float)
            and key not in ("rearm_after", "correlation_window", "assess_every_s")
        ),
        *(("stress", key) for key in StressSettings.model_fields),
        *(("pace", key) for key in PaceSettings.model_fields),
    ],
)
@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0, 1e13])
def test_no_limit_can_be_switched_off(section: str, key: str, value: float) -> None:
    with pytest.raises(ValidationError):
        settings(**{section: {key: value}})


@pytest.mark.parametrize(
    ("section", "key", "percent"),
    [("guardian", "max_daily_var", 2), ("guardian", "max_portfolio_var", 5),
     ("stress", "currency_crisis", 5), ("stress", "crash", 8)],
)  # fmt: skip
def test_a_default_given_in_percent_is_refused(section: str, key: str, percent: int) -> None:
    with pytest.raises(ConfigError, match=rf"{key}: .*{percent} percent is written 0.0{percent}"):
        load_settings(flags={section: {key: percent}})


def test_a_percentage_in_the_place_of_a_fraction_is_explained() -> None:
    with pytest.raises(
        ConfigError, match=r"max_daily_loss: .*found 2 \(2 percent is written 0.02\)"
    ):
        load_settings(flags={"guardian": {"max_daily_loss": 2}})


@pytest.mark.parametrize(
    ("kind", "fraction", "sigmas"),
    [("off", None, None), ("fraction", 0.0035, None), ("sigmas", None, 4.0)],
)
def test_a_trailing_stop_is_measured_one_way_or_not_at_all(
    kind: str, fraction: float | None, sigmas: float | None
) -> None:
    rules = sizing_rules(settings(sizing={"trailing_stop": kind}), DAILY_S)
    expected = [float("nan") if value is None else value for value in (fraction, sigmas)]
    np.testing.assert_array_equal([rules.trailing_fraction, rules.trailing_sigmas], expected)


def test_versions_of_what_computes_are_on_record() -> None:
    named = dict(plan().versions)
    assert {"quorum", "python", "numpy", "numba"} <= set(named)
    assert all(named.values())
