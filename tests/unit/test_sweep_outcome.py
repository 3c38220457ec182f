"""Choosing in training, judging in test, and saying what the best of many is worth."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coordinator.sweep.heatmaps import axis_of, heat_map
from coordinator.sweep.measures import Measures
from coordinator.sweep.outcome import Outcome, best_of, judge
from coordinator.sweep.plans import on_rows, plan_with
from coordinator.sweep.report import sweep_page
from coordinator.sweep.space import Choices, Range, Space
from coordinator.sweep.tables import curve_table, summary, trial_table, window_table, write_tables
from coordinator.sweep.trial import TrialResult, replayed
from coordinator.sweep.words import forward_in_words, luck_in_words
from coordinator.sweep.workers import Bench, sharing_votes
from market.errors import ConfigError
from tests.sweeps import STOP, THRESHOLD, grid, small_sweep

OBJECTIVE = "total_return"
NAN = math.nan


def trials(sweep: object) -> list[TrialResult]:
    bench = Bench(sweep)  # type: ignore[arg-type]
    return [bench.run(number) for number in range(len(sweep.configurations))]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def forward() -> Outcome:
    sweep = small_sweep()
    return judge(sweep, trials(sweep), OBJECTIVE)


@pytest.fixture(scope="module")
def in_sample() -> Outcome:
    sweep = small_sweep(None)
    return judge(sweep, trials(sweep), "sharpe_ratio")


def made_up(number: int, value: float, pieces: int = 1) -> TrialResult:
    figures = Measures(*(0.0,) * len(Measures._fields))._replace(total_return=value)
    return TrialResult(number=number, measures=(figures,) * pieces, failure=None, seconds=1.0)


def test_a_pick_is_the_best_in_training_whatever_it_does_in_test(forward: Outcome) -> None:
    assert len(forward.picks) == 2
    for window, pick in enumerate(forward.picks):
        train = [result.measures[1 + 2 * window] for result in forward.results.values()]
        assert pick.number == int(np.argmax([measures.total_return for measures in train]))
        assert pick.train == train[pick.number]
        assert pick.test == forward.results[pick.number].measures[2 + 2 * window]


def test_the_curve_out_of_sample_multiplies_the_tests_of_the_picks(forward: Outcome) -> None:
    sweep, tuned = forward.sweep, forward.tuned
    assert tuned is not None
    memory, growth = Bench(sweep).memory, [1.0]
    for pick, window in zip(forward.picks, sweep.windows, strict=True):
        assert pick.number is not None
        plan = on_rows(plan_with(sweep.base, sweep.configurations[pick.number]), window.test)
        equity = replayed(plan, memory).equity
        growth += list(growth[-1] * equity / plan.desk.initial_balance)
    np.testing.assert_allclose(tuned.growth, growth[1:], rtol=1e-12)
    assert tuned.measures.total_return == pytest.approx(growth[-1] - 1.0)
    tests = [pick.test for pick in forward.picks if pick.test is not None]
    assert tuned.measures.trades == sum(test.trades for test in tests)
    assert tuned.measures.costs == pytest.approx(sum(test.costs for test in tests))
    assert list(tuned.time) == list(sweep.base.bars.time[sweep.windows[0].test.start :])


def test_the_settings_as_they_were_run_the_same_tests(forward: Outcome) -> None:
    assert forward.untuned is not None
    sweep = small_sweep(space=grid(committee__decision_threshold=(0.25,)))
    alone = judge(sweep, trials(sweep), OBJECTIVE)
    assert alone.tuned is not None
    np.testing.assert_array_equal(alone.tuned.growth, forward.untuned.growth)


def test_a_test_does_not_see_what_was_held_or_lost_before_it(forward: Outcome) -> None:
    sweep = forward.sweep
    test = sweep.windows[1].test
    bars = sweep.base.bars
    changed = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    for values in changed.values():
        values[:20] *= 1.1  # before every window that the second test looks back on
    elsewhere = replace(sweep.base, bars=replace(bars, **changed))
    accounts = [
        replayed(on_rows(plan, test), Bench(replace(sweep, base=plan)).memory)
        for plan in (sweep.base, elsewhere)
    ]
    np.testing.assert_array_equal(accounts[0].equity, accounts[1].equity)


def test_the_first_of_equals_is_best_and_what_is_undefined_is_never() -> None:
    found = {n: made_up(n, value) for n, value in enumerate((NAN, 0.2, 0.3, 0.3))}
    assert best_of(found, 0, OBJECTIVE) == 2
    assert best_of({0: made_up(0, NAN)}, 0, OBJECTIVE) is None


def test_where_nothing_can_be_judged_the_account_stays_flat() -> None:
    sweep = small_sweep(space=grid(sizing__max_risk_per_trade=(1e-12, 1e-11)))
    outcome = judge(sweep, trials(sweep), "sharpe_ratio")
    assert outcome.best is None
    assert outcome.luck is None
    assert [pick.number for pick in outcome.picks] == [None, None]
    assert outcome.tuned is not None
    assert set(outcome.tuned.growth) == {1.0}
    assert "none traded, or all failed" in sweep_page(outcome)
    json.dumps(summary(outcome), allow_nan=False)


def test_without_a_trial_there_is_nothing_to_judge() -> None:
    with pytest.raises(ConfigError, match="no trial of the sweep is finished"):
        judge(small_sweep(), [], OBJECTIVE)


def test_one_pass_says_that_it_is_in_sample(in_sample: Outcome) -> None:
    assert in_sample.tuned is None
    assert in_sample.picks == ()
    page = sweep_page(in_sample)
    assert "In sample only" in page
    assert "<h2>Out of sample</h2>" not in page
    assert "Sharpe ratio, out of sample" not in page
    told = summary(in_sample)
    assert told["out_of_sample"] is None
    assert told["walk_forward"] is None
    assert told["best_in_sample"]["trial"] == in_sample.best


def test_the_best_of_many_is_deflated_with_the_count_of_trials(in_sample: Outcome) -> None:
    luck = in_sample.luck
    assert luck is not None
    assert in_sample.best is not None
    best = in_sample.results[in_sample.best].measures[0]
    assert luck.trials == 4
    assert luck.sharpe_ratio == pytest.approx(best.sharpe_ratio)
    assert luck.deflated < luck.probabilistic
    said = luck_in_words(luck)
    assert "with 4 trials" in said
    assert ("below 95%" in said) == (luck.deflated < 0.95)


def test_the_summary_has_the_headline_in_and_out_of_sample(forward: Outcome) -> None:
    told = summary(forward)
    assert told["trials"] == 4
    assert told["failed"] == 0
    assert told["deflated_sharpe"]["trials"] == 4
    assert "2014" in told["deflated_sharpe"]["version"]
    assert told["out_of_sample"]["measures"]["bars"] == 24
    assert told["walk_forward"] == {
        "train": 20, "test": 12, "purge": 1, "embargo": 2, "expanding": False, "windows": 2,
    }  # fmt: skip
    json.dumps(told, allow_nan=False)


def test_the_tables_hold_every_trial_window_and_bar(forward: Outcome) -> None:
    table = trial_table(forward)
    assert list(table.index) == [0, 1, 2, 3]
    assert list(table[THRESHOLD]) == [0.2, 0.2, 0.5, 0.5]
    assert list(table[STOP]) == [2.0, 4.0, 2.0, 4.0]
    windows = window_table(forward)
    assert list(windows["trial"]) == [pick.number for pick in forward.picks]
    assert (windows["train_last"] < windows["test_first"]).all()
    assert forward.tuned is not None
    assert forward.untuned is not None
    assert len(curve_table(forward.tuned, forward.untuned)) == 24


def test_rank_correlation_says_whether_training_was_a_guide(forward: Outcome) -> None:
    def piece(value: float) -> Measures:
        return Measures(*(0.0,) * len(Measures._fields))._replace(total_return=value)

    def outcome(tests: tuple[float, ...]) -> Outcome:
        results = {
            number: TrialResult(
                number=number,
                measures=tuple(map(piece, (0.0, number, test, number, test))),
                failure=None,
                seconds=1.0,
            )
            for number, test in enumerate(tests)
        }
        return replace(forward, results=results)

    assert outcome((1.0, 2.0, 3.0, 4.0)).rank_correlation == pytest.approx(1.0)
    assert outcome((4.0, 3.0, 2.0, 1.0)).rank_correlation == pytest.approx(-1.0)
    assert math.isnan(outcome((1.0, 1.0, 1.0, 1.0)).rank_correlation)
    assert "rank correlation of 1.00" in forward_in_words(outcome((1.0, 2.0, 3.0, 4.0)))


def test_a_heat_map_has_the_mean_of_every_cell(forward: Outcome) -> None:
    rows, columns = axis_of(forward, THRESHOLD), axis_of(forward, STOP)
    assert rows.labels == ("0.2", "0.5")
    assert columns.labels == ("2", "4")
    found = heat_map(rows, columns, np.array([1.0, 2.0, NAN, 4.0]))
    np.testing.assert_array_equal(found.means, [[1.0, 2.0], [NAN, 4.0]])
    single = heat_map(rows, replace(columns, labels=("",), cell=np.zeros(4, int)), np.arange(4.0))
    np.testing.assert_array_equal(single.means, [[0.5], [2.5]])


def test_many_numbers_are_gathered_into_bins_with_as_many_trials(forward: Outcome) -> None:
    space = Space(choices=(), ranges=(Range(key=STOP, low=1.0, high=9.0),), draws=60)
    sweep = small_sweep(space=space)
    outcome = replace(
        forward, sweep=sweep, results={n: made_up(n, 0.0) for n in range(len(sweep.configurations))}
    )
    axis = axis_of(outcome, STOP)
    assert len(axis.labels) == 6
    assert list(np.bincount(axis.cell)) == [10] * 6
    values = [outcome.values(n)[STOP] for n in range(60)]
    order = np.argsort(values)
    assert list(axis.cell[order]) == sorted(axis.cell), "bins follow the values"


def test_settings_that_are_words_or_lists_have_a_cell_each_and_can_be_stored(
    forward: Outcome, tmp_path: Path
) -> None:
    committees = (["tests.voters:Follower"], ["tests.voters:Contrarian"])
    space = grid(
        committee__agents=committees,
        sizing__trailing_stop=("off", "sigmas", "fraction"),
        agents__Follower__name=("one", 2),
    )
    sweep = small_sweep(space=space)
    results = {n: made_up(n, float(n), 5) for n in range(len(sweep.configurations))}
    outcome = replace(forward, sweep=sweep, results=results)
    assert axis_of(outcome, "committee.agents").labels == tuple(name for (name,) in committees)
    assert axis_of(outcome, "sizing.trailing_stop").labels == ("off", "sigmas", "fraction")
    write_tables(outcome, tmp_path)
    stored = pd.read_parquet(tmp_path / "trials.parquet")
    assert set(stored["agents.Follower.name"]) == {"one", "2"}
    assert '<table class="heat">' in sweep_page(outcome)


def test_the_page_is_one_file_that_names_what_was_tried_and_what_came_of_it(
    forward: Outcome,
) -> None:
    page = sweep_page(forward)
    assert "4 trials, 0 failed" in page
    assert "Deflated Sharpe ratio" in page
    assert "Journal of Portfolio Management 40 (5), 2014" in page
    assert page.count('<table class="heat">') == 2
    assert "In training" in page
    assert "In test" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_name_from_a_configuration_cannot_become_markup(forward: Outcome) -> None:
    failed = TrialResult(number=0, measures=(), failure="<script>alert(1)</script>", seconds=0.1)
    outcome = replace(forward, results={**forward.results, 0: failed})
    assert "<script>alert" not in sweep_page(outcome)


def test_trials_that_share_their_votes_come_one_after_the_other() -> None:
    space = Space(
        choices=(
            Choices(key=STOP, values=(2.0, 3.0)),
            Choices(key="agents.Follower.rows", values=(3, 5)),
        )
    )
    assert sharing_votes(small_sweep(space=space), [0, 1, 2, 3]) == [0, 2, 1, 3]
