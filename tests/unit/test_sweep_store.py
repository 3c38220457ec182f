"""A sweep that is stopped anywhere goes on where it was, and comes to the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from coordinator.sweep.conduct import SweepProgress, conduct
from coordinator.sweep.definition import Lengths, Sweep
from coordinator.sweep.outcome import judge
from coordinator.sweep.store import TrialStore
from coordinator.sweep.tables import piece_table, trial_table, window_table
from coordinator.sweep.trial import TrialResult
from coordinator.sweep.workers import LocalWorkers, Results
from market.errors import ConfigError, RunFolderError
from tests.sweeps import WINDOWS, grid, small_sweep

SWEEP = small_sweep()
OBJECTIVE = "sharpe_ratio"


class Crash(Exception):
    """The process is gone."""


class CrashingWorkers(LocalWorkers):
    """Works until so many trials are done, and then takes the process down."""

    def __init__(self, trials: int) -> None:
        self.ran: list[int] = []
        self._trials = trials

    def run(self, sweep: Sweep, numbers: Sequence[int]) -> Results:
        for results in super().run(sweep, numbers):
            if len(self.ran) == self._trials:
                raise Crash
            self.ran += [result.number for result in results]
            yield results


def run(sweep: Sweep, store: TrialStore, workers: LocalWorkers) -> list[SweepProgress]:
    seen: list[SweepProgress] = []
    assert conduct(sweep, store, workers, seen.append, OBJECTIVE, lambda: False)
    return seen


def without_times(results: Sequence[TrialResult]) -> list[object]:
    return [(result.number, repr(result.measures), result.failure) for result in results]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialResult, ...]:
    """The trials of a sweep that was never stopped."""
    with TrialStore.create(tmp_path_factory.mktemp("whole"), SWEEP, {}) as store:
        run(SWEEP, store, LocalWorkers())
        return store.results()


def test_a_sweep_that_crashed_goes_on_without_losing_or_repeating_a_trial(
    whole: tuple[TrialResult, ...], tmp_path: Path
) -> None:
    first, second = CrashingWorkers(2), CrashingWorkers(99)
    store = TrialStore.create(tmp_path, SWEEP, {})
    with pytest.raises(Crash), store:
        run(SWEEP, store, first)
    with TrialStore.open(tmp_path) as store:
        store.check_same(SWEEP)
        assert [result.number for result in store.results()] == first.ran
        run(SWEEP, store, second)
        resumed = store.results()
    assert sorted(first.ran + second.ran) == [0, 1, 2, 3]
    assert without_times(resumed) == without_times(whole)
    for table in (trial_table, piece_table, window_table):
        pd.testing.assert_frame_equal(
            table(judge(SWEEP, resumed, OBJECTIVE)), table(judge(SWEEP, whole, OBJECTIVE))
        )


def test_a_store_gives_back_every_figure_to_the_last_bit(
    whole: tuple[TrialResult, ...], tmp_path: Path
) -> None:
    with TrialStore.create(tmp_path, SWEEP, {"asked": [1, None]}) as store:
        store.add(whole)
    with TrialStore.open(tmp_path) as store:
        assert repr(store.results()) == repr(whole)
        assert store.asked_for == {"asked": [1, None]}


def test_a_stopped_sweep_keeps_what_is_finished(tmp_path: Path) -> None:
    with TrialStore.create(tmp_path, SWEEP, {}) as store:
        watched: list[SweepProgress] = []
        ended = conduct(
            SWEEP, store, LocalWorkers(), watched.append, OBJECTIVE, lambda: len(watched) > 1
        )
        assert not ended
        assert len(store.results()) == 1
    assert watched[-1].finished == 1
    assert watched[-1].total == 4


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (small_sweep(space=grid(sizing__stop_sigmas=(2.0, 3.0))), "the space that is searched"),
        (small_sweep(Lengths(train="20", test="6")), "the walk-forward windows"),
        (small_sweep(None), "the walk-forward windows"),
    ],
)
def test_the_trials_of_another_sweep_are_refused_in_words(
    tmp_path: Path, other: Sweep, expected: str
) -> None:
    with TrialStore.create(tmp_path, SWEEP, {}) as store:
        with pytest.raises(ConfigError, match=f"Different now: {expected}") as refused:
            store.check_same(other)
        store.check_same(small_sweep(WINDOWS))
    assert "start a new sweep" in str(refused.value)


def test_a_folder_without_a_sweep_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected sweep\.sqlite there"):
        TrialStore.open(tmp_path)
    (tmp_path / "sweep.sqlite").write_text("no database, but long enough to be read as one" * 9)
    with pytest.raises(ConfigError, match="is not the store of a sweep"):
        TrialStore.open(tmp_path)


def test_a_full_disk_is_told_and_keeps_every_trial_before(
    whole: tuple[TrialResult, ...], tmp_path: Path
) -> None:
    store = TrialStore.create(tmp_path, SWEEP, {})
    with store:
        store.add(whole[:1])
    full = sqlite3.connect(tmp_path / "sweep.sqlite")
    pages = full.execute("PRAGMA page_count").fetchone()[0]
    full.execute(f"PRAGMA max_page_count = {pages}")
    many = [
        TrialResult(number=n, measures=whole[0].measures, failure="x" * 99, seconds=1.0)
        for n in range(10, 500)
    ]
    with pytest.raises(RunFolderError, match=r"full.*quorum sweep --resume"):
        TrialStore(tmp_path, full).add(many)
    full.close()
    with TrialStore.open(tmp_path) as again:
        assert without_times(again.results()) == without_times(whole[:1])


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot be opened"):
        TrialStore.create(tmp_path / "nowhere", SWEEP, {})


def test_two_sweeps_in_one_folder_notice_each_other(
    whole: tuple[TrialResult, ...], tmp_path: Path
) -> None:
    with TrialStore.create(tmp_path, SWEEP, {}) as store:
        store.add(whole[:1])
        with pytest.raises(ConfigError, match="another sweep is running"):
            store.add(whole[:2])
        assert len(store.results()) == 1, "all of them or none"


def test_a_trial_that_fails_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    sweep = small_sweep(space=grid(guardian__max_position=(0.5, 9.0), agents__Follower__rows=(3,)))
    with TrialStore.create(tmp_path, sweep, {}) as store:
        seen = run(sweep, store, LocalWorkers())
        good, bad = store.results()
    assert good.failure is None
    assert bad.failure is not None
    assert "guardian.max_position (9) is above guardian.max_gross_leverage (3)" in bad.failure
    assert seen[-1].failed == 1
    outcome = judge(sweep, (good, bad), OBJECTIVE)
    assert outcome.best == 0
    assert outcome.luck is not None
    assert outcome.luck.trials == 2, "one that failed was tried all the same"
    table = trial_table(outcome)
    assert list(table["status"]) == ["finished", "failed"]
    assert table["failure"][1] == bad.failure
