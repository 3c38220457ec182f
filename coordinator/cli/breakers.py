"""`quorum breakers`: how each breaker of a live desk stands, and what tripped before."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordinator.cli.asking import DEFAULT_HOME, Home, print_json
from coordinator.cli.options import AsJson
from coordinator.live.status_view import table_of
from coordinator.live.trading import look
from infra.live.home import DeskHome

STYLES = {"ARMED": "green", "COOLING": "yellow", "TRIPPED": "bold red"}


def breakers(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Tell how each breaker stands: its limit, what it last measured, and the newest trips."""
    told = look(DeskHome(folder=home))
    if as_json:
        print_json({name: told[name] for name in ("breakers", "trips")})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(_standing(told["breakers"]))
    console.print()
    console.print(_trips(told["trips"]) if told["trips"] else Text("no trips", style="dim"))


def _standing(breakers: list[dict[str, Any]]) -> Table:
    table = table_of("breaker", "state", "does", "measured", "limit", "", "armed again", left=3)
    table.columns[5].justify = table.columns[6].justify = "left"
    for one in breakers:
        table.add_row(
            one["name"],
            Text(one["phase"], style=STYLES[one["phase"]]),
            one["action"],
            _number(one["measured"]),
            _number(one["limit"]),
            one["unit"],
            _armed_again(one),
        )
    return table


def _armed_again(one: dict[str, Any]) -> str:
    if one["phase"] != "ARMED" and one["cools_until"]:
        return f"at {one['cools_until']}"
    return "by a person" if one["needs_person"] else "by itself"


def _trips(trips: list[dict[str, Any]]) -> Table:
    table = table_of("tripped", "breaker", "measured", "limit", "again", "until", left=2)
    table.columns[5].justify = "left"
    for trip in reversed(trips):
        until = f"{trip['armed_at']}, {trip['armed_by']}: {trip['reason']}"
        table.add_row(
            trip["time"],
            trip["breaker"],
            _number(trip["measured"]),
            _number(trip["limit"]),
            str(trip["repeats"] or "·"),
            until if trip["armed_at"] else Text("still", style="bold red"),
        )
    return table


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "·"
