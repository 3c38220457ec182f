"""What passes over the lines between the coordinator and the members of the desk."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import msgspec
import numpy as np

from market.account_shown import AccountShown, Proposed
from market.bar_window import BarSlice
from market.bars import Bars, Floats
from market.conversion import Indices
from market.events import Event
from market.orders import Cancellation, Fill
from market.record import Record
from market.sent import sent, sent_with_arrays
from market.verdicts import RiskApproved, RiskRefused, SignedApprovals


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimeWith:
    """To an agent: forget what you hold and take this history; nothing is voted on."""

    sequence: int
    history: Bars


@sent
@dataclass(frozen=True, slots=True, kw_only=True)
class VoteOn:
    """To an agent: here is the next bar, vote."""

    sequence: int
    bar: BarSlice


@sent_with_arrays
@dataclass(frozen=True, slots=True, kw_only=True)
class BallotCast:
    """An agent's vote on one bar. layers: (1 + K, N), the score and its K rows of evidence, in one
    array because each is sent by itself. failure: why it abstains.
    """

    sequence: int
    layers: Floats
    failure: str | None = None

    @property
    def score(self) -> Floats:
        """(N,)."""
        score: Floats = self.layers[0]
        return score

    @property
    def evidence(self) -> Floats:
        """(K, N)."""
        return self.layers[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleBar:
    """To the gateway: a bar has ended; fill, trigger, mark."""

    sequence: int
    bar: BarSlice


@sent_with_arrays
@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a bar did to the account; arrays (M,).

    working: signed units of the orders that wait. stop_price: NaN where no stop protects. age: bars
    since the last price, inf where there is none to trade at. filled: fills that no review has been
    told of, counted: those of this bar, and of bars before that were not reviewed. Money in account
    currency; financing: (M,) of this bar.
    """

    sequence: int
    fills: tuple[Fill, ...]
    cancellations: tuple[Cancellation, ...]
    units: Floats
    working: Floats
    stop_price: Floats
    mid: Floats
    spread: Floats
    rate: Floats
    age: Floats
    filled: Floats
    financing: Floats
    cash: float
    equity: float
    margin_used: float


@sent_with_arrays
@dataclass(frozen=True, slots=True, kw_only=True)
class RiskContext(AccountShown):
    """To the guardian: the account and the proposals to it, as one frozen value."""

    order_units: Floats
    score: Floats
    stop_distance: Floats
    take_profit_distance: Floats
    trailing_distance: Floats
    bound: Indices
    group: Indices

    @classmethod
    def of(cls, account: AccountShown, proposed: Proposed) -> RiskContext:
        """Both together."""
        return cls(**{one.name: getattr(part, one.name)
                      for part in (proposed, account) for one in fields(part)})  # fmt: skip


class Reviewed(Record, frozen=True, kw_only=True):
    """The guardian's answer: verdicts in the order of the review, signed, and what it noticed.

    memory, halt: what its breakers remember, and the halt in force.
    """

    sequence: int
    signed: SignedApprovals
    refused: tuple[RiskRefused, ...]
    notices: tuple[Event, ...]
    memory: Floats = msgspec.field(default_factory=lambda: np.empty(0))
    halt: str = "NONE"

    def __reduce__(self) -> tuple[Any, ...]:
        """Its verdicts as one piece: pickled one by one, they take several times as long."""
        verdicts = _encode((self.signed, self.refused))
        memory = bytearray(np.asarray(self.memory, dtype=np.float64).tobytes())
        return _reviewed, (self.sequence, verdicts, self.notices, memory, self.halt)

    @property
    def approved(self) -> tuple[RiskApproved, ...]:
        """The approved orders."""
        return self.signed.approved


_encode = msgspec.msgpack.Encoder().encode
_verdicts_of = msgspec.msgpack.Decoder(tuple[SignedApprovals, tuple[RiskRefused, ...]]).decode


def _reviewed(
    sequence: int, verdicts: bytes, notices: tuple[Event, ...], memory: bytearray, halt: str
) -> Reviewed:
    signed, refused = _verdicts_of(verdicts)
    return Reviewed(
        sequence=sequence,
        signed=signed,
        refused=refused,
        notices=notices,
        memory=np.frombuffer(memory),
        halt=halt,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearm:
    """To the guardian: allow new risk again. by: who says so. stage: as of `RiskContext`."""

    sequence: int
    time: int
    by: str
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """To the gateway: record this decision and dispatch what the guardian approved."""

    sequence: int
    time: int
    records: tuple[Event, ...]
    signed: SignedApprovals | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """The gateway's answer: the ids of the orders now working; how many events it holds."""

    sequence: int
    working: tuple[str, ...]
    recorded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseJournal:
    """To the gateway: nothing more comes; make everything durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalClosed:
    """The chain's last hash and its length."""

    digest: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocate:
    """To the optimizer: strategy returns (T, N) of the last bars, oldest first."""

    sequence: int
    strategy_returns: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """The optimizer's answer.

    weights: (N,) summing to 1 over the instruments it could judge, 0 elsewhere. multiplier: (N,)
    for sizing, 1 is neutral. approximation_ratio, uniform_gain, gap: what a quantum answer is worth
    beside the classical one, NaN where unknown. fallback: why the method asked for did not
    answer. note: warnings, among them repaired: how the covariance of the returns had to be made
    a valid one, None where it was. warm_starts: (W,) what its next training begins with, for
    `ResumeOptimizer`.
    """

    sequence: int
    weights: Floats
    multiplier: Floats
    method: str
    proven_optimal: bool
    objective: float
    expected_return: float
    variance: float
    approximation_ratio: float
    uniform_gain: float
    gap: float
    fallback: str | None
    note: str
    repaired: str | None
    warm_starts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptimizer:
    """To the optimizer: go on from the warm starts of the last `AllocationApplied`."""

    warm_starts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerResumed:
    """The optimizer's answer: how many warm starts it took over."""

    circuits: int
