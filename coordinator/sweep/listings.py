"""Trials and windows of a sweep, as tables of its report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from coordinator.report.markup import Column, Html, section, table
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.words import NAMES, figure, value_in_words, values_in_words, varied
from market.bars import utc

LISTED = 25
DAY = "%-d %b %Y"


def windows_section(outcome: Outcome) -> Html:
    """What was picked in each window, and what came of it; nothing without a walk forward."""
    if not outcome.picks:
        return Html("")
    time, keys = outcome.sweep.base.bars.time, varied(outcome.sweep)
    rows: list[tuple[str | Html, ...]] = []
    for pick, window in zip(outcome.picks, outcome.sweep.windows, strict=True):
        test = f"{utc(time[window.test.start]):{DAY}} to {utc(time[window.test.stop - 1]):{DAY}}"
        if pick.number is None or pick.train is None or pick.test is None:
            rows.append((test, "flat", *("–" for _ in keys), "–", "–", "–"))
            continue
        rows.append(
            (
                test,
                str(pick.number),
                *_settings(outcome, pick.number, keys),
                figure(outcome.objective, getattr(pick.train, outcome.objective)),
                figure(outcome.objective, getattr(pick.test, outcome.objective)),
                figure("total_return", pick.test.total_return),
            )
        )
    columns = (
        Column(title="Test", align="left"),
        Column(title="Trial"),
        *(Column(title=name) for name in keys.values()),
        Column(title="Training"),
        Column(title="Test"),
        Column(title="Return in test"),
    )
    name = NAMES[outcome.objective]
    return section(
        "What was picked",
        table(columns, rows),
        note=f"For every window the trial with the best {name} in training, and what it did in "
        "the test that follows. Flat: no trial of the window could be judged.",
    )


def trials_section(outcome: Outcome) -> Html:
    """The best trials on the whole history, with what they did in the tests."""
    whole = outcome.figures(outcome.objective, "whole")
    test = outcome.figures(outcome.objective, "test") if outcome.sweep.windows else None
    numbers, keys = list(outcome.results), varied(outcome.sweep)
    order = [n for n in np.argsort(-whole, kind="stable") if np.isfinite(whole[n])][:LISTED]
    rows = []
    for place in order:
        measures = outcome.results[numbers[place]].measures[0]
        rows.append(
            (
                str(numbers[place]),
                *_settings(outcome, numbers[place], keys),
                figure(outcome.objective, float(whole[place])),
                *(() if test is None else (figure(outcome.objective, float(test[place])),)),
                figure("total_return", measures.total_return),
                figure("max_drawdown", measures.max_drawdown),
                figure("trades", measures.trades),
                figure("costs", measures.costs),
            )
        )
    columns = (
        Column(title="Trial"),
        *(Column(title=name) for name in keys.values()),
        Column(title="In sample"),
        *(() if test is None else (Column(title="Mean in test"),)),
        Column(title="Return"),
        Column(title="Drawdown"),
        Column(title="Trades", wide=True),
        Column(title="Costs", wide=True),
    )
    shown = f"The best {len(order)} of {outcome.trials:,}" if order else "None"
    return section(
        "Trials",
        table(columns, rows),
        note=f"{shown} by {NAMES[outcome.objective]} on the whole history, in sample; all are in "
        "trials.parquet.",
    )


def _settings(outcome: Outcome, number: int, keys: Mapping[str, str]) -> list[str]:
    """A trial's values of these keys."""
    values = outcome.values(number)
    return [value_in_words(values[key]) for key in keys]


def failures_section(outcome: Outcome) -> Html:
    """Trials that failed and why; nothing where none did."""
    if not outcome.failed:
        return Html("")
    rows = [
        (str(result.number), values_in_words(outcome.values(result.number)), result.failure or "")
        for result in outcome.failed[:LISTED]
    ]
    columns = (
        Column(title="Trial", align="left"),
        Column(title="Settings", align="left"),
        Column(title="Why", align="left"),
    )
    return section(
        "Failed",
        table(columns, rows, kind="words"),
        note=f"{len(outcome.failed):,} trials failed; they count as trials. "
        + (f"The first {LISTED} are shown." if len(outcome.failed) > LISTED else ""),
    )
