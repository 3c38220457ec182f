"""`Redrawn`: what a command shows while it works, with a terminal and without."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

PLAIN_EVERY_S = 5.0


class Redrawn:
    """Redrawn in place on a terminal; where there is none, a line is due every few seconds."""

    def __init__(self, console: Console, per_second: float, every_s: float = PLAIN_EVERY_S) -> None:
        self._console = console
        self._every_s = every_s
        self._live = Live(console=console, refresh_per_second=per_second, transient=True)
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

    def _is_due(self) -> bool:
        """Whether a plain line is due; the next is one `every_s` after it."""
        now = time.monotonic()
        if now - self._printed < self._every_s:
            return False
        self._printed = now
        return True
