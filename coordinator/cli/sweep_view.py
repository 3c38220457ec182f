"""What a person sees while a sweep runs, and what it came to."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from coordinator.cli.redrawn import Redrawn
from coordinator.sweep.conduct import SweepProgress
from coordinator.sweep.definition import Sweep
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.words import (
    IN_SAMPLE_ONLY,
    NAMES,
    SHOWN,
    figure,
    forward_in_words,
    luck_in_words,
    trials_in_words,
    values_in_words,
    windows_in_words,
)


class SweepView(Redrawn):
    """A progress bar with the time left and the best so far; plain lines without a terminal."""

    def __init__(self, console: Console, sweep: Sweep, objective: str) -> None:
        super().__init__(console, per_second=8)
        self._sweep = sweep
        self._objective = objective
        self._bar = Progress(
            TextColumn("[bold]trials"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._task = self._bar.add_task("sweep", total=len(sweep.configurations), left="")

    def __call__(self, progress: SweepProgress) -> None:
        """Show where the sweep stands."""
        if self._console.is_terminal:
            left = _time_left(progress)
            self._bar.update(self._task, completed=progress.finished, left=left)
            self._live.update(Group(self._bar, Text(self._best(progress), style="dim")))
        elif self._is_due():
            self._console.print(
                f"{progress.finished:,}/{progress.total:,} trials, {_time_left(progress)}; "
                f"{self._best(progress)}",
                highlight=False,
            )

    def _best(self, progress: SweepProgress) -> str:
        failed = f"{progress.failed:,} failed; " if progress.failed else ""
        if progress.best is None:
            return f"{failed}no best yet"
        value, number = progress.best
        return (
            f"{failed}best so far, in sample: {NAMES[self._objective]} "
            f"{figure(self._objective, value)} with "
            f"{values_in_words(self._sweep.configurations[number])}"
        )


def _time_left(progress: SweepProgress) -> str:
    left = progress.seconds_left
    if left is None:
        return "first trials: what is not compiled yet compiles now"
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d} left" if hours else f"{minutes}:{seconds:02d} left"


def outcome_table(outcome: Outcome) -> RenderableType:
    """About twenty lines: in sample beside out of sample, and what the best of many is worth."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="italic")
    table.add_column("")
    in_sample = outcome.results[outcome.best].measures[0] if outcome.best is not None else None
    columns = []
    if in_sample is not None:
        columns.append((f"in sample,\nbest of {outcome.trials:,}", in_sample))
    if outcome.tuned is not None and outcome.untuned is not None:
        columns.append(("out of sample,\ntuned", outcome.tuned.measures))
        columns.append(("out of sample,\nas it was", outcome.untuned.measures))
    for title, _ in columns:
        table.add_column(title, justify="right")
    for name, label in SHOWN:
        table.add_row(label, *(figure(name, getattr(m, name)) for _, m in columns))
    heading = Text(f"Sweep {outcome.sweep.digest[:10]}", style="bold")
    heading.append(
        f"  {trials_in_words(outcome)} · {windows_in_words(outcome.sweep)}", style="not bold"
    )
    return Group(heading, Text(), table, Text(), _notes(outcome))


def _notes(outcome: Outcome) -> Text:
    notes = []
    if outcome.best is None:
        notes.append(f"No trial has a {NAMES[outcome.objective]}: none traded, or all failed.")
    else:
        notes.append(
            f"Best in sample by {NAMES[outcome.objective]}: trial {outcome.best}, "
            f"{values_in_words(outcome.values(outcome.best))}."
        )
    if outcome.luck is not None:
        notes.append(luck_in_words(outcome.luck))
    notes.append(forward_in_words(outcome) if outcome.sweep.windows else IN_SAMPLE_ONLY)
    notes += [f"Trial {r.number} failed: {r.failure}" for r in outcome.failed[:3]]
    if len(outcome.failed) > 3:
        notes.append(f"{len(outcome.failed) - 3:,} more failed; trials.parquet says why.")
    if outcome.lost:
        notes.append(
            f"{len(outcome.lost):,} trials never ended, because every worker that ran them died; "
            "--resume tries them again."
        )
    notes.append("Spread and slippage are in every figure.")
    return Text("\n".join(notes), style="dim")
