"""How a live desk stands, as a person sees it on a terminal and in a notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from coordinator.configuration.durations import written
from coordinator.live.assessment import risk_line
from coordinator.live.override_view import override_line

NO_HALT = "NONE"
HALTED = "the guardian halted new risk: {}"
HALTS = {
    "EXECUTION_THROTTLE": "orders of an agent filled too often: the guardian refuses what it would "
    "open (EXECUTION_THROTTLE) until `quorum resume` enables it again"
}
"""By what is in force: an agent that is disabled halts nobody else."""
ARMED = "ARMED"
GATEWAY = "gateway"
OLD_S = 30.0
"""Wall time after which data is shown as old; a quiet market is, a lost broker too."""
MODE_STYLES = {"TRADING": "bold green", "STOPPED": "bold yellow"}


def status_line(told: Mapping[str, Any]) -> str:
    """A status on one line."""
    if not math.isfinite(told["cash"]):
        return f"{told['mode']}, the account is not known yet. {told['waiting']}".strip()
    tripped = [one["name"] for one in told.get("breakers", ()) if one["phase"] != ARMED]
    blocked = f" ({', '.join(tripped)} tripped)" if tripped else ""
    return (
        f"{told['market_time']}  {told['mode']}{blocked}, {_bars(told)}, "
        f"equity {told['equity']:,.2f} ({told['profit']:+,.2f}), "
        f"{len(told['positions'])} positions, {len(told['open_orders'])} orders open"
    )


def _bars(told: Mapping[str, Any]) -> str:
    """How many have closed; before the first, when that does: it may be an hour away."""
    bars = f"{told['bars']:,} bars of {written(told['interval_s'])}"
    waits = told["next_bar"] and not told["bars"]
    return f"{bars}, the first closes at {told['next_bar']}" if waits else bars


def status_picture(told: Mapping[str, Any]) -> Group:
    """A status as a page: the account, what is open, the committee, the machinery."""
    sections: list[RenderableType] = [
        Group(_heading(told), _account(told)),
        _positions(told) if told["positions"] else Text("no positions", style="dim"),
    ]
    if told["open_orders"]:
        sections.append(_orders(told))
    if told.get("agents"):
        sections.append(_committee(told))
    sections.append(_machinery(told))
    return Group(*(part for section in sections for part in (section, Text())))


def signed(value: float, pattern: str = "+,.2f") -> Text:
    """A gain or loss in its colour; a dot where nobody knows it."""
    if not math.isfinite(value):
        return Text("·", style="dim")
    return Text(f"{value:{pattern}}", style="green" if value >= 0.0 else "red")


def _heading(told: Mapping[str, Any]) -> Text:
    mode = told["mode"]
    text = Text()
    text.append(mode, style=MODE_STYLES.get(mode, "bold red"))
    text.append(f"   {told['market_time']}   {told['session']}   epoch {told['epoch']}")
    if told.get("capital"):
        text.append(f"   {told['capital']['stage']}", style="bold")
    if told["mode_by"]:
        text.append(f"\n{told['mode_by']}: {told['mode_reason']}", style="dim")
    if told["halt"] != NO_HALT:
        text.append(f"\n{HALTS.get(told['halt'], HALTED.format(told['halt']))}", style="red")
    for one in told.get("breakers", ()):
        if one["phase"] != ARMED and one["by"] == GATEWAY:
            text.append(f"\nbreaker {one['name']} {one['phase']}: {one['about']}", style="red")
    for one in told.get("overrides", ()):
        text.append(f"\noverride {override_line(one)}", style="yellow")
    if told.get("waiting"):
        text.append(f"\n{told['waiting']}", style="bold yellow")
    if told.get("failure"):
        text.append(f"\n{told['failure']}", style="bold red")
    if told.get("prices"):
        text.append(f"\n{told['prices']}", style="dim")
    return text


def _account(told: Mapping[str, Any]) -> Text:
    if not math.isfinite(told["cash"]):
        return Text("the account is not known yet", style="dim")
    text = Text()
    text.append(f"equity {told['equity']:,.2f} {told['account_currency']}", style="bold")
    share = told["profit"] / told["initial_balance"] if told["initial_balance"] else math.nan
    text.append(" (").append(signed(told["profit"])).append(", ")
    text.append(signed(share, "+.2%")).append(")   realised ").append(signed(told["realised"]))
    return text.append(f"   cash {told['cash']:,.2f}")


def table_of(*columns: str, left: int = 1) -> Table:
    """Columns by title, the first `left` of them aligned left."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for place, title in enumerate(columns):
        table.add_column(title, justify="left" if place < left else "right", no_wrap=True)
    return table


def _positions(told: Mapping[str, Any]) -> Table:
    table = table_of(
        "position", "units", "average", "now", f"P&L {told['account_currency']}", "price"
    )
    for held in told["positions"]:
        age = held["age_bars"]
        table.add_row(
            held["symbol"],
            f"{held['units']:+,.0f}",
            f"{held['average_price']:.6g}",
            f"{held['closing_price']:.6g}",
            signed(held["unrealised"]),
            Text("fresh") if age < 1.0 else Text(f"{age:,.0f} bars old", style="yellow"),
        )
    return table


def _orders(told: Mapping[str, Any]) -> Table:
    table = table_of("open order", "instrument", "stage", "units", left=3)
    for order in told["open_orders"]:
        unknown = order["stage"] == "unknown"
        table.add_row(
            order["client_order_id"],
            order["symbol"],
            Text(_stage_of(order), style="red" if unknown else ""),
            f"{order['units']:+,.0f}",
        )
    return table


def _stage_of(order: Mapping[str, Any]) -> str:
    """In words; a gateway of an older version does not say what is filled."""
    stage = str(order["stage"]).replace("_", " ")
    filled = order.get("filled", 0.0)
    return f"{stage} {filled:+,.0f}" if filled else stage


def _committee(told: Mapping[str, Any]) -> Table:
    """Where no coordinator is attached, how its members are is not known."""
    known = told.get("coordinator_attached", True)
    table = table_of("agent", "weight", "state", "p50 ms", "p99 ms", "abstained", left=1)
    table.columns[2].justify = table.columns[5].justify = "left"
    for name, agent in told["agents"].items():
        weight = told["weights"].get(name, 0.0)
        seated = name in told["seated"]
        table.add_row(
            name,
            Text("·" if not seated else f"{weight:.2f}" if weight > 0.0 else "shadow"),
            _presence(seated, agent["here"] if known else None),
            _milliseconds(agent["latency_p50_ms"]),
            _milliseconds(agent["latency_p99_ms"]),
            ", ".join(f"{why} {times:,}" for why, times in agent["abstained"].items()) or "·",
        )
    return table


def _presence(seated: bool, here: bool | None) -> Text:
    if not seated:
        return Text("not seated", style="dim")
    if here is None:
        return Text("not known", style="yellow")
    return Text("here", style="green") if here else Text("away", style="bold red")


def _milliseconds(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "·"


def _machinery(told: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_row("last", Text(str(told.get("last_decision", "none yet"))))
    table.add_row("decisions", _decisions(told))
    age, old = told["data_age_s"], told["data_age_s"] > OLD_S
    quoted = f"newest quote {age:,.1f} s ago; " if math.isfinite(age) else "no quote yet; "
    broker = Text(quoted, style="yellow" if old else "")
    if told["broker_connected"]:
        broker.append(f"the broker was heard {told['broker_heard_s']:,.1f} s ago")
    else:
        broker.append("not connected to the broker", style="bold red")
    table.add_row("data", broker)
    if told.get("broker_stream"):
        table.add_row("streams", _streams(told["broker_stream"]))
    table.add_row("members", _members(told))
    if told.get("risk"):
        table.add_row("risk", _risk(told["risk"]))
    table.add_row(
        "journal",
        f"{told['events']:,} entries, {_bars(told)}, "
        f"the broker's transactions up to {told['last_transaction']:,}",
    )
    return table


def _streams(health: Mapping[str, Any]) -> Text:
    """How the connections to the broker are; a broker may not tell everything."""
    text = Text()
    for name in ("price", "transaction"):
        heard = health.get(f"{name}_heard_s")
        ago = "never heard" if heard is None or not math.isfinite(heard) else f"{heard:,.1f} s ago"
        stands = health.get(f"{name}s_open", True)
        text.append(f"{name}s {ago}{'' if stands else ', down'}; ", style="" if stands else "red")
    reconnects = health.get("reconnects", 0)
    text.append(f"{reconnects:,} {'reconnect' if reconnects == 1 else 'reconnects'}")
    if not health.get("caught_up", True):
        text.append(", behind the broker's record", style="yellow")
    if health.get("trouble"):
        text.append(f"; {health['trouble']}", style="red")
    return text


def _decisions(told: Mapping[str, Any]) -> str:
    if "decisions" not in told:
        return "none yet"
    return (
        f"{told['decisions']:,} since the coordinator attached, p50 "
        f"{_milliseconds(told['decision_p50_ms'])} ms, p99 "
        f"{_milliseconds(told['decision_p99_ms'])} ms"
    )


def _risk(risk: Mapping[str, Any]) -> Text:
    fine = not risk["failure"] and float(risk["score"]) > 0.0
    return Text(risk_line(risk), style="" if fine else "bold red")


def _members(told: Mapping[str, Any]) -> Text:
    text = Text(f"coordinator {told['coordinator']}")
    if told["coordinator"] == "away":
        text.stylize("bold red")
        return text
    for name in ("guardian", "optimizer"):
        if f"{name}_here" in told:
            here = told[f"{name}_here"]
            text.append(", ")
            text.append(f"{name} {'here' if here else 'away'}", style="" if here else "red")
    age = told.get("allocation_age_bars")
    if "allocation_age_bars" in told:
        text.append(", sizing neutral" if age is None else f", allocation {age:,} bars old")
    return text
