"""What the journal records. Events are past tense; arrays are per instrument unless stated.

M instruments in the panel (the N traded ones first), A agents, K evidence rows in all.
Times are UTC nanoseconds of market time; wall time stands beside an event, never in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from market.bars import Floats
from market.conversion import Indices
from market.live_events import LIVE_EVENT_TYPES, LiveEvent, RulesTakenUp
from market.orders import Cancellation, Fill, OrderRequest
from market.record import Record
from market.seats import AgentSeated
from market.verdicts import RiskApproved, RiskRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    """Everything that the following events depend on.

    configuration: the effective configuration as JSON, without what only names folders.
    data, data_digest: description and SHA-256 of the bars. sources: digests of further inputs.
    versions: of the code and the libraries that compute.
    """

    session: str
    account_currency: str
    initial_balance: float
    symbols: tuple[str, ...]
    traded: int
    currencies: tuple[str, ...]
    interval_s: int
    has_extremes: bool
    first_time: int
    last_time: int
    bars: int
    data: str
    data_digest: str
    financing: str
    agents: tuple[AgentSeated, ...]
    configuration: str
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarSettled:
    """What a bar left: prices and the account after fills, exits and financing.

    units, mid, spread, rate: (M,). financing: (M,) of this bar. equity, cash, margin_used:
    account currency.
    """

    sequence: int
    time: int
    units: Floats
    mid: Floats
    spread: Floats
    rate: Floats
    financing: Floats
    equity: float
    cash: float
    margin_used: float


class OrderFilled(Record, frozen=True, kw_only=True):
    """A fill was booked. transaction: the broker's, 0 where it numbers none."""

    fill: Fill
    transaction: int = 0


class OrderCancelled(Record, frozen=True, kw_only=True):
    """An order, or the rest of one that was filled in part, ended without a fill.

    ending: cancelled, rejected, expired, replaced, or absent where it never left. transaction: the
    broker's, 0 where none tells of it.
    """

    cancellation: Cancellation
    ending: str = "cancelled"
    transaction: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTaken:
    """One decision: every ballot, the tally and what came of it.

    scores: (A, N). evidence: (K, N), the agents' rows one after the other. score, buy, sell,
    turnout, multiplier: (N,). outcome: (N,) codes of the tally. bound: (N,) the Limit that set
    the size wished for, also where it came to nothing; 0 where nothing was. approved, refused:
    the guardian's verdicts on the proposals.
    """

    sequence: int
    time: int
    scores: Floats
    evidence: Floats
    score: Floats
    buy: Floats
    sell: Floats
    turnout: Floats
    outcome: Indices
    multiplier: Floats
    bound: Indices
    approved: tuple[RiskApproved, ...]
    refused: tuple[RiskRefused, ...]


class OrderIntended(Record, frozen=True, kw_only=True):
    """An approved order was made durable; only then is it sent.

    group: of which one order may fill, empty for none. purpose: of an order that only closes, and
    how; see `market.order_life.Purpose`.
    """

    order: OrderRequest
    group: str = ""
    purpose: str = ""


class OrdersIntended(Record, frozen=True, kw_only=True):
    """Orders of one decision, made durable together; see `market.lots`."""

    each: tuple[OrderIntended, ...]


class OrdersFilled(Record, frozen=True, kw_only=True):
    """Fills that were booked one after the other, with nothing between them; see `market.lots`."""

    each: tuple[OrderFilled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAbstained:
    """An agent failed or broke its contract, and abstained for this decision."""

    sequence: int
    time: int
    agent: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationApplied:
    """The optimizer's answer took effect. weights: (N,) summing to 1; multiplier: (N,).

    requested: the sequence of the bar when it was asked for. approximation_ratio, uniform_gain,
    gap: of a quantum answer beside the classical one, NaN where unknown. fallback: why the method
    asked for did not answer, None when it did. repaired: how the covariance of the returns had to
    be made a valid one, None where it was. warm_starts: (W,) what the optimizer's next training
    begins with, rounded, as the optimizer lays it out; given back to it by `ResumeOptimizer`, it
    goes on with the same bits after a restart.
    """

    sequence: int
    time: int
    requested: int
    method: str
    proven_optimal: bool
    objective: float
    expected_return: float
    variance: float
    approximation_ratio: float
    uniform_gain: float
    gap: float
    weights: Floats
    multiplier: Floats
    fallback: str | None
    note: str
    repaired: str | None
    warm_starts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationMissed:
    """The optimizer was late, failed or was lost. in_force: what holds instead, and why."""

    sequence: int
    time: int
    reason: str
    in_force: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFitted:
    """What confidence has been worth took effect for sizes: a table of A agents, K equal bins.

    fitted: the sequence of the last bar learned from; learned_until: its time. probability,
    lower_bound: (A, K) of a gain, NaN while an agent has too few outcomes. payoff_ratio, loss: (A,)
    mean gain over mean loss; mean loss, of notional; NaN where none is known. calibrated: (A,) 1 or
    0. outcomes, effective: (A,) decisions learned from, and how many independent ones they are
    worth. foretold: (4, A, C) of the forecasts that came true or not since the last fit, in C equal
    classes of probability: how many, the sum of their probabilities, the gains, the sum of squared
    errors.
    """

    sequence: int
    time: int
    fitted: int
    learned_until: int
    probability: Floats
    lower_bound: Floats
    payoff_ratio: Floats
    loss: Floats
    calibrated: Indices
    outcomes: Indices
    effective: Floats
    foretold: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """Something that a person should know. level: info, warning, error or critical."""

    sequence: int
    time: int
    source: str
    level: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingHalted:
    """The guardian stopped new risk: which breaker, its limit and what was measured."""

    sequence: int
    time: int
    halt: str
    limit: float
    measured: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRearmed:
    """New risk is allowed again: by whom, after how many bars."""

    sequence: int
    time: int
    halt: str
    by: str
    after_bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """The last event: completed, interrupted, or failed with its reason."""

    sequence: int
    time: int
    outcome: str
    bars: int


def ruled(started: SessionStarted, rules: RulesTakenUp | None) -> SessionStarted:
    """A session by the rules that it was taken up with; None: by its first."""
    if rules is None:
        return started
    return replace(started, configuration=rules.configuration, agents=rules.agents)


Event = (
    SessionStarted
    | BarSettled
    | OrderFilled
    | OrderCancelled
    | DecisionTaken
    | OrderIntended
    | OrdersFilled
    | OrdersIntended
    | AgentAbstained
    | AllocationApplied
    | AllocationMissed
    | CalibrationFitted
    | AlertRaised
    | TradingHalted
    | TradingRearmed
    | SessionEnded
    | LiveEvent
)

REPLAY_EVENT_TYPES: tuple[type[Event], ...] = (
    SessionStarted,
    BarSettled,
    OrderFilled,
    OrderCancelled,
    DecisionTaken,
    OrderIntended,
    AgentAbstained,
    AllocationApplied,
    AllocationMissed,
    CalibrationFitted,
    AlertRaised,
    TradingHalted,
    TradingRearmed,
    SessionEnded,
)
EVENT_TYPES: tuple[type[Event], ...] = (
    *REPLAY_EVENT_TYPES,
    OrdersFilled,
    OrdersIntended,
    *LIVE_EVENT_TYPES,
)
