"""What sized, refused and cost the trades."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from coordinator.report.markup import (
    Column,
    Html,
    block,
    columns_of,
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
from coordinator.report.series import order_sizes
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results

SIZE_BINS = 24


def sizes_section(record: RunRecord, results: Results) -> Html:
    """How large orders were, what set their size, and what was refused."""
    counts = results.counts
    sizes = order_sizes(record)
    sizes = sizes[np.isfinite(sizes)]
    bound = block(
        "What set the size",
        counted(counts.bounds, "Bound", "Orders"),
        note="Of approved orders: the risk budget itself, the optimizer's allocation, the "
        "correlation with what was held, or the first limit of the guardian to bind.",
    )
    refused = block(
        "Refused by the guardian",
        counted(counts.refusals, "Limit", "Orders"),
        note=_shrunk(counts.shrunk),
    )
    return section(
        "Sizes and refusals",
        block("Order size", _size_histogram(sizes), note=_size_note(sizes)),
        side_by_side(bound, refused),
        side_by_side(
            block("How trades ended", counted(counts.exits, "Exit", "Trades")),
            block(
                "Halts and cancellations",
                counted({**counts.halts, **counts.cancellations}, "What", "Times"),
                note=f"Drawdown halts re-armed by the scripted supervisor: "
                f"{number(results['rearms'].value or 0.0)}.",
            ),
        ),
    )


def costs_section(record: RunRecord, results: Results) -> Html:
    """From the result before costs to the result, line by line."""
    spread, slippage = results["spread_cost"].value or 0.0, results["slippage_cost"].value or 0.0
    financing, costs = results["financing"].value, results["costs"].value or 0.0
    initial = record.session.initial_balance
    gained = float(results.curve["equity"].iloc[-1]) - initial if results.bars else 0.0
    years = results.bars / results.calendar.bars_per_year
    mean = float(results.curve["equity"].mean()) if results.bars else initial
    trades = max(int(results["trades"].value or 0), 1)

    def line(label: str, amount: float) -> tuple[str | Html, ...]:
        yearly = amount / mean / years if years > 0.0 else float("nan")
        return (
            label,
            tinted(amount, number(amount)),
            percent(yearly, 2),
            number(amount / trades, 1),
        )

    rows: list[tuple[str | Html, ...]] = [
        line("Result before costs", gained + costs),
        line("Spread", -spread),
        line("Slippage", -slippage),
    ]
    rows.append(
        line("Financing", financing)
        if financing is not None
        else ("Financing", "not modelled", "", "")
    )
    rows.append(line("Result", gained))
    columns = (
        Column(title="", align="left"),
        Column(title=record.session.account_currency),
        Column(title="Of equity a year", wide=True),
        Column(title="Per trade"),
    )
    absent = (
        "Financing is not part of this result: positions held overnight would have paid or earned "
        f"interest that no figure here contains ({record.session.financing})."
        if financing is None
        else f"Financing: {record.session.financing}."
    )
    return section(
        "Costs",
        side_by_side(
            block("From before costs to the result", table(columns, rows, kind="costs")),
            block("By instrument", _costs_by_instrument(results)),
        ),
        note="Spread and slippage are contained in the fill prices and listed here. " + absent,
    )


def _costs_by_instrument(results: Results) -> Html:
    frame = results.instruments
    largest = float((frame["spread_cost"] + frame["slippage_cost"]).max())
    shown = ["spread_cost", "slippage_cost"]
    if results["financing"].value is not None:
        shown.append("financing")
    rows: list[tuple[str | Html, ...]] = [
        (
            str(name),
            *(number(row[column]) for column in shown),
            share_bar((row["spread_cost"] + row["slippage_cost"]) / largest if largest else 0.0),
        )
        for name, row in frame.iterrows()
    ]
    columns = (
        Column(title="Instrument", align="left"),
        *(Column(title=in_words(column.removesuffix("_cost")).capitalize()) for column in shown),
        Column(title="", align="left"),
    )
    return table(columns, rows, kind="bars")


def counted(counts: Mapping[str, int], what: str, times: str) -> Html:
    """Names and how often, with their share as a bar."""
    total = sum(counts.values())
    if not total:
        return paragraph("None.")
    rows = [
        (
            in_words(name).capitalize(),
            number(count),
            percent(count / total, 0) if count / total >= 0.005 else "<1%",
            share_bar(count / max(counts.values())),
        )
        for name, count in counts.items()
    ]
    columns = (
        Column(title=what, align="left"),
        Column(title=times),
        Column(title="Share"),
        Column(title="", align="left"),
    )
    return table(columns, rows, kind="bars")


def _size_histogram(sizes: np.ndarray) -> Html:
    if not len(sizes):
        return paragraph("No order was approved.")
    top = float(sizes.max())
    counts, _ = np.histogram(sizes, bins=SIZE_BINS, range=(0.0, top))
    labels = ("0×", f"{number(top / 2.0, 2)}×", f"{number(top, 2)}× equity")
    return columns_of([float(count) for count in counts], labels, "Distribution of order sizes")


def _size_note(sizes: np.ndarray) -> str:
    if not len(sizes):
        return ""
    return (
        f"Value of {len(sizes):,} approved orders over equity when they were decided; reversals "
        f"count both sides. Median {number(float(np.median(sizes)), 2)}×, largest "
        f"{number(float(sizes.max()), 2)}×."
    )


def _shrunk(shrunk: Mapping[str, int]) -> str:
    if not shrunk:
        return "No approved order was made smaller by the guardian."
    listed = ", ".join(f"{count:,} by {in_words(limit)}" for limit, count in shrunk.items())
    return f"Approved, but made smaller: {listed}."
