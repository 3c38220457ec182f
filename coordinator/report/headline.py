"""What a reader sees first: the run, its warnings, its headline figures, every definition."""

from __future__ import annotations

from coordinator.report.markup import Column, Html, safe, section, table
from coordinator.results.measures import Measure
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.results.table import shown

HEADLINES = (
    ("total_return", "after spread and slippage"),
    ("annual_return", "compound"),
    ("annual_volatility", "of bar returns"),
    ("sharpe_ratio", "annual, no interest deducted"),
    ("max_drawdown", "from the running peak, at bar ends"),
    ("calmar_ratio", "annual return / maximum drawdown"),
    ("information_ratio", "against the equal-weight basket"),
    ("win_rate", "of closed trades, after costs"),
)


def figure(found: Measure, account_currency: str) -> str:
    """A figure as people read it, with a true minus sign."""
    return shown(found, account_currency).replace("-", "−")


def masthead(record: RunRecord, results: Results, title: str) -> Html:
    """Title, what was traded, when, by whom, with how much."""
    session = record.session
    agents = ", ".join(record.agents)
    period = "no bars"
    if results.first is not None and results.last is not None:
        period = f"{results.first:%-d %b %Y} to {results.last:%-d %b %Y}"
    facts = [
        ("Period", f"{period}, {results.bars:,} bars of {interval(session.interval_s)}"),
        ("Instruments", " ".join(record.symbols)),
        ("Committee", agents),
        ("Account", f"{session.initial_balance:,.0f} {session.account_currency} at the start"),
    ]
    listed = "".join(f"<div><dt>{safe(k)}</dt><dd>{safe(v)}</dd></div>" for k, v in facts)
    return Html(
        f'<header><p class="mark">Quorum replay · {safe(session.session)}</p>'
        f"<h1>{safe(title)}</h1>"
        f'<dl class="facts">{listed}</dl></header>'
    )


def title_of(record: RunRecord) -> str:
    """What was traded and when, in a few words."""
    count, settled = len(record.symbols), record.settled
    traded = f"{count} instruments" if count > 1 else record.symbols[0]
    if not len(settled):
        return traded
    first, last = settled.time[0], settled.time[-1]
    if first.year == last.year:
        months = f"{first:%B}" + (f" to {last:%B}" if first.month != last.month else "")
        return f"{traded}, {months} {last.year}"
    return f"{traded}, {first.year} to {last.year}"


def warnings_of(record: RunRecord) -> Html:
    """What keeps this run from being whole; nothing for a completed run."""
    if record.outcome == "completed" and not record.missing:
        return Html("")
    lacks = "".join(f"<li>{safe(lack)}</li>" for lack in record.missing)
    listed = f" Its journal lacks:<ul>{lacks}</ul>" if lacks else ""
    return Html(
        f'<div class="warning" role="note"><strong>This run is not complete: '
        f"{safe(record.outcome)}.</strong>{listed} Figures cover what was recorded.</div>"
    )


def headline_figures(results: Results) -> Html:
    """The figures that are asked for first, each with a word on how it is meant."""
    cards = []
    for name, note in HEADLINES:
        found = results[name]
        loss = " loss" if found.unit == "fraction" and (found.value or 0.0) < 0.0 else ""
        cards.append(
            f'<div title="{safe(found.convention)}"><dt>{safe(found.label)}</dt>'
            f'<dd class="{loss.strip()}">{safe(figure(found, results.account_currency))}</dd>'
            f"<p>{safe(note)}</p></div>"
        )
    return Html(f'<dl class="cards">{"".join(cards)}</dl>')


def definitions(results: Results) -> Html:
    """Every figure with its convention."""
    rows = [
        (
            found.label,
            figure(found, results.account_currency),
            found.convention[:1].upper() + found.convention[1:],
        )
        for found in results.measures
    ]
    columns = (
        Column(title="Figure", align="left"),
        Column(title="Value"),
        Column(title="How it is computed", align="left"),
    )
    return section("Figures and conventions", table(columns, rows, kind="definitions"))


def interval(seconds: int) -> str:
    """A bar's length in words: 1 day, 4 hours, 15 minutes, 10 seconds."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {word}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"
