"""What a person sees while a live desk trades."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from coordinator.live.status_view import status_line, status_picture

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

    def silent(self, problem: str = "") -> None:
        """The gateway does not answer: starting, or being started again, or for a reason."""
        said = f"waiting for the desk: {problem}" if problem else "waiting for the desk"
        if self._console.is_terminal:
            self._live.update(Text(said, style="dim"))
        elif self._due():
            self._console.print(said, highlight=False)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._printed < PLAIN_EVERY_S:
            return False
        self._printed = now
        return True
