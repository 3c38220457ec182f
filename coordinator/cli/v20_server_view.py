"""What a person sees while a v20 server serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from coordinator.cli.redrawn import Redrawn
from market.bars import utc


class V20ServerView(Redrawn):
    """One line, redrawn; a plain one every few seconds where there is no terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, per_second=4)

    def __call__(self, status: Mapping[str, Any]) -> None:
        """Show how the server stands."""
        if self._console.is_terminal:
            self._live.update(status_line(status))
        elif self._is_due():
            self._console.print(status_line(status), highlight=False)


def status_line(status: Mapping[str, Any]) -> str:
    """The market's time, and what was served so far."""
    ended = ", no prices come any more" if status["source_ended"] else ""
    return (
        f"{utc(status['clock']):%Y-%m-%d %H:%M:%S} UTC of the market{ended}   "
        f"transactions {status['last_transaction']:,}   streams {status['streams']}   "
        f"faults struck {status['faults_struck']:,}"
    )
