"""The capital stage of a live desk as a person sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from market.bars import utc

NOT_LIMITED = "as configured"
STOPPED = "emergency_stop"


def stage_line(capital: Mapping[str, Any]) -> str:
    """A stage on one line."""
    limits = capital["limits"]
    return (
        f"{capital['stage']} by {capital['by']}: {capital['reason']}   at most "
        f"{limits['risk_per_trade']:.2%} of equity a trade, {limits['exposure']:.1%} exposure"
    )


def stage_picture(capital: Mapping[str, Any]) -> Group:
    """A stage as a page: what it allows, and its evidence beside what the next one needs."""
    parts: list[RenderableType] = [_heading(capital), Text(), _limits(capital["limits"]), Text()]
    parts += [_needed(capital), Text(), _measured(capital["evidence"]), Text(), _next(capital)]
    return Group(*parts)


def _heading(capital: Mapping[str, Any]) -> Text:
    style = "bold red" if capital["stage"] == STOPPED else "bold"
    text = Text().append(capital["stage"], style=style)
    text.append(f"   since {utc(capital['since']):%Y-%m-%d %H:%M:%S} UTC of market time")
    return text.append(f"\n{capital['by']}: {capital['reason']}", style="dim")


def _limits(limits: Mapping[str, float]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    for title, name, pattern in (
        ("risk a trade", "risk_per_trade", ".2%"),
        ("exposure", "exposure", ".1%"),
        ("daily loss", "daily_loss", ".1%"),
        ("instruments", "instruments", ".0f"),
    ):
        value = limits[name]
        table.add_row(title, f"{value:{pattern}}" if math.isfinite(value) else NOT_LIMITED)
    return table


def _needed(capital: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("evidence")
    for title in ("found", "needed"):
        table.add_column(title, justify="right")
    table.add_column("")
    for one in capital["needed"]:
        enough = one["enough"]
        table.add_row(
            "annual Sharpe ratio" if one["name"] == "sharpe_ratio" else _words(one["name"]),
            one["said"],
            f"{'≤' if one['at_most'] else '≥'} {one['asked']}",
            Text("enough" if enough else "missing", style="green" if enough else "yellow"),
        )
    return table


def _measured(evidence: Mapping[str, float]) -> Text:
    low, high = evidence["sharpe_ratio_annual_low"], evidence["sharpe_ratio_annual_high"]
    interval = f"{low:+.2f} to {high:+.2f}" if math.isfinite(low) else "unknown"
    ratio = evidence["sharpe_ratio_per_bar"]
    a_bar = f"{ratio:.4f} a bar over" if math.isfinite(ratio) else "from"
    return Text(
        f"annual Sharpe ratio, {evidence['sharpe_ratio_confidence']:.0%} interval (Lo 2002): "
        f"{interval}; {a_bar} {evidence['bars']:,.0f} "
        f"bars, {evidence['uncounted_bars']:,.0f} more count for nothing\n"
        f"{evidence['halts']:,.0f} halts of the guardian, {evidence['mismatches']:,.0f} "
        "differences from the broker's books",
        style="dim",
    )


def _next(capital: Mapping[str, Any]) -> Text:
    above = capital["next"]
    if above is None:
        return Text("no stage is higher")
    if capital["stage"] == STOPPED and not capital["missing"]:
        return Text(f"a named person leads back to {above}: quorum stage promote")
    if not capital["missing"]:
        return Text(f"{above} is open to a named person: quorum stage promote", style="green")
    text = Text(f"{above} is closed:", style="yellow")
    for why in capital["missing"]:
        text.append(f"\n  {why}")
    return text


def _words(name: str) -> str:
    return name.replace("_", " ")
