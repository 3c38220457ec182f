"""A trial's figures from arrays are those of the same run from its journal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.in_process import run_in_process
from coordinator.results.record import load_record
from coordinator.results.summary import Results, summarise
from coordinator.sweep.measures import (
    OBJECTIVES,
    Account,
    Fills,
    Measures,
    closed_trades,
    measures_of,
    path_measures,
)
from coordinator.sweep.trial import replayed
from coordinator.sweep.votes import VoteMemory
from coordinator.sweep.workers import Bench
from tests.sweeps import base_plan, grid, small_sweep

SAME = ("total_return", "annual_return", "annual_volatility", "sharpe_ratio", "sortino_ratio",
        "calmar_ratio", "max_drawdown", "trades", "turnover", "spread_cost", "slippage_cost",
        "costs")  # fmt: skip
NO_FILLS = Fills(*(np.array([], dtype=np.int64), *(np.array([]) for _ in range(6))))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Account]:
    """The same plan over the journal and as a trial."""
    folder = tmp_path_factory.mktemp("run")
    plan = base_plan(160, committee={"decision_threshold": 0.1})
    run_in_process(plan, folder)
    memory = VoteMemory(plan.bars.columns(plan.desk.symbols[:3]))
    return summarise(load_record(folder / "journal.sqlite")), replayed(plan, memory)


def test_a_trial_has_the_account_of_the_run_to_the_last_bit(
    both: tuple[Results, Account],
) -> None:
    results, account = both
    np.testing.assert_array_equal(account.equity, results.curve["equity"].to_numpy())
    assert account.cash == results.curve["cash"].iloc[-1]


def test_every_figure_is_that_of_the_report(both: tuple[Results, Account]) -> None:
    results, account = both
    found = measures_of(account, results.initial_balance, results.calendar.bars_per_year)
    expected = {name: results[name].value for name in SAME}
    assert expected["trades"], "there is something to count"
    assert {name: getattr(found, name) for name in SAME} == pytest.approx(expected, rel=1e-9)
    assert found.bars == results.bars
    assert found.financing == pytest.approx(0.0, abs=1e-6)
    assert set(OBJECTIVES) <= set(Measures._fields)


def test_an_account_that_never_moved_has_no_ratio_and_no_cost() -> None:
    flat = measures_of(Account(np.full(50, 1_000.0), 1_000.0, NO_FILLS), 1_000.0, 250.0)
    assert math.isnan(flat.sharpe_ratio)
    assert math.isnan(flat.calmar_ratio)
    assert (flat.total_return, flat.max_drawdown, flat.trades, flat.costs) == (0.0, 0.0, 0.0, 0.0)


def test_after_ruin_nothing_is_annualised() -> None:
    gone = measures_of(Account(np.array([900.0, -5.0, -5.0]), -5.0, NO_FILLS), 1_000.0, 250.0)
    assert math.isnan(gone.sharpe_ratio)
    assert gone.max_drawdown == pytest.approx(1.005)


def test_equal_returns_have_no_deviation_however_they_round() -> None:
    doubled = 2.0 ** np.arange(1, 40)
    assert math.isnan(path_measures(doubled, 1.0, 250.0).sharpe_ratio)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5).filter(bool)), min_size=0, max_size=60)
)
def test_trades_are_counted_as_a_person_would(fills: list[tuple[int, int]]) -> None:
    held = {0: 0, 1: 0, 2: 0}
    expected = 0
    for column, units in fills:
        before, after = held[column], held[column] + units
        expected += before != 0 and (after == 0 or (before > 0) != (after > 0))
        held[column] = after
    columns = np.array([column for column, _ in fills], dtype=np.int64)
    units = np.array([1_000.0 * size for _, size in fills])
    nothing = np.zeros(len(fills))
    counted = closed_trades(Fills(columns, units, *(nothing,) * 5))
    assert counted == expected


def test_votes_that_were_not_used_for_longest_are_forgotten_first() -> None:
    plan = base_plan()
    bars = plan.bars.columns(plan.desk.symbols[:3])
    memory = VoteMemory(bars, most_bytes=bars.close.nbytes)
    votes = memory.of(plan)
    again = memory.of(plan)
    assert memory.computed == 4, "there is room for one agent"
    for before, after in zip(votes, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_agents_vote_once_however_many_trials_share_them() -> None:
    shared = Bench(small_sweep(space=grid(sizing__stop_sigmas=(2.0, 3.0))))
    assert [shared.run(number).failure for number in (0, 1)] == [None, None]
    assert shared.memory.computed == 2, "two agents"
    varied = Bench(small_sweep(space=grid(agents__Follower__rows=(3, 5))))
    varied.run(0)
    varied.run(1)
    assert varied.memory.computed == 3, "the other agent's votes are kept"
