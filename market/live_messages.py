"""What passes between the gateway, the coordinator and people while a desk trades live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from market.bar_window import BarSlice
from market.bars import Floats
from market.desk_snapshot import DeskSnapshot
from market.events import (
    AgentAbstained,
    AlertRaised,
    AllocationApplied,
    AllocationMissed,
    CalibrationFitted,
    DecisionTaken,
    Event,
    TradingHalted,
    TradingRearmed,
)
from market.live_events import BreakersMoved, ForecastMade, RiskAssessed
from market.messages import Settlement
from market.overrides import Override
from market.sent import sent
from market.verdicts import SignedApprovals


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """To the gateway: a coordinator is here. session: whose desk it believes to be.

    born: ns since the machine started at which its process began; one that is older than the one at
    work is refused, so that two never take turns. run: at which start of the desk it was started;
    one of another start has other keys.
    """

    session: str
    born: int
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """The gateway's answer: the epoch that the coordinator must name from now on, and the desk."""

    epoch: int
    desk: DeskSnapshot


@sent
@dataclass(frozen=True, slots=True, kw_only=True)
class BarReady:
    """To the coordinator: a bar has closed; decide.

    bar: all M instruments. missed: bars that closed since the one before while nobody decided,
    oldest first. settlement: the account now; of the time since the last bar it holds the financing
    alone. mode, stage, overrides: of the desk.
    """

    sequence: int
    bar: BarSlice
    missed: tuple[BarSlice, ...]
    settlement: Settlement
    mode: str
    stage: str
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """To the coordinator: prices moved between two bars. equity: account currency. stage: of the
    desk.
    """

    sequence: int
    time: int
    equity: float
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEquity:
    """To the guardian: the account between two bars; nothing is proposed. stage: of the desk."""

    sequence: int
    time: int
    equity: float
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityWatched:
    """The guardian's answer: what it noticed, what its breakers remember, the halt in force."""

    sequence: int
    notices: tuple[Event, ...]
    memory: Floats
    halt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessRisk:
    """To the guardian, after a decision went out: measure the book; it answers `RiskAssessed`.

    units, mid, spread, rate, stop_price: (N,) of the traded instruments. returns: (T, N) of their
    bars, oldest first, NaN where a price is missing. stage, overrides: as of `RiskContext`; what
    holds is what the book is measured against.
    """

    sequence: int
    time: int
    equity: float
    units: Floats
    mid: Floats
    spread: Floats
    rate: Floats
    stop_price: Floats
    returns: Floats
    stage: str = ""
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeGuardian:
    """To the guardian: go on from what its breakers remembered (`BreakersMoved.memory`)."""

    memory: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianResumed:
    """The guardian's answer: the halt in force."""

    halt: str


COMMITTEE_EVENTS: frozenset[type[Event]] = frozenset(
    {
        AgentAbstained,
        AlertRaised,
        AllocationApplied,
        AllocationMissed,
        BreakersMoved,
        CalibrationFitted,
        DecisionTaken,
        ForecastMade,
        RiskAssessed,
        TradingHalted,
        TradingRearmed,
    }
)
"""What a committee may say: how it decided. Modes, stages, money and orders are not its to tell."""


@sent
@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """To the gateway: record this decision and dispatch what the guardian approved.

    sequence: of the bar, of the newest bar where no bar was decided on. records: each one of
    COMMITTEE_EVENTS. health: how the members are, for people; it is not recorded.
    """

    epoch: int
    sequence: int
    time: int
    records: tuple[Event, ...]
    signed: SignedApprovals | None
    health: Mapping[str, Any] = field(default_factory=dict)


@sent
@dataclass(frozen=True, slots=True, kw_only=True)
class MembersTold:
    """To the gateway, unasked: a member is on the line, or is not any more. health: as of
    `Decided`.
    """

    health: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """The gateway's answer, once the decision is recorded and its orders are sent.

    unsent: orders that were approved and not sent, with the reason.
    """

    sequence: int
    sent: int
    unsent: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeChanged:
    """To the coordinator: who sits and what each weighs, from now on."""

    weights: Mapping[str, float]
    seated: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RearmAsked:
    """To the coordinator: a person allows new risk again; end the guardian's drawdown halt.

    equity: of the account now, account currency. stage: of the desk.
    """

    by: str
    equity: float
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """From a person to the gateway. name: status, halt, resume, flatten, stop, seat, unseat, weigh,
    promote, demote, emergency_stop, override, end_override.

    agent, weight: of seat, unseat and weigh. stage: of demote; empty: the next one down.
    limit, value, for_s: of override, the time in seconds of the market; limit of end_override too.
    """

    name: str
    by: str = ""
    reason: str = ""
    agent: str = ""
    weight: float = 0.0
    stage: str = ""
    limit: str = ""
    value: float = 0.0
    for_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswered:
    """The gateway's answer. refused: why nothing was done, empty where it was."""

    refused: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
