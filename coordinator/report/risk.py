"""The risk that the run ended with, and whether its VaR held on the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.guardian.assessment.assess import RiskAssessment, ScenarioLoss, assess
from coordinator.report.episodes import episodes_block
from coordinator.report.markup import (
    Column,
    Html,
    block,
    chart,
    in_words,
    number,
    paragraph,
    percent,
    section,
    share_bar,
    side_by_side,
    table,
    tinted,
)
from coordinator.report.series import rounded, seconds, shown_rows
from coordinator.results.record import RunRecord
from coordinator.risk.backtest import VarBacktest
from coordinator.risk.book import portfolio_at
from coordinator.risk.history import recorded_history
from coordinator.risk.words import METHODS, scenario_name

SCARCE = 8
"""Limits that are shown: the nearest."""


def risk_at_end(record: RunRecord) -> RiskAssessment | None:
    """Of the account after the last bar, on the prices in the journal; None without a bar."""
    if not len(record.settled):
        return None
    return assess(portfolio_at(record, len(record.settled) - 1, recorded_history(record)))


def risk_section(record: RunRecord, found: RiskAssessment | None, tested: VarBacktest) -> Html:
    """The assessment at the end, stress, remembered days, and whether VaR held."""
    if found is None:
        return Html("")
    return section(
        "Risk",
        side_by_side(
            block("Nearest limits", _limits(found), note="Part of each limit that is used."),
            block("Loss of a day", _tails(found), note=_tail_note(found)),
        ),
        block(
            "Stress",
            _scenarios(found),
            note="Of the positions at the end, in shocks and in episodes of history that the run's "
            "own prices hold; the bar is the part of the limit that is used.",
        ),
        episodes_block(record),
        block("VaR against profit", *_backtest(tested), note=_backtest_note(tested)),
        note=f"At the end of the run: score {number(found.score)} of 100, what is left of the "
        f"nearest limit; {len(found.positions)} positions, leverage "
        f"{number(found.portfolio.leverage, 2)}. The command quorum risk shows any other moment.",
        anchor="risk",
    )


def var_series(tested: VarBacktest) -> dict[str, Any]:
    """VaR below zero and profit by time, and when the profit fell below it."""
    rows = shown_rows(tested.profit, tested.value_at_risk) if len(tested) else np.empty(0, np.int64)
    rows = np.union1d(rows, np.flatnonzero(tested.hits)).astype(np.int64)
    digits = 0 if len(tested) and np.abs(tested.profit).max() >= 100.0 else 2
    return {
        "time": seconds(tested.time[rows]),
        "profit": rounded(tested.profit[rows], digits),
        "var": rounded(-tested.value_at_risk[rows], digits),
        "hits": [[at, at] for at in seconds(tested.time[tested.hits])],
    }


def _limits(found: RiskAssessment) -> Html:
    rows = [
        (
            in_words(part.code) + (f" ({part.of})" if part.of else ""),
            share_bar(min(part.used, 1.0) if np.isfinite(part.used) else 1.0),
            tinted(1.0 - part.used, percent(part.used, 0)) if np.isfinite(part.used) else "unknown",
            part.bound,
        )
        for part in found.parts[:SCARCE]
    ]
    columns = (
        Column(title="Limit", align="left"),
        Column(title=""),
        Column(title="Used"),
        Column(title="Set by", align="left", wide=True),
    )
    return table(columns, rows, kind="bars")


def _tails(found: RiskAssessment) -> Html:
    rows = []
    for method, name in METHODS.items():
        tails = [tail for tail in found.portfolio.tails if tail.method == method]
        cells = [number(v) for t in tails for v in (t.value_at_risk, t.expected_shortfall)]
        rows.append((name, *cells))
    columns = (
        Column(title="Method", align="left"),
        Column(title="VaR 95%"),
        Column(title="ES 95%", wide=True),
        Column(title="VaR 99%"),
        Column(title="ES 99%", wide=True),
    )
    return table(columns, rows)


def _tail_note(found: RiskAssessment) -> str:
    return f"Of the positions at the end, {found.account_currency}; a dash where it is unknown."


def _scenarios(found: RiskAssessment) -> Html:
    rows = [_scenario(one, found.equity) for one in (*found.stress, *found.episodes)]
    columns = (
        Column(title="Scenario", align="left"),
        Column(title=""),
        Column(title="Loss"),
        Column(title="Of equity"),
        Column(title="Limit"),
    )
    return table(columns, rows, kind="bars")


def _scenario(one: ScenarioLoss, equity: float) -> tuple[str | Html, ...]:
    name, limit = scenario_name(one.name), percent(one.limit / equity)
    if not np.isfinite(one.loss):
        return name, "", "unknown", "not in the data" if one.missing else "–", limit
    used = one.loss / one.limit if one.limit > 0.0 else 1.0
    beyond = one.limit - one.loss
    return (
        name,
        share_bar(min(used, 1.0)),
        tinted(beyond, number(one.loss)),
        tinted(beyond, percent(one.loss / equity)),
        limit,
    )


def _backtest(tested: VarBacktest) -> tuple[Html, ...]:
    if len(tested) < 2:
        return (
            paragraph(
                f"Too few bars with a position to test it on: VaR needs {tested.window} bars of "
                "prices before its first."
            ),
        )
    light = tested.light
    rows = [
        ("Exceptions", f"{tested.exceptions:,} of {len(tested):,} bars", _expected(tested)),
        ("Kupiec", *_test(tested.coverage.statistic, tested.coverage.p_value)),
        ("Christoffersen", *_test(tested.independence.statistic, tested.independence.p_value)),
        ("Both", *_test(tested.joint.statistic, tested.joint.p_value)),
        ("Basel, last 250 bars", str(light.zone), f"multiplier {number(light.multiplier, 2)}"),
    ]
    columns = (
        Column(title="Test", align="left"),
        Column(title="Found", align="left"),
        Column(title="", align="left"),
    )
    return chart("var", height=200), table(columns, rows)


def _expected(tested: VarBacktest) -> str:
    return f"{number((1.0 - tested.confidence) * len(tested), 1)} expected"


def _test(statistic: float, p_value: float) -> tuple[str, str]:
    return f"LR {number(statistic, 2)}", f"p-value {number(p_value, 3)}"


def _backtest_note(tested: VarBacktest) -> str:
    return (
        f"Historical VaR at {percent(tested.confidence, 0)}, announced on each bar from the "
        f"{tested.window} before it for the positions held then, against the profit of these "
        "positions on the next. Shaded: losses beyond it. A small p-value speaks against the VaR: "
        "Kupiec asks whether exceptions are as many as promised, Christoffersen whether they come "
        "apart from each other."
    )
