"""What the journal of a desk records beside the events of a replay while it trades live.

Times are UTC nanoseconds of the market's clock; wall time stands beside an event, never in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from market.bars import Floats
from market.conversion import Indices
from market.record import Record
from market.seats import AgentSeated


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingOpened:
    """A gateway took up the desk's trading: the first time, or again after it was down.

    history_*: the closed bars (T, M) that the agents are primed with, empty after the first
    opening. last_transaction: the newest of the broker that the journal holds. prices: real,
    recorded or synthetic, at so many times real time (speed); older journals do not say.
    """

    time: int
    broker: str
    last_transaction: int
    versions: tuple[tuple[str, str], ...]
    history_time: Indices
    history_values: Floats
    prices: str = ""
    speed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesTakenUp:
    """The desk was taken up again by other rules than were last on record, and goes on by these.

    sequence: the newest bar then, -1 before any. configuration, agents: as of `SessionStarted`.
    remembered: how many bars the desk had in mind, which may be fewer than the rules look back on;
    0 where nobody noted it.
    """

    sequence: int
    time: int
    configuration: str
    agents: tuple[AgentSeated, ...]
    remembered: int = 0


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
class AccountSeen:
    """What a decision on a bar saw of the account beside `BarSettled`; arrays (M,).

    stop_price: where the broker's stops stood, NaN where none protects. age: bars since the last
    price. filled: fills since the last bar, counted; empty where an older version wrote it.
    """

    sequence: int
    time: int
    stop_price: Floats
    age: Floats
    filled: Floats = field(default_factory=lambda: np.empty(0))


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
class RiskAssessed:
    """How much risk the book carried after a decision, measured beside the path.

    score: 0 to 100; nearest, used: the limit that sets it and the part of it that is used, NaN
    unknown; bound: what set that limit, empty where it is not on record. daily_var,
    expected_shortfall: of a day at 95 %, normal, account currency. stress: (5,) losses in the order
    of `Stress`. alerts: level and code, the gravest first. reductions: symbol
    and signed units of the orders that would bring every limit inside. failure: why nothing could
    be measured; empty otherwise.
    """

    sequence: int
    time: int
    score: float
    nearest: str
    used: float
    leverage: float
    daily_var: float
    expected_shortfall: float
    stress: Floats
    alerts: tuple[tuple[str, str], ...]
    reductions: tuple[tuple[str, float], ...]
    failure: str
    bound: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastMade:
    """What a decision foretold, whose outcome the desk will learn from (`CalibrationFitted`).

    Recorded with the decision where stakes are Kelly's, traded or not. side: (N,) +1, -1, or 0
    without a decision. confidence: (N,) |score|. leader: (N,) who carried it, a row of the scores,
    -1 nobody. probability: (N,) of a gain by the table in force, NaN where it has none.
    """

    sequence: int
    time: int
    side: Floats
    confidence: Floats
    leader: Indices
    probability: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTripped:
    """A breaker of the gateway tripped, or its limit was reached anew while it was tripped.

    measured: NaN where it could not be measured. action: BLOCK, CANCEL or FLATTEN. repeats: how
    often it was reached anew.
    """

    time: int
    breaker: str
    measured: float
    limit: float
    action: str
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerReset:
    """A breaker is armed again. by: a person, or cool-down. equity: of the account then, account
    currency; NaN where it is not known.
    """

    time: int
    breaker: str
    by: str
    reason: str
    equity: float = float("nan")


class OrderAccepted(Record, frozen=True, kw_only=True):
    """The broker has the order. transaction: its id there."""

    client_order_id: str
    time: int
    transaction: int


class OrdersAccepted(Record, frozen=True, kw_only=True):
    """The broker has these orders: it was asked for them, and answered, together; see
    `market.lots`.

    client_order_ids, transactions: side by side.
    """

    time: int
    client_order_ids: tuple[str, ...]
    transactions: tuple[int, ...]

    @classmethod
    def of(cls, orders: Sequence[OrderAccepted]) -> OrdersAccepted:
        """Orders that were accepted at one time."""
        return cls(
            time=orders[0].time,
            client_order_ids=tuple([one.client_order_id for one in orders]),
            transactions=tuple([one.transaction for one in orders]),
        )

    @property
    def each(self) -> tuple[OrderAccepted, ...]:
        """The same, one by one."""
        told = zip(self.client_order_ids, self.transactions, strict=True)
        return tuple(
            OrderAccepted(client_order_id=name, time=self.time, transaction=number)
            for name, number in told
        )


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
    """Financing, a transfer, what moved beside a fill, or what a stranger's fill moved in another
    instrument than the desk's. amount: account currency, signed.

    reason: the kind of the transaction. symbol: empty where it is of no instrument.
    """

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
class StageChanged:
    """The desk stands at another capital stage, or begins its evidence anew at the same.

    sequence: the first bar that is decided on at it; the decision on the bar before may be recorded
    later, and was taken at the stage before. evidence: figures by name that were shown when a
    person moved it up.
    """

    sequence: int
    time: int
    stage: str
    by: str
    reason: str
    evidence: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOverridden:
    """A person moved a limit for a while. limit: as the configuration names it.

    sequence: the first bar that is decided on with it. until: from this market time on it is over,
    whether or not that is on record.
    """

    sequence: int
    time: int
    limit: str
    value: float
    until: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideEnded:
    """A limit is as configured again. sequence: the first bar that is decided on so.

    by: a person, or expiry.
    """

    sequence: int
    time: int
    limit: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReweighted:
    """An agent weighs differently; at 0 it is a shadow, which votes but is not counted.

    sequence: the first bar that is decided on so, which may have closed before; None where nobody
    noted it, and it is the first that closes after.
    """

    time: int
    agent: str
    weight: float
    by: str
    reason: str
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentJoined:
    """An agent took a seat while the desk ran. sequence: as of `AgentReweighted`."""

    time: int
    agent: str
    by: str
    reason: str
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLeft:
    """An agent gave up its seat while the desk ran. sequence: as of `AgentReweighted`."""

    time: int
    agent: str
    by: str
    reason: str
    sequence: int | None = None


SeatsChange = AgentReweighted | AgentJoined | AgentLeft

LiveEvent = (
    TradingOpened
    | RulesTakenUp
    | CoordinatorAttached
    | BarClosed
    | AccountSeen
    | BreakersMoved
    | RiskAssessed
    | ForecastMade
    | BreakerTripped
    | BreakerReset
    | OrderAccepted
    | OrdersAccepted
    | OrderUnknown
    | OrderResolved
    | TransactionsBooked
    | CashMoved
    | MismatchFound
    | ModeChanged
    | StageChanged
    | LimitOverridden
    | OverrideEnded
    | AgentReweighted
    | AgentJoined
    | AgentLeft
)

LIVE_EVENT_TYPES: tuple[type[LiveEvent], ...] = (
    TradingOpened,
    RulesTakenUp,
    CoordinatorAttached,
    BarClosed,
    AccountSeen,
    BreakersMoved,
    RiskAssessed,
    ForecastMade,
    BreakerTripped,
    BreakerReset,
    OrderAccepted,
    OrdersAccepted,
    OrderUnknown,
    OrderResolved,
    TransactionsBooked,
    CashMoved,
    MismatchFound,
    ModeChanged,
    StageChanged,
    LimitOverridden,
    OverrideEnded,
    AgentReweighted,
    AgentJoined,
    AgentLeft,
)
