"""`Outcome`: what a sweep came to, in and out of sample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from coordinator.results.curves import returns_of
from coordinator.sweep.definition import Sweep
from coordinator.sweep.keys import Value
from coordinator.sweep.luck import Luck, luck_of
from coordinator.sweep.measures import Account, Measures
from coordinator.sweep.out_of_sample import Chain, chained
from coordinator.sweep.plans import on_rows, plan_with
from coordinator.sweep.splits import Span
from coordinator.sweep.trial import TrialResult, replayed
from coordinator.sweep.workers import Bench
from market.bars import Floats
from market.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The choice made on one window's training rows. number: None where nothing could be judged;
    the account then stays flat.
    """

    window: int
    number: int | None
    train: Measures | None
    test: Measures | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Outcome:
    """The trials of a sweep, judged.

    results: of the finished trials, by number. best: the number of the best on the whole history,
    which is in sample; None where no trial has a value. luck: of that best. picks: one a window.
    tuned, untuned: the chained test windows of the picks, and of the settings as they were; None
    without a walk forward. lost: trials whose workers died.
    """

    sweep: Sweep
    objective: str
    results: Mapping[int, TrialResult]
    lost: tuple[int, ...]
    best: int | None
    luck: Luck | None
    picks: tuple[Pick, ...]
    tuned: Chain | None
    untuned: Chain | None

    @property
    def trials(self) -> int:
        """How many configurations were tried, those that failed included."""
        return len(self.results)

    @property
    def failed(self) -> tuple[TrialResult, ...]:
        """Trials that failed, by number."""
        return tuple(result for result in self.results.values() if result.failure is not None)

    @property
    def complete(self) -> bool:
        """Whether every configuration was tried."""
        return len(self.results) == len(self.sweep.configurations)

    def values(self, number: int) -> dict[str, Value]:
        """The configuration of a trial."""
        return self.sweep.configurations[number]

    def figures(self, name: str, part: str) -> Floats:
        """A figure of every finished trial (trials,), the mean over its pieces of this part.

        NaN where it failed, or the figure is undefined on all pieces.
        """
        pieces = [n for n, piece in enumerate(self.sweep.pieces) if piece.part == part]
        return np.array([_mean(result, pieces, name) for result in self.results.values()])

    @property
    def rank_correlation(self) -> float:
        """Spearman's, of the trials' objective in training with that in the test that follows,
        mean over windows: 1, the order repeats itself; 0, training said nothing. NaN where
        unknown.
        """
        # scipy.stats takes a second to import, and only the end of a sweep needs it.
        from scipy.stats import spearmanr  # noqa: PLC0415

        found = []
        for window in range(len(self.sweep.windows)):
            train, test = (self._objective_at(piece) for piece in _pieces_of(window))
            known = np.isfinite(train) & np.isfinite(test)
            if known.sum() > 2 and np.ptp(train[known]) > 0.0 and np.ptp(test[known]) > 0.0:
                found.append(float(spearmanr(train[known], test[known]).statistic))
        return float(np.mean(found)) if found else math.nan

    @property
    def picks_above_median(self) -> tuple[int, int]:
        """How many picks beat the median of all trials in their test window, and of how many."""
        above = judged = 0
        for pick in self.picks:
            test = self._objective_at(_pieces_of(pick.window)[1])
            known = test[np.isfinite(test)]
            own = getattr(pick.test, self.objective) if pick.test is not None else math.nan
            if known.size and math.isfinite(own):
                judged += 1
                above += own > float(np.median(known))
        return above, judged

    def _objective_at(self, piece: int) -> Floats:
        return np.array([_value(result, piece, self.objective) for result in self.results.values()])


def judge(
    sweep: Sweep, found: Iterable[TrialResult], objective: str, lost: tuple[int, ...] = ()
) -> Outcome:
    """Choose on every training window, and see what the choices came to.

    Replays the best, the picks and the untuned settings again for their curves. Raises
    ConfigError where no trial is finished.
    """
    results = {result.number: result for result in sorted(found, key=lambda r: r.number)}
    if not results:
        raise ConfigError("no trial of the sweep is finished yet; resume it")
    best = best_of(results, 0, objective)
    bench, luck = Bench(sweep), None
    year = sweep.calendar.bars_per_year
    if best is not None:
        account = _account(bench, sweep, best, sweep.whole)
        ratios = np.array([_value(result, 0, "sharpe_ratio") for result in results.values()])
        returns = returns_of(account.equity, _initial(sweep, best))
        luck = luck_of(returns, ratios, len(results), year)
    picks = tuple(
        _pick(results, window, best_of(results, _pieces_of(window)[0], objective))
        for window in range(len(sweep.windows))
    )
    tuned = untuned = None
    if sweep.windows:
        tuned = _chain(bench, sweep, [pick.number for pick in picks])
        untuned = _untuned(bench, sweep)
    return Outcome(
        sweep=sweep,
        objective=objective,
        results=results,
        lost=lost,
        best=best,
        luck=luck,
        picks=picks,
        tuned=tuned,
        untuned=untuned,
    )


def best_of(results: Mapping[int, TrialResult], piece: int, objective: str) -> int | None:
    """The trial with the largest objective on a piece, the first of equals; None where no trial
    has one."""
    known = {
        number: value
        for number, result in results.items()
        if math.isfinite(value := _value(result, piece, objective))
    }
    return max(known, key=lambda number: (known[number], -number)) if known else None


def _pieces_of(window: int) -> tuple[int, int]:
    """Where the train and the test of a window stand among the pieces of a trial."""
    return 1 + 2 * window, 2 + 2 * window


def _pick(results: Mapping[int, TrialResult], window: int, number: int | None) -> Pick:
    if number is None:
        return Pick(window=window, number=None, train=None, test=None)
    train, test = (results[number].measures[piece] for piece in _pieces_of(window))
    return Pick(window=window, number=number, train=train, test=test)


def _value(result: TrialResult, piece: int, name: str) -> float:
    return float(getattr(result.measures[piece], name)) if result.measures else math.nan


def _mean(result: TrialResult, pieces: list[int], name: str) -> float:
    values = [_value(result, piece, name) for piece in pieces]
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _account(bench: Bench, sweep: Sweep, number: int, rows: Span) -> Account:
    return replayed(
        on_rows(plan_with(sweep.base, sweep.configurations[number]), rows), bench.memory
    )


def _initial(sweep: Sweep, number: int) -> float:
    return plan_with(sweep.base, sweep.configurations[number]).desk.initial_balance


def _chain(bench: Bench, sweep: Sweep, numbers: list[int | None]) -> Chain:
    """The test windows of these trials, one after the other."""
    accounts: list[tuple[Account | None, float]] = [
        (None, 1.0)
        if number is None
        else (_account(bench, sweep, number, window.test), _initial(sweep, number))
        for number, window in zip(numbers, sweep.windows, strict=True)
    ]
    return chained(sweep, accounts)


def _untuned(bench: Bench, sweep: Sweep) -> Chain:
    """The test windows of the settings as they were."""
    initial = sweep.base.desk.initial_balance
    return chained(
        sweep,
        [
            (replayed(on_rows(sweep.base, window.test), bench.memory), initial)
            for window in sweep.windows
        ],
    )
