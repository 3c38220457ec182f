"""What a person sees while a live desk trades."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

PLAIN_EVERY_S = 5.0


class TradeView:
    """The account and the members, redrawn; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._printed = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, told: Mapping[str, Any]) -> None:
        """Show a status."""
        if self._console.is_terminal:
            self._live.update(status_picture(told))
        elif self._due():
            self._console.print(status_line(told), highlight=False)

    def silent(self, why: str) -> None:
        """The gateway does not answer: starting, or being started again."""
        if self._console.is_terminal:
            self._live.update(Text("waiting for the desk", style="dim"))
        elif self._due():
            self._console.print(f"waiting for the desk: {why}", highlight=False)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._printed < PLAIN_EVERY_S:
            return False
        self._printed = now
        return True


def status_line(told: Mapping[str, Any]) -> str:
    """A status on one line."""
    return (
        f"{told['market_time']}  {told['mode']}, {told['bars']:,} bars, "
        f"equity {told['equity']:,.2f} ({told['profit']:+,.2f}), "
        f"{len(told['positions'])} positions, {len(told['open_orders'])} orders open"
    )


def status_picture(told: Mapping[str, Any]) -> Table:
    """A status as a small table."""
    table = Table.grid(padding=(0, 2))
    gain = told["profit"]
    table.add_row(
        Text(f"{told['mode']}", style="bold green" if told["mode"] == "TRADING" else "bold red"),
        Text(f"{told['market_time']}"),
        Text(f"equity {told['equity']:,.2f} {told['account_currency']}", style="bold"),
        Text(f"{gain:+,.2f}", style="green" if gain >= 0.0 else "red"),
    )
    positions = "  ".join(f"{held['symbol']} {held['units']:+,.0f}" for held in told["positions"])
    table.add_row("open", Text(positions or "none", style="dim"))
    table.add_row("last", Text(str(told.get("last_decision", "none yet")), style="dim"))
    for name, agent in told.get("agents", {}).items():
        here = "here" if agent["here"] else "away"
        table.add_row(name, here, f"{told['weights'].get(name, 0.0):.2f}")
    return table
