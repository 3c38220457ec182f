"""A sweep in words: what terminal, report and notebook say alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from coordinator.report.markup import number, percent
from coordinator.sweep.definition import Sweep
from coordinator.sweep.luck import CONFIDENT, Luck
from coordinator.sweep.outcome import Outcome

IN_SAMPLE_ONLY = (
    "In sample only: every configuration was tried and chosen on the same bars. No figure here "
    "says how the choice does on bars that it has not seen."
)
SHOWN = (
    ("sharpe_ratio", "Sharpe ratio"),
    ("total_return", "Total return"),
    ("annual_return", "Annual return"),
    ("max_drawdown", "Maximum drawdown"),
    ("trades", "Trades"),
    ("turnover", "Turnover a year"),
    ("costs", "Costs"),
)
NAMES = {
    **dict(SHOWN), "sortino_ratio": "Sortino ratio", "calmar_ratio": "Calmar ratio",
}  # fmt: skip
FRACTIONS = {"total_return", "annual_return", "annual_volatility", "max_drawdown"}
MONEY = {"spread_cost", "slippage_cost", "financing", "costs"}


def figure(name: str, value: float) -> str:
    """A figure as people read it, with a true minus sign; a dash where it is undefined."""
    if name in FRACTIONS:
        return percent(value, 2)
    return number(value, 0 if name in MONEY or name in ("trades", "bars") else 2)


def varied(sweep: Sweep) -> dict[str, str]:
    """The keys that take more than one value, with short names that tell them apart."""
    keys = [
        key
        for key in sweep.space.keys
        if len({repr(values[key]) for values in sweep.configurations}) > 1
    ] or list(sweep.space.keys)
    short = [key.rpartition(".")[2] for key in keys]
    return {
        key: name if short.count(name) == 1 else key for key, name in zip(keys, short, strict=True)
    }


def value_in_words(value: Any) -> str:
    """A setting's value, short."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def values_in_words(values: Mapping[str, Any]) -> str:
    """A configuration as key and value pairs."""
    return ", ".join(f"{key} {value_in_words(value)}" for key, value in values.items())


def windows_in_words(sweep: Sweep) -> str:
    """The walk forward, or that there is none."""
    rules = sweep.rules
    if rules is None:
        return "one pass over the whole history, in sample"
    kind = "expanding" if rules.expanding else "rolling"
    count = len(sweep.windows)
    return (
        f"{count} {kind} window{'s' if count > 1 else ''}: train {rules.train:,}, "
        f"purge {rules.purge:,}, embargo {rules.embargo:,}, test {rules.test:,} bars"
    )


def trials_in_words(outcome: Outcome) -> str:
    """The count of trials, and what became of them."""
    parts = [f"{outcome.trials:,} trial{'s' if outcome.trials != 1 else ''}"]
    parts.append(f"{len(outcome.failed):,} failed")
    if not outcome.complete:
        missing = len(outcome.sweep.configurations) - outcome.trials
        parts.append(f"{missing:,} not run")
    return ", ".join(parts)


def luck_in_words(luck: Luck) -> str:
    """What choosing among so many leaves of the best."""
    if math.isnan(luck.deflated):
        return (
            f"The best of {luck.trials:,} trials has no deflated Sharpe ratio: its account never "
            "moved, or its returns are too odd to judge."
        )
    verdict = (
        f"That is below {CONFIDENT:.0%}: luck in choosing explains it well enough."
        if luck.deflated < CONFIDENT
        else f"That is above {CONFIDENT:.0%}, on the bars that it was chosen on."
    )
    return (
        f"Deflated Sharpe ratio {luck.deflated:.2f} with {luck.trials:,} trials: the probability "
        f"that the true ratio of the best is above 0 after choosing it among {luck.trials:,}, the "
        f"best of which would show {figure('sharpe_ratio', luck.expected_best)} by luck alone. "
        f"{verdict}"
    )


def forward_in_words(outcome: Outcome) -> str:
    """What choosing did out of sample, beside not choosing."""
    tuned, untuned = outcome.tuned, outcome.untuned
    if tuned is None or untuned is None:
        return IN_SAMPLE_ONLY
    own, other = tuned.measures.sharpe_ratio, untuned.measures.sharpe_ratio
    above, judged = outcome.picks_above_median
    said = (
        f"Out of sample, choosing anew before each of {len(outcome.picks)} tests came to a Sharpe "
        f"ratio of {figure('sharpe_ratio', own)}, the settings as they were to "
        f"{figure('sharpe_ratio', other)}. {above} of {judged} picks beat the median trial of "
        "their test."
    )
    rank = outcome.rank_correlation
    if math.isfinite(rank):
        said += (
            f" The order of the trials in training and in test has a rank correlation of "
            f"{figure('rank', rank)} (1: it repeats itself; 0: training says nothing)."
        )
    return said
