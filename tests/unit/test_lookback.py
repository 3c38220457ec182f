"""How far back agents look, beside what they declare."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.law import Violation
from agents.scrutiny.lookback import measure_lookback
from agents.scrutiny.voting import Failure
from agents.trading.momentum import Momentum
from coordinator.cli.app import run
from market.errors import AgentError
from tests.peekers import Claims, NextClose, Normalised, Recursive, Silent, Squeamish
from tests.property.panels import panel, random_walk

WALK = panel(random_walk(np.random.default_rng(3), 400, 5))
LONG = panel(random_walk(np.random.default_rng(3), 1500, 3))


@settings(max_examples=25)
@given(rows=st.integers(1, 40), declared=st.integers(1, 60), seed=st.integers(0, 99))
def test_the_bars_that_a_window_needs_are_found_whatever_is_declared(
    rows: int, declared: int, seed: int
) -> None:
    found = measure_lookback(Claims(rows=rows, lookback=declared), WALK, rows=6, seed=seed)
    assert found.needed == rows + 1
    assert found.enough == (declared >= rows + 1)
    expected = "exact" if declared == rows + 1 else "longer" if declared > rows + 1 else "too_short"
    assert found.verdict == expected


def test_too_short_a_lookback_is_shown_by_its_first_difference() -> None:
    found = measure_lookback(Claims(rows=9, lookback=4), WALK, rows=6)
    shortfall = found.shortfall
    assert isinstance(shortfall, Violation)
    column = WALK.symbols.index(shortfall.symbol)
    now, then = WALK.close[shortfall.row, column], WALK.close[shortfall.row - 9, column]
    assert (shortfall.array, shortfall.whole) == ("change", pytest.approx(now / then - 1.0))
    assert np.isnan(shortfall.partial)


def test_the_bars_that_momentum_would_bridge_from_are_needed_though_no_price_is_missing() -> None:
    agent = Momentum(
        fast=3, slow=7, volatility_window=5, rsi_length=2, macd_fast=2, macd_slow=3,
        macd_signal=2, bridged_bars=4,
    )  # fmt: skip
    found = measure_lookback(agent, WALK)
    assert found.verdict == "exact"
    assert found.needed == agent.lookback
    assert isinstance(found.binding, Violation)
    assert found.binding.part == "shorter", "it abstains on a panel shorter than its lookback"


def test_a_recursive_average_needs_more_the_less_difference_counts() -> None:
    exact = measure_lookback(Recursive(), LONG, rows=6)
    near = measure_lookback(Recursive(), LONG, rows=6, tolerance=1e-6)
    assert exact.verdict == "too_short"
    assert exact.needed is not None
    assert near.needed is not None
    # An old price fades by (1 - 2 / 21) a bar.
    assert near.needed < np.log(1e-8) / np.log(1.0 - 2.0 / 21.0) < exact.needed < 600


def test_what_remembers_everything_has_no_window_that_is_enough() -> None:
    found = measure_lookback(Normalised(), WALK, rows=6)
    assert found.needed is None
    assert found.verdict == "too_short"


def test_an_agent_that_cannot_vote_with_missing_prices_is_measured_without() -> None:
    found = measure_lookback(Squeamish(), WALK, rows=6)
    assert isinstance(found.raised, Failure)
    assert (found.needed, found.verdict) == (1, "longer")


def test_an_agent_without_a_vote_is_refused() -> None:
    with pytest.raises(AgentError, match="silent abstained on every bar"):
        measure_lookback(Silent(), WALK)


def test_the_window_is_measured_on_the_past_alone_where_an_agent_peeks() -> None:
    found = measure_lookback(NextClose(), WALK, rows=6)
    assert found.needed == 4, "without later bars it votes with the change over three"


def test_the_command_tells_declared_and_needed(capsys: pytest.CaptureFixture[str]) -> None:
    days = ["--rows", "4", "--from", "2020-01-01"]
    assert run(["lookback", "mean_reversion", *days, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["declared"], found["needed"]) == ("exact", 105, 105)
    assert run(["lookback", "tests.peekers:Recursive", *days]) == 1
    told = capsys.readouterr().out
    assert "the declared lookback of 100 bars is TOO SHORT" in told
    assert "in evidence 'average':" in told
    assert run(["lookback", "tests.peekers:Normalised", *days]) == 1
    assert "no window is enough" in capsys.readouterr().out
    assert run(["lookback", "tests.peekers:Squeamish", *days]) == 0
    assert "With missing prices it raised" in capsys.readouterr().out
