"""What the sequential kernel reads and remembers, as NamedTuples of arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.breakers import Breakers, armed_breakers
from agents.guardian.calibration.table import CalibrationTable
from agents.guardian.exposure import Book, empty_book
from agents.guardian.limits import RiskLimits
from agents.guardian.pace import Pace, unhurried
from agents.guardian.proposals import Proposals, Verdicts, no_proposals, no_verdicts
from agents.guardian.tail import Tail, empty_tail
from agents.guardian.traits import Traits
from coordinator.desk import Desk
from coordinator.sizing import SizingRules
from coordinator.tally import Decision, undecided
from infra.brokers.paper.state import FillLog, FillRules, PaperState, empty_state, no_fills
from market.bars import VALUE_FIELDS, Floats, Times
from market.conversion import Conversion, Indices

NEVER = -1


class DeskRules(NamedTuple):
    """What a session decides by; nothing in it changes while it runs.

    weights: (A,). rearm_after: bars, NEVER where a person must.
    """

    paths: Conversion
    fills: FillRules
    limits: RiskLimits
    sizing: SizingRules
    weights: Floats
    decision_threshold: float
    quorum: float
    traits: Traits
    rearm_after: int


class PanelRows(NamedTuple):
    """Rows of a panel and what was computed on them before any decision.

    time: (R,) UTC nanoseconds. open, high, low, close, spread: (R, M). scores: (R, A, N) of the
    committee. sigma: (R, N) volatility of a bar. returns: (R, N) simple. nights: (R,) rollovers
    since the row before. interest: (R, C) annual decimals.
    """

    time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    spread: Floats
    scores: Floats
    sigma: Floats
    returns: Floats
    nights: Floats
    interest: Floats


class DeskState(NamedTuple):
    """Everything that the desk remembers between two rows, and its working memory.

    values: (6, M) of the bar at hand. multiplier: (N,) the optimizer's, in force. table: what the
    agents' decisions were worth, in force.
    """

    paper: PaperState
    breakers: Breakers
    multiplier: Floats
    table: CalibrationTable
    log: FillLog
    cancelled: Indices
    charged: Floats
    book: Book
    tail: Tail
    pace: Pace
    proposals: Proposals
    verdicts: Verdicts
    decision: Decision
    values: Floats


def desk_rules(desk: Desk, fills: FillRules, rearm_after: int | None) -> DeskRules:
    """The rules of a desk whose broker fills by `fills`."""
    return DeskRules(
        paths=desk.paths,
        fills=fills,
        limits=desk.limits,
        sizing=desk.sizing,
        weights=desk.weights,
        decision_threshold=desk.decision_threshold,
        quorum=desk.quorum,
        traits=desk.traits,
        rearm_after=NEVER if rearm_after is None else rearm_after,
    )


def opening_state(desk: Desk) -> DeskState:
    """A desk before its first bar."""
    width = len(desk.symbols)
    return DeskState(
        paper=empty_state(width, desk.initial_balance),
        breakers=armed_breakers(desk.initial_balance),
        multiplier=np.ones(desk.traded),
        table=desk.learning.blank(len(desk.weights)),
        log=no_fills(width),
        cancelled=np.zeros(width, dtype=np.int64),
        charged=np.zeros(width),
        book=empty_book(width, desk.paths.currencies),
        tail=empty_tail(width, desk.limits),
        pace=unhurried(width, len(desk.weights), desk.limits.pace),
        proposals=no_proposals(width),
        verdicts=no_verdicts(width),
        decision=undecided(desk.traded),
        values=np.full((len(VALUE_FIELDS), width), np.nan),
    )
