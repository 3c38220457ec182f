"""What the journal records. Events are past tense; arrays are per instrument unless stated.

M instruments in the panel (the N traded ones first), A agents, K evidence rows in all.
Times are UTC nanoseconds of market time; wall time stands beside an event, never in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from market.bars import Floats
from market.conversion import Indices
from market.orders import Cancellation, Fill, OrderRequest
from market.verdicts import RiskApproved, RiskRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSeated:
    """A member of the committee: its weight, lookback and the names of its evidence rows."""

    name: str
    weight: float
    lookback: int
    evidence: tuple[str, ...]
    source: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled:
    """A fill was booked."""

    fill: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled:
    """An order, or the rest of one that was filled in part, ended without a fill."""

    cancellation: Cancellation


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntended:
    """An approved order was made durable; only then is it sent."""

    order: OrderRequest


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingOpened:
    """A gateway took up the desk's trading: the first time, or again after it was down.

    history_*: the closed bars (T, M) that the agents are primed with, empty after the first
    opening. last_transaction: the newest of the broker that the journal holds.
    """

    time: int
    broker: str
    last_transaction: int
    versions: tuple[tuple[str, str], ...]
    history_time: Indices
    history_values: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorAttached:
    """A coordinator took its place; every older epoch is fenced from here on."""

    time: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BarClosed:
    """The bar that a decision saw. values: (6, M) open, high, low, close, spread, volume.

    skipped: quotes since the last bar that newer ones replaced before anyone looked.
    """

    sequence: int
    time: int
    values: Floats
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakersMoved:
    """What the guardian's breakers remember, as it lays it out; given back to it after a restart,
    it goes on with the same bits. halt: the halt in force, NONE without one.
    """

    sequence: int
    time: int
    memory: Floats
    halt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """The broker has the order. transaction: its id there."""

    client_order_id: str
    time: int
    transaction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown:
    """An order was sent, or may have been, and no answer came: nothing new in its instrument
    until it is looked up.
    """

    client_order_id: str
    time: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResolved:
    """An unknown order was looked up. found: its state at the broker, ABSENT when it never came."""

    client_order_id: str
    time: int
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsBooked:
    """Everything up to this transaction of the broker stands in the journal."""

    time: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMoved:
    """Financing or a transfer. amount: account currency, signed."""

    time: int
    transaction: int
    symbol: str
    amount: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MismatchFound:
    """The desk's books are not the broker's: what, here and there. New risk is halted."""

    time: int
    what: str
    desk: float
    broker: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged:
    """A person or a breaker changed what the desk may do.

    mode: TRADING, HALTED (no new risk), FLATTENING (close everything), STOPPED (settled, closed).
    """

    time: int
    mode: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReweighted:
    """An agent weighs differently; at 0 it is a shadow, which votes but is not counted."""

    time: int
    agent: str
    weight: float
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentJoined:
    """An agent took a seat while the desk ran."""

    time: int
    seated: AgentSeated
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLeft:
    """An agent gave up its seat while the desk ran."""

    time: int
    agent: str
    by: str
    reason: str


Event = (
    SessionStarted
    | BarSettled
    | OrderFilled
    | OrderCancelled
    | DecisionTaken
    | OrderIntended
    | AgentAbstained
    | AllocationApplied
    | AllocationMissed
    | AlertRaised
    | TradingHalted
    | TradingRearmed
    | SessionEnded
    | TradingOpened
    | CoordinatorAttached
    | BarClosed
    | BreakersMoved
    | OrderAccepted
    | OrderUnknown
    | OrderResolved
    | TransactionsBooked
    | CashMoved
    | MismatchFound
    | ModeChanged
    | AgentReweighted
    | AgentJoined
    | AgentLeft
)

EVENT_TYPES: tuple[type[Event], ...] = (
    SessionStarted,
    BarSettled,
    OrderFilled,
    OrderCancelled,
    DecisionTaken,
    OrderIntended,
    AgentAbstained,
    AllocationApplied,
    AllocationMissed,
    AlertRaised,
    TradingHalted,
    TradingRearmed,
    SessionEnded,
    TradingOpened,
    CoordinatorAttached,
    BarClosed,
    BreakersMoved,
    OrderAccepted,
    OrderUnknown,
    OrderResolved,
    TransactionsBooked,
    CashMoved,
    MismatchFound,
    ModeChanged,
    AgentReweighted,
    AgentJoined,
    AgentLeft,
)
