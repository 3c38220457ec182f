"""What a person sees while a live desk trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from coordinator.cli.redrawn import Redrawn
from coordinator.live.status_view import status_line, status_picture

FIRST_START = "starting; a new installation compiles for a minute or two, once"


class TradeView(Redrawn):
    """The account and the members, redrawn; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, per_second=4)

    def __call__(self, told: Mapping[str, Any], starting: str = "") -> None:
        """Show a status. starting: what the desk is not at work for yet, empty once it is."""
        said = f"{FIRST_START}: {starting}" if starting else ""
        if self._console.is_terminal:
            picture = status_picture(told)
            self._live.update(Group(Text(said, style="dim"), Text(), picture) if said else picture)
        elif self._is_due():
            self._console.print(said or status_line(told), highlight=False)

    def silent(self, problem: str = "", *, starting: bool = False) -> None:
        """The gateway does not answer: starting, or being started again, or for a reason."""
        said = FIRST_START if starting else "waiting for the desk"
        said = f"{said}: {problem}" if problem else said
        if self._console.is_terminal:
            self._live.update(Text(said, style="dim"))
        elif self._is_due():
            self._console.print(said, highlight=False)
