"""What a broker says of an account: orders, transactions, and the state that they left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from market.bars import Floats
from market.orders import Fill
from market.quotes import Quote
from market.record import Record


class OrderState(StrEnum):
    """Where an order is in its life at the broker.

    Two say what became of a request, not of an order. UNKNOWN: it was sent and not answered, so
    that the order must be looked up. NOT_SENT: it never left, and the broker has no such order.
    """

    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REPLACED = "replaced"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


class BrokerOrder(Record, frozen=True, kw_only=True):
    """An order as the broker knows it.

    transaction: the id of the transaction that made its state; 0 where none will tell of it, as of
    an order that was refused before it was recorded. reason: why it, or the rest of it,
    ended without a fill, empty where it did not. filled: signed units that were. replaced_by: the
    client order id of the order in its place, of REPLACED.
    """

    client_order_id: str
    symbol: str
    units: float
    state: OrderState
    transaction: int
    reason: str = ""
    filled: float = 0.0
    replaced_by: str = ""


class TransactionKind(StrEnum):
    """What a transaction did to the account.

    NOTED: nothing that a desk keeps account of. STRANGER: it filled an order in an instrument that
    is not the desk's, so that somebody else trades the account.
    """

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FILLED = "filled"
    CANCELLED = "cancelled"
    FINANCING = "financing"
    TRANSFER = "transfer"
    EXPIRED = "expired"
    REPLACED = "replaced"
    NOTED = "noted"
    STRANGER = "stranger"


MARGIN_CALL = "MARGIN_CALL"
"""How the reason of a NOTED begins that tells of a margin call: _ENTER and _EXTEND while it lasts,
_EXIT once it is over."""


class HeldExits(Record, frozen=True, kw_only=True):
    """What protects a position: prices, and the distance of a trailing stop; NaN for none."""

    stop_price: float
    take_profit_price: float
    trailing: float


class Transaction(Record, frozen=True, kw_only=True):
    """One thing that happened to the account; the broker numbers them without gaps from 1.

    fill: of FILLED; an exit (stop, take profit, close-out) fills under the id of the order that
    opened the position. amount: account currency, signed: of FINANCING and TRANSFER what was paid;
    of STRANGER what the fill moved, 0 where it only opened; of FILLED what moved beside the fill's
    `realised`, as financing, commission and fees; else 0.
    parts: of FINANCING that is paid on several positions at once, the amount by instrument; what
    they leave of `amount` belongs to none. reason: of CANCELLED, REJECTED and EXPIRED; of REPLACED
    the client order id of the order in its place; of NOTED what it was. exits: of NOTED that
    changed them, what protects the position from then on.
    """

    id: int
    time: int
    kind: TransactionKind
    client_order_id: str
    symbol: str
    fill: Fill | None = None
    amount: float = 0.0
    reason: str = ""
    parts: tuple[tuple[str, float], ...] = ()
    exits: HeldExits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """The account after its transaction `last_transaction`; arrays (M,) in the desk's order.

    units: signed. average_price: NaN where flat. working: signed units of the orders that wait.
    stop_price: NaN where no stop protects. Money in account currency, equity at closing prices.
    """

    last_transaction: int
    units: Floats
    average_price: Floats
    working: Floats
    stop_price: Floats
    cash: float
    equity: float
    margin_used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUpdate:
    """What a broker's stream brought: any of prices and transactions.

    time: the broker's clock, UTC nanoseconds; a heartbeat brings nothing else. skipped: quotes
    that newer ones replaced before they could be sent. closed: instruments that the broker does not
    deal in from here on, after these quotes, until it quotes them again. missed: what it quoted
    before these may have been lost for good, as while a stream of prices was away.
    """

    time: int
    quotes: tuple[Quote, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    skipped: int = 0
    closed: tuple[str, ...] = ()
    missed: bool = False
