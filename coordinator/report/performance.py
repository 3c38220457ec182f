"""Equity against the basket, drawdown, monthly returns, exposure by currency."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coordinator.report.markup import Html, block, chart, number, percent, section
from coordinator.results.basket import STATEMENT as BASKET
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STRONGEST = 0.06
"""A monthly return of this size has the full colour."""


def equity_section(record: RunRecord, results: Results) -> Html:
    """The equity curve with the basket, and the drawdown below on the same axis of time."""
    currency = record.session.account_currency
    halts = results.counts.halts.get("DRAWDOWN", 0)
    shading = (
        f" Shaded: {halts:,} times that the guardian had halted new risk after a drawdown, until "
        "the replay's scripted supervisor re-armed it."
        if halts
        else ""
    )
    return section(
        "Equity",
        chart("equity", height=340),
        block("Drawdown", chart("drawdown", height=170), note="Below the running peak." + shading),
        note=f"Account value in {currency} at the end of each bar. The basket: {BASKET}.",
    )


def monthly_returns(results: Results) -> pd.DataFrame:
    """Returns by calendar month (UTC): one row a year, columns 1 to 12 and 'year'; NaN outside.

    Measured from the end of the month before, the first from the initial balance.
    """
    equity = results.curve["equity"]
    if equity.empty:
        return pd.DataFrame()
    index = pd.DatetimeIndex(equity.index)
    ends = equity.groupby([index.year, index.month]).last()
    start = results.initial_balance
    returns = ends / ends.shift(fill_value=start) - 1.0
    table = returns.unstack().reindex(columns=range(1, 13))
    table["year"] = (1.0 + table.fillna(0.0)).prod(axis=1) - 1.0
    table.index.name = "year"
    return table


def monthly_section(results: Results) -> Html:
    """Years down, months across, coloured by size."""
    table = monthly_returns(results)
    if table.empty:
        return Html("")
    head = "".join(
        f'<th scope="col" data-short="{month[0]}"><span>{month}</span></th>' for month in MONTHS
    )
    rows = "".join(
        f'<tr><th scope="row">{year}</th>'
        + "".join(_month(value) for value in row[:-1])
        + f'<td class="year">{_signed(row[-1])}</td></tr>'
        for year, row in zip(table.index, table.to_numpy(), strict=True)
    )
    months = table[list(range(1, 13))].to_numpy()
    known = months[~np.isnan(months)]
    note = (
        f"Per cent of the equity at the end of the month before. {len(known):,} months, "
        f"{percent(float((known > 0.0).mean()), 0)} of them with a gain; best "
        f"{percent(float(known.max()), sign=True)}, worst {percent(float(known.min()), sign=True)}."
    )
    return section(
        "Monthly returns",
        Html(
            f'<div class="scroll"><table class="months"><thead><tr><th></th>{head}'
            f'<th scope="col">Year</th></tr></thead><tbody>{rows}</tbody></table></div>'
        ),
        note=note,
    )


def exposure_section(record: RunRecord) -> Html:
    """Net exposure by currency over time."""
    if not len(record.settled):
        return Html("")
    return section(
        "Exposure by currency",
        chart("exposure", height=54, compact=True),
        note="Net exposure over equity, averaged over stretches of bars: above the line the desk "
        "is long the currency, below it is short. Every position counts on both legs; the account "
        "currency is left out.",
    )


def _month(value: float) -> str:
    if np.isnan(value):
        return "<td></td>"
    name = "gain" if value >= 0.0 else "loss"
    strength = min(abs(value) / STRONGEST, 1.0)
    return (
        f'<td class="{name}" style="--s:{strength:.2f}" data-short="{_signed(value, 0)}">'
        f"<span>{_signed(value)}</span></td>"
    )


def _signed(value: float, digits: int = 1) -> str:
    return number(100.0 * value, digits)
