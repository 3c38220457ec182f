"""The fixed runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from coordinator.plan import Plan
from market.bars import VALUE_FIELDS, Bars
from tests.desk import FIRST_DAY_NS, market, plan, reckless
from tests.property.test_session import with_gaps
from tests.runs import plan_with

HOUR_S = 3_600
BUILT_IN = (
    "agents.trading.momentum:Momentum",
    "agents.trading.mean_reversion:MeanReversion",
    "agents.trading.volatility:Volatility",
    "agents.trading.sentiment:Sentiment",
)


def quoted(bars: Bars) -> Bars:
    """The same prices to six digits, whatever the last bits of this processor's exp."""
    values = {name: np.round(getattr(bars, name), 6) for name in VALUE_FIELDS}
    return replace(bars, **values)


def hourly(bars: Bars) -> Bars:
    """The same prices an hour apart."""
    rows = np.arange(1, len(bars) + 1, dtype=np.int64)
    return replace(bars, time=FIRST_DAY_NS + rows * HOUR_S * 10**9, interval_s=HOUR_S)


def five_years_of_fixings() -> Plan:
    """The defaults on the ECB's rates, with the classical optimizer."""
    return plan_with(
        data={"start": "2010-01-01", "end": "2014-12-31"}, optimizer={"method": "exact"}
    )


def hours_with_gaps_and_trailing_stops() -> Plan:
    """All four agents on made-up hours, a tenth of the prices missing."""
    bars = with_gaps(quoted(market(2_000, seed=21, volatility=0.0015)), 21, 0.1)
    return plan(
        hourly(bars),
        first=400,
        agents=BUILT_IN,
        sizing={"trailing_stop": "sigmas"},
        optimizer={"rebalance_every": 24},
    )


def little_money_and_margin_close_outs() -> Plan:
    """A tiny account that may owe nearly all that it has."""
    return reckless(plan(
        quoted(market(400, seed=2, volatility=0.01)),
        desk={"initial_balance": 500.0},
        guardian={
            "max_gross_leverage": 50.0, "max_position": 30.0, "max_portfolio_risk": 1.0,
            "max_currency_exposure": 50.0, "margin_reserve": 0.0, "max_drawdown": 0.5,
            "max_daily_loss": 0.25, "flatten_drawdown": 0.75, "max_position_loss": 1.0,
            "max_order_value": 100.0, "jump_sigmas": 50.0,
        },
        sizing={"max_risk_per_trade": 0.2, "stop_sigmas": 0.5},
        broker={"closeout_fraction": 1.0},
    ))  # fmt: skip


def an_agent_that_often_fails() -> Plan:
    """It abstains where the market moves, and the quorum is missed there."""
    return plan(
        quoted(market(300, seed=5)),
        agents=("tests.voters:Fragile", "tests.voters:Follower", "tests.voters:Contrarian"),
        committee={"weights": {"fragile": 0.6, "follower": 0.2, "contrarian": 0.2}},
    )


STORIES: dict[str, Callable[[], Plan]] = {
    story.__name__: story
    for story in (
        five_years_of_fixings,
        hours_with_gaps_and_trailing_stops,
        little_money_and_margin_close_outs,
        an_agent_that_often_fails,
    )
}
