"""Who runs the trials: this process. `coordinator.sweep.on_ray` has the other kind."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from coordinator.sweep.definition import Sweep
from coordinator.sweep.trial import TrialResult, run_trial
from coordinator.sweep.votes import VoteMemory

TASK_S = 1.0
"""What a batch of trials should take: long beside the cost of handing it over, short beside what
is lost when its worker dies."""


Results = Generator[tuple[TrialResult, ...], None, None]


class Workers(Protocol):
    """Runs trials and hands each back as soon as it is there."""

    def run(self, sweep: Sweep, numbers: Sequence[int]) -> Results:
        """The results of these trials, in the order in which they end."""
        ...

    @property
    def lost(self) -> tuple[int, ...]:
        """Trials that never ended, because every worker that ran them died."""
        ...


class Bench:
    """Where a process runs trials of one sweep: it keeps what they share."""

    def __init__(self, sweep: Sweep) -> None:
        base = sweep.base
        traded = base.desk.symbols[: base.desk.traded]
        same = traded == base.bars.symbols
        self._sweep = sweep
        self.memory = VoteMemory(base.bars if same else base.bars.columns(traded))

    def run(self, number: int) -> TrialResult:
        """One trial."""
        sweep = self._sweep
        return run_trial(
            number,
            sweep.configurations[number],
            sweep.base,
            sweep.pieces,
            sweep.calendar.bars_per_year,
            self.memory,
        )


class LocalWorkers:
    """One trial after the other in this process, without Ray."""

    lost: tuple[int, ...] = ()

    def run(self, sweep: Sweep, numbers: Sequence[int]) -> Results:
        """The results of these trials; those that share their votes one after the other."""
        bench = Bench(sweep)
        for number in sharing_votes(sweep, numbers):
            yield (bench.run(number),)


def sharing_votes(sweep: Sweep, numbers: Sequence[int]) -> list[int]:
    """The numbers with those next to each other whose agents are set alike."""

    def agents(number: int) -> str:
        values = sweep.configurations[number]
        told = {
            key: value
            for key, value in values.items()
            if key.startswith("agents.") or key == "committee.agents"
        }
        return repr(sorted(told.items()))

    first: dict[str, int] = {}
    for number in numbers:
        first.setdefault(agents(number), number)
    return sorted(numbers, key=lambda number: (first[agents(number)], number))
