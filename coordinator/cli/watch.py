"""What a person sees while a session runs."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from coordinator.cli.redrawn import Redrawn
from coordinator.progress import Progress as SessionProgress
from market.bars import utc


class SessionView(Redrawn):
    """A progress bar with the account below it; plain lines where there is no terminal."""

    def __init__(self, console: Console, decisions: int, initial_balance: float) -> None:
        super().__init__(console, per_second=8)
        self._decisions = decisions
        self._initial = initial_balance
        self._bar = Progress(
            TextColumn("[bold]{task.fields[date]}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]:>6.0f} bars/s"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("replay", total=decisions, date="starting", speed=0.0)
        self._first: tuple[float, int] | None = None
        self.bars_per_s = 0.0

    def __call__(self, progress: SessionProgress) -> None:
        """Show where the session stands."""
        now = time.monotonic()
        if progress.bars == 0:
            self._wait()
            return
        if self._first is None:
            self._first = (now, progress.bars)
        began, at = self._first
        if now > began:
            self.bars_per_s = (progress.bars - at) / (now - began)
        date = f"{utc(progress.time):%Y-%m-%d}"
        self._bar.update(self._task, completed=progress.bars, date=date, speed=self.bars_per_s)
        if self._console.is_terminal:
            self._live.update(Group(self._bar, self._account(progress)))
        elif self._is_due():
            self._console.print(
                f"{date}  {progress.bars:,}/{self._decisions:,} bars, "
                f"{self.bars_per_s:,.0f} bars/s, equity {progress.equity:,.0f}",
                highlight=False,
            )

    def _wait(self) -> None:
        """The first bar of a new installation compiles for a while."""
        if self._console.is_terminal:
            self._live.update(self._bar)
        elif self._is_due():
            self._console.print("compiling; this happens once")

    def _account(self, progress: SessionProgress) -> Text:
        gain = progress.equity / self._initial - 1.0
        positions = "  ".join(f"{symbol} {units:+,.0f}" for symbol, units in progress.positions)
        text = Text()
        text.append(f"equity {progress.equity:,.2f} ", style="bold")
        text.append(f"({gain:+.1%})", style="green" if gain >= 0.0 else "red")
        text.append(f"   drawdown {progress.drawdown:.1%}")
        text.append(f"   fills {progress.fills:,}   refusals {progress.refusals:,}\n")
        text.append(f"open: {positions or 'none'}\n", style="dim")
        if progress.last_decision:
            text.append(f"last: {progress.last_decision}", style="dim")
        return text
