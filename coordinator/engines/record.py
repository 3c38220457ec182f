"""`ReplayRecord`: what a replay came to, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from agents.guardian.codes import Halt, Limit
from coordinator.engines.tape import HALTED, FillRows, NoticeRows, Tape
from coordinator.tally import Outcome
from market.bars import Floats, Times
from market.conversion import Indices


class Fills(NamedTuple):
    """F fills in the order in which they happened.

    row: from the first decided bar. column: of the desk's instruments. reason: a FillReason.
    Units signed; money in account currency; costs are positive and contained in the price.
    """

    row: Indices
    column: Indices
    reason: Indices
    units: Floats
    price: Floats
    mid: Floats
    rate: Floats
    realised: Floats
    spread_cost: Floats
    slippage_cost: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRecord:
    """A replay of B bars.

    time: (B,) UTC nanoseconds. equity, cash, margin_used: (B,) account currency after each bar.
    outcomes, refusals, halts: how often, by name. rearmed: drawdown halts that the scripted
    supervisor ended. units: (M,) positions after the last bar.
    """

    time: Times
    equity: Floats
    cash: Floats
    margin_used: Floats
    fills: Fills
    outcomes: dict[str, int]
    refusals: dict[str, int]
    halts: dict[str, int]
    rearmed: int
    units: Floats

    def __len__(self) -> int:
        return len(self.time)


class RecordBuilder:
    """Gathers a record from tapes. bars: how many will be decided on."""

    def __init__(self, bars: int) -> None:
        self._account = np.full((3, bars), np.nan)
        self._time = np.zeros(bars, dtype=np.int64)
        self._fills: list[Fills] = []
        self._notices: list[NoticeRows] = []
        self.bars = 0

    def take(self, time: Times, tape: Tape, start: int, stop: int) -> None:
        """Rows `start` up to, not including, `stop` of a tape, with the events on it."""
        into = slice(self.bars, self.bars + stop - start)
        self._time[into] = time[start:stop]
        for kept, found in zip(self._account, tape.account, strict=True):
            kept[into] = found[start:stop]
        self._fills.append(fills_on(tape.fills, self.bars - start))
        count = int(tape.notices.size[0])
        if count:
            taken = (column[:count].copy() for column in tape.notices[1:])
            self._notices.append(NoticeRows._make([tape.notices.size.copy(), *taken]))
        self.bars = into.stop

    def record(self, tape: Tape, units: Floats) -> ReplayRecord:
        """The record of everything taken. units: positions at the end."""
        equity, cash, margin_used = self._account[:, : self.bars]
        halts = {halt.name: 0 for halt in Halt if halt is not Halt.NONE}
        rearmed = 0
        for notices in self._notices:
            for kind, halt in zip(notices.kind, notices.halt, strict=True):
                if kind == HALTED:
                    halts[Halt(int(halt)).name] += 1
                else:
                    rearmed += 1
        return ReplayRecord(
            time=self._time[: self.bars],
            equity=equity,
            cash=cash,
            margin_used=margin_used,
            fills=joined(self._fills),
            outcomes={o.name: int(tape.counts.outcomes[o.value]) for o in Outcome},
            refusals={
                limit.name: int(tape.counts.refusals[limit])
                for limit in Limit
                if tape.counts.refusals[limit]
            },
            halts=halts,
            rearmed=rearmed,
            units=units.copy(),
        )


def fills_on(rows: FillRows, offset: int) -> Fills:
    """The fills on a tape, copied; `offset` is added to their rows."""
    count = int(rows.size[0])
    row, *others = (column[:count].copy() for column in rows[1:])
    return Fills._make([row + offset, *others])


def joined(parts: list[Fills]) -> Fills:
    """All fills of several parts, one after the other."""
    if not parts:
        return Fills._make([*np.zeros((3, 0), dtype=np.int64), *np.zeros((7, 0))])
    return Fills._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
