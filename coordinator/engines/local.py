"""`LocalReplay`: a whole replay in this process through the sequential kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agents.guardian.calibration.leading import leading_agents
from coordinator.allocation import AllocationInForce
from coordinator.engines.arrays import DeskRules, DeskState
from coordinator.engines.chunks import Chunk, PanelChunks
from coordinator.engines.committee import PanelCommittee
from coordinator.engines.kernel import replay_rows
from coordinator.engines.record import RecordBuilder, ReplayRecord
from coordinator.engines.tape import Tape, blank_tape, rewind
from coordinator.learning import Learning, Rows, sides
from coordinator.progress import Progress
from market.bars import Floats
from market.errors import FatalError
from market.events import AllocationApplied, Event

ROOM = 8_192
WRITTEN_ROWS, UNWRITTEN_ROWS = 1_024, 65_536
"""Rows between two looks at progress and at whether to stop: a journal takes a while to write."""
WATCHED_EVERY_S = 0.1
Stopped = Callable[[], bool]
Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsDecided:
    """Rows `start` up to, not including, `stop` of a chunk, and the tape they stand on.

    sequence: of the first of them. took_effect: what began, or did not, on the first.
    multiplier: (N,) in force on all of them.
    """

    sequence: int
    chunk: Chunk
    start: int
    stop: int
    tape: Tape
    took_effect: tuple[Event, ...]
    multiplier: Floats


class Scribe(Protocol):
    """Whoever writes down what is decided, such as a journal."""

    def write(self, rows: RowsDecided) -> None: ...


class LocalReplay:
    """One replay. scribe: given, every detail of every row is kept for it. room: events that fit on
    the kernel's tape before they are taken over; at least those of one row do.
    """

    def __init__(
        self,
        *,
        rules: DeskRules,
        state: DeskState,
        chunks: PanelChunks,
        committee: PanelCommittee,
        allocation: AllocationInForce,
        learning: Learning,
        symbols: tuple[str, ...],
        bars: int,
        scribe: Scribe | None = None,
        room: int = ROOM,
    ) -> None:
        self._rules = rules
        self._state = state
        self._chunks = chunks
        self._committee = committee
        self._allocation = allocation
        self._learning = learning
        self._scribe = scribe
        self._symbols = symbols
        self._piece = UNWRITTEN_ROWS if scribe is None else WRITTEN_ROWS
        self._builder = RecordBuilder(bars)
        self._peak = float(state.paper.ledger.cash[0])
        self._fills = 0
        self._watched_at = time.monotonic()
        self.bars = 0
        width, traded = len(state.cancelled), len(state.multiplier)
        self._tape = blank_tape(
            chunks.most_rows,
            width,
            traded,
            room=room,
            scores=True,
            details=scribe is not None,
        )

    def run(self, stopped: Stopped, watch: Watcher) -> ReplayRecord:
        """All bars, or those until `stopped()` is true; watch: told how it goes."""
        for chunk in self._chunks.chunks(self._committee, evidence=self._scribe is not None):
            if not self._run_chunk(chunk, stopped, watch):
                break
        return self._builder.record(self._tape, self._state.paper.ledger.units)

    def _run_chunk(self, chunk: Chunk, stopped: Stopped, watch: Watcher) -> bool:
        """A chunk, cut where an allocation is asked for, takes effect or expires, or a table does.

        False once it was stopped; at least one piece of a chunk is decided.
        """
        row, end = chunk.lead, len(chunk.panel.time)
        while row < end:
            sequence = self.bars
            took_effect = self._take_effect(sequence, int(chunk.panel.time[row]))
            quiet_until = min(
                self._allocation.quiet_until(sequence), self._learning.quiet_until(sequence)
            )
            stop = min(row + quiet_until - sequence + 1, row + self._piece, end)
            self._run_rows(chunk, row, stop, took_effect)
            self._allocation.observe(self._tape.score[row:stop], chunk.panel.returns[row:stop])
            self._allocation.ask(self.bars - 1)
            if self._learning.on:
                self._learning.observe(self._learned(chunk, row, stop))
                self._learning.fit(self.bars - 1, int(chunk.panel.time[stop - 1]))
            row = stop
            self._watch(watch, int(chunk.panel.time[row - 1]), last=row == end)
            if stopped():
                return False
        return True

    def _take_effect(self, sequence: int, time: int) -> tuple[Event, ...]:
        """What was asked for or fitted on the bar before."""
        begun = (
            self._allocation.take_effect(sequence, time),
            self._learning.take_effect(sequence, time),
        )
        self._state.multiplier[:] = self._allocation.multiplier
        for used, known in zip(self._state.table, self._learning.table, strict=True):
            used[:] = known
        return tuple(event for event in begun if event is not None)

    def _learned(self, chunk: Chunk, start: int, stop: int) -> Rows:
        """Decisions on rows of a chunk, with their bars."""
        panel, traded = chunk.panel, self._tape.score.shape[1]
        side = sides(self._tape.outcome[start:stop])
        return Rows(
            side=side,
            confidence=np.abs(self._tape.score[start:stop]),
            leader=leading_agents(panel.scores[start:stop], self._rules.weights, side),
            open=panel.open[start:stop, :traded],
            close=panel.close[start:stop, :traded],
            spread=panel.spread[start:stop, :traded],
        )

    def _run_rows(
        self, chunk: Chunk, start: int, stop: int, took_effect: tuple[Event, ...]
    ) -> None:
        """Rows on which nothing happens beside the kernel; it stops where its tape is full."""
        row = start
        while row < stop:
            rebalancing = row == start and any(
                isinstance(event, AllocationApplied) for event in took_effect
            )
            reached = replay_rows(
                chunk.panel, row, stop, rebalancing, self._rules, self._state, self._tape
            )
            if reached == row:
                raise FatalError(f"bar {self.bars}: the kernel's tape holds no single row")
            self._take(chunk, row, reached, took_effect if row == start else ())
            row = reached

    def _take(self, chunk: Chunk, start: int, stop: int, took_effect: tuple[Event, ...]) -> None:
        if self._scribe is not None:
            self._scribe.write(
                RowsDecided(
                    sequence=self.bars,
                    chunk=chunk,
                    start=start,
                    stop=stop,
                    tape=self._tape,
                    took_effect=took_effect,
                    multiplier=self._state.multiplier,
                )
            )
        self._peak = max(self._peak, float(self._tape.account.equity[start:stop].max()))
        self._fills += int(self._tape.fills.size[0])
        self._builder.take(chunk.panel.time, self._tape, start, stop)
        rewind(self._tape)
        self.bars += stop - start

    def _watch(self, watch: Watcher, at: int, *, last: bool) -> None:
        """Tell how it goes, at the end of a chunk and a few times a second."""
        now = time.monotonic()
        if last or now - self._watched_at >= WATCHED_EVERY_S:
            self._watched_at = now
            watch(self._progress(at))

    def _progress(self, at: int) -> Progress:
        """Where the replay stands after the bar at this time."""
        units, equity = self._state.paper.ledger.units, float(self._state.breakers.last[0])
        return Progress(
            bars=self.bars,
            time=at,
            equity=equity,
            drawdown=1.0 - equity / self._peak,
            positions=tuple(
                (self._symbols[column], float(units[column])) for column in np.flatnonzero(units)
            ),
            last_decision="",
            fills=self._fills,
            refusals=int(self._tape.counts.refusals.sum()),
        )
