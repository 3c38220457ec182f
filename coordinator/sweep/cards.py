"""The figures of a sweep that are asked for first."""

from __future__ import annotations

import math

from coordinator.report.markup import Html, safe
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.words import NAMES, figure

Card = tuple[str, str, str, bool]


def headline_cards(outcome: Outcome) -> Html:
    """Out of sample before in sample; the count of trials beside the best of them."""
    cards = [*_forward(outcome), *_chosen(outcome)]
    drawn = "".join(
        f'<div><dt>{safe(label)}</dt><dd class="{"loss" if loss else ""}">{safe(value)}</dd>'
        f"<p>{safe(note)}</p></div>"
        for label, value, note, loss in cards
    )
    return Html(f'<dl class="cards">{drawn}</dl>')


def _forward(outcome: Outcome) -> list[Card]:
    tuned, untuned = outcome.tuned, outcome.untuned
    if tuned is None or untuned is None:
        return []
    own, other = tuned.measures, untuned.measures
    return [
        _card("Sharpe ratio, out of sample", "sharpe_ratio", own.sharpe_ratio, "tuned before "
              "every test; after costs"),
        _card("The same, not tuned", "sharpe_ratio", other.sharpe_ratio, "settings as they were, "
              "the same tests"),
        _card("Return, out of sample", "total_return", own.total_return, "tuned; over all tests"),
        _card("Drawdown, out of sample", "max_drawdown", own.max_drawdown, "tuned; from the "
              "running peak"),
    ]  # fmt: skip


def _chosen(outcome: Outcome) -> list[Card]:
    count = f"{outcome.trials:,}"
    cards: list[Card] = [
        ("Trials", count, f"{len(outcome.failed):,} failed", False),
    ]
    if outcome.best is not None:
        best = outcome.results[outcome.best].measures[0]
        value = float(getattr(best, outcome.objective))
        cards.append(
            _card("Best in sample", outcome.objective, value, f"{NAMES[outcome.objective]}, trial "
                  f"{outcome.best} of {count}, whole history")
        )  # fmt: skip
    if outcome.luck is not None:
        luck = outcome.luck
        cards.append(
            ("Deflated Sharpe ratio", figure("", luck.deflated), f"with {count} trials; 0.95 and "
             "more is called confident", False)
        )  # fmt: skip
        cards.append(
            _card("Best by luck alone", "sharpe_ratio", luck.expected_best, f"Sharpe ratio to "
                  f"expect from the best of {count} without skill")
        )  # fmt: skip
    return cards


def _card(label: str, name: str, value: float, note: str) -> Card:
    return (label, figure(name, value), note, math.isfinite(value) and value < 0.0)
