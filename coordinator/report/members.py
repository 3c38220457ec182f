"""The committee: how each agent voted, how often it agreed, what it contributed."""

from __future__ import annotations

import numpy as np

from coordinator.report.markup import (
    Column,
    Html,
    block,
    chart,
    columns_of,
    number,
    percent,
    safe,
    section,
    side_by_side,
    signed_bar,
    table,
    tinted,
)
from coordinator.report.series import vote_histogram
from coordinator.results.committee import AGENT_RULE
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results

CONTRIBUTION = "contribution"


def votes_section(record: RunRecord, results: Results) -> Html:
    """Votes over time and their distribution, one row an agent, then the table."""
    rows = "".join(
        f'<div class="member"><h3>{safe(name)}</h3>'
        f"{chart(f'votes:{name}', height=84, compact=True).text}"
        f"{_distribution(record, agent, name).text}</div>"
        for agent, name in enumerate(record.agents)
    )
    decided = ", ".join(
        f"{count:,} {code.replace('_', ' ').lower()}"
        for code, count in results.counts.decisions.items()
    )
    consensus = results["agent_consensus_rate"].value
    agreed = f" {percent(consensus)} of the voting agents agreed, on average." if consensus else ""
    return section(
        "Votes",
        Html(f'<div class="members">{rows}</div>'),
        _table(record, results),
        note="Left: the mean size of an agent's votes to buy (up) and to sell (down) over time. "
        "Right: how its scores are distributed from −1 to 1, neutral votes (0) left out. "
        f"Decisions by instrument and bar: {decided or 'none'}.{agreed}",
    )


def contribution_section(record: RunRecord, results: Results) -> Html:
    """Profit and loss by agent and by instrument, in account currency."""
    currency = record.session.account_currency
    rule = Html(f'<p class="note after">{safe(AGENT_RULE[:1].upper() + AGENT_RULE[1:])}.</p>')
    return section(
        "Contribution",
        side_by_side(
            block("By instrument", _instruments(results)),
            block("By agent", _contributions(results), rule),
        ),
        note=f"Profit and loss in {currency} after costs, "
        "open positions at their last closing price, as in equity.",
    )


def _distribution(record: RunRecord, agent: int, name: str) -> Html:
    shares = vote_histogram(record, agent)
    return columns_of(list(shares), ("−1", "0", "+1"), f"Distribution of the scores of {name}")


def _table(record: RunRecord, results: Results) -> Html:
    columns = (
        Column(title="Agent", align="left"),
        Column(title="Weight"),
        Column(title="Voted"),
        Column(title="Neutral", wide=True),
        Column(title="Mean size", wide=True),
        Column(title="Agreed"),
        Column(title="Failures"),
        Column(title="Source", align="left", wide=True),
    )
    sources = {agent.name: agent.source for agent in record.session.agents}
    rows = [
        (
            str(name),
            number(row["weight"], 2),
            percent(row["voted"]),
            percent(row["neutral"]),
            number(row["mean_size"], 2),
            percent(row["agreed"]),
            number(row["failures"]),
            _shortened(sources[str(name)]),
        )
        for name, row in results.agents.iterrows()
    ]
    return table(columns, rows)


def _contributions(results: Results) -> Html:
    values = results.agents[CONTRIBUTION]
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    rows = [
        (str(name), tinted(value, number(value)), signed_bar(value, largest))
        for name, value in values.items()
    ]
    columns = (
        Column(title="Agent", align="left"),
        Column(title="P&L"),
        Column(title="", align="left"),
    )
    return table(columns, rows, kind="bars")


def _instruments(results: Results) -> Html:
    frame = results.instruments
    largest = float(np.nanmax(np.abs(frame["pnl"]), initial=0.0))
    columns = (
        Column(title="Instrument", align="left"),
        Column(title="P&L"),
        Column(title="", align="left"),
        Column(title="Trades"),
        Column(title="Won"),
        Column(title="Held"),
    )
    rows = [
        (
            str(name),
            tinted(row["pnl"], number(row["pnl"])),
            signed_bar(row["pnl"], largest),
            number(row["trades"]),
            percent(row["win_rate"], 0),
            percent(row["held"], 0),
        )
        for name, row in frame.iterrows()
    ]
    return table(columns, rows, kind="bars")


def _shortened(source: str) -> str:
    """A dotted path and the start of a digest; the whole digest is in the journal."""
    path, _, digest = source.partition(" ")
    return f"{path} {digest[:12]}…" if len(digest) > 12 else source
