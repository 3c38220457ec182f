"""Decisions under other rules beside the recorded ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from coordinator.results.record import RunRecord
from coordinator.tally import Decision, Outcome
from coordinator.whatif.outlook import side_of
from market.conversion import Indices

OUTCOMES = (Outcome.BUY, Outcome.SELL, Outcome.BELOW_THRESHOLD, Outcome.NO_QUORUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One decision that comes out otherwise. Scores are NaN where nobody voted."""

    time: datetime
    instrument: str
    recorded: Outcome
    recorded_score: float
    what_if: Outcome
    what_if_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What changed among D × N decisions.

    changed: another outcome, holds for another reason included; acted: of these, where the side
    is another one (BUY, SELL or none); reversed_: from BUY to SELL or back. matrix: recorded
    outcomes by row, the others by column. by_instrument, by_agent: one row each. first: the first
    changed decisions.
    """

    decisions: int
    changed: int
    acted: int
    reversed_: int
    matrix: pd.DataFrame
    by_instrument: pd.DataFrame
    by_agent: pd.DataFrame
    first: tuple[Changed, ...]

    @property
    def agreement(self) -> float:
        """Share of the decisions with the same outcome."""
        return 1.0 - self.changed / self.decisions


def differences_of(record: RunRecord, again: Decision, shown: int) -> Differences:
    """The recorded decisions beside `again`, arrays (D, N); `shown` of the changed ones listed."""
    recorded = record.decided
    changed = recorded.outcome != again.outcome
    before, after = side_of(recorded.outcome), side_of(again.outcome)
    rows, columns = (index[:shown] for index in np.nonzero(changed))
    first = tuple(
        Changed(
            time=recorded.time[row].to_pydatetime(),
            instrument=record.symbols[column],
            recorded=Outcome(int(recorded.outcome[row, column])),
            recorded_score=float(recorded.score[row, column]),
            what_if=Outcome(int(again.outcome[row, column])),
            what_if_score=float(again.score[row, column]),
        )
        for row, column in zip(rows, columns, strict=True)
    )
    return Differences(
        decisions=changed.size,
        changed=int(changed.sum()),
        acted=int((before != after).sum()),
        reversed_=int((before * after < 0.0).sum()),
        matrix=_matrix(recorded.outcome, again.outcome),
        by_instrument=pd.DataFrame(
            {
                "decisions": changed.shape[0],
                "changed": changed.sum(axis=0),
                "acted": (before != after).sum(axis=0),
                "reversed": (before * after < 0.0).sum(axis=0),
            },
            index=pd.Index(record.symbols, name="instrument", dtype="str"),
        ),
        by_agent=_by_agent(record, again),
        first=first,
    )


def _matrix(recorded: Indices, again: Indices) -> pd.DataFrame:
    names = [outcome.name for outcome in OUTCOMES]
    counts = [
        [int(((recorded == old) & (again == new)).sum()) for new in OUTCOMES] for old in OUTCOMES
    ]
    return pd.DataFrame(counts, index=names, columns=names)


def _by_agent(record: RunRecord, again: Decision) -> pd.DataFrame:
    """Of the changed decisions: on how many each agent voted, and for which side.

    voted: not abstained. for_recorded, for_what_if: its vote was for the side that was decided
    (BUY or SELL) before, and after.
    """
    changed = record.decided.outcome != again.outcome
    votes = np.moveaxis(record.decided.scores, 1, 2)[changed]
    before = side_of(record.decided.outcome)[changed][:, None]
    after = side_of(again.outcome)[changed][:, None]
    return pd.DataFrame(
        {
            "voted": (~np.isnan(votes)).sum(axis=0),
            "for_recorded": (votes * before > 0.0).sum(axis=0),
            "for_what_if": (votes * after > 0.0).sum(axis=0),
        },
        index=pd.Index(record.agents, name="agent", dtype="str"),
    )
