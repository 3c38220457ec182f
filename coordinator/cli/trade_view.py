"""What a person sees while a live desk trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from coordinator.cli.redrawn import PLAIN_EVERY_S, Redrawn
from coordinator.live.status_view import status_line, status_picture

FIRST_START = "starting; a new installation compiles for a minute or two, once"


class TradeView(Redrawn):
    """The account and the members, redrawn; plain lines where there is no terminal."""

    def __init__(self, console: Console, every_s: float = PLAIN_EVERY_S) -> None:
        super().__init__(console, per_second=4, every_s=every_s)
        self._said = ""

    def __call__(self, told: Mapping[str, Any], without: str = "") -> None:
        """Show a status. without: why the desk is not at work yet, empty once it is."""
        if self._console.is_terminal:
            picture = status_picture(told)
            above = Text(f"{not_at_work(told, without)}\n", style="dim")
            self._live.update(Group(above, picture) if without else picture)
        else:
            self._say(status_lines(told, without))

    def silent(self, problem: str = "", *, starting: bool = False) -> None:
        """The gateway does not answer: starting, or being started again, or for a reason."""
        said = FIRST_START if starting else "waiting for the desk"
        said = f"{said}: {problem}" if problem else said
        if self._console.is_terminal:
            self._live.update(Text(said, style="dim"))
        else:
            self._say(said)

    def _say(self, text: str) -> None:
        """On a line of its own, now and then, and not what was said last."""
        if text != self._said and self._is_due():
            self._said = text
            self._console.print(text, highlight=False)


def not_at_work(told: Mapping[str, Any], without: str) -> str:
    """Why a desk is not at work yet; before its first bar, that compiling may be why."""
    return without if told["bars"] else f"{FIRST_START}: {without}"


def status_lines(told: Mapping[str, Any], without: str) -> str:
    """A status where there is no terminal; before the first bar of a desk that is not at work yet,
    there is none.
    """
    if not without:
        return status_line(told)
    said = not_at_work(told, without)
    return f"{said}\n{status_line(told)}" if told["bars"] else said
