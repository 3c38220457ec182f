"""What a person sees while a live desk trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from coordinator.cli.redrawn import Redrawn
from coordinator.live.status_view import status_line, status_picture
from coordinator.live.trading_time import missing

ONCE = "a new installation compiles for a minute or two, once"


class TradeView(Redrawn):
    """The account and the members, redrawn; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, per_second=4)
        self._worked = False

    def __call__(self, told: Mapping[str, Any]) -> None:
        """Show a status."""
        why = missing(told)
        self._worked = self._worked or not why or bool(told["positions"])
        if not self._worked:
            self._say(f"starting ({ONCE}): {why}")
        elif self._console.is_terminal:
            self._live.update(status_picture(told))
        elif self._is_due():
            self._console.print(status_line(told), highlight=False)

    def silent(self, problem: str = "") -> None:
        """The gateway does not answer: starting, or being started again, or for a reason."""
        said = f"waiting for the desk: {problem}" if problem else "waiting for the desk"
        self._say(said if problem or self._worked else f"{said} ({ONCE})")

    def _say(self, said: str) -> None:
        if self._console.is_terminal:
            self._live.update(Text(said, style="dim"))
        elif self._is_due():
            self._console.print(said, highlight=False)
