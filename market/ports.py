"""The ports: what the desk asks of the world, small and by role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from market.accounts import AccountState, BrokerOrder, StreamUpdate, Transaction
from market.bar_window import BarSlice
from market.bars import Bars, Floats, Times
from market.events import Event
from market.messages import Settlement
from market.orders import OrderRequest
from market.quotes import Quote


class Feed(Protocol):
    """Where prices come from."""

    def load(self) -> Bars:
        """The whole checked panel. Raises DataError that names the source and the row."""
        ...

    @property
    def description(self) -> str:
        """Source, version and terms, for the record."""
        ...


class Interest(Protocol):
    """Interest rates by currency, as far as they had been published."""

    def on(self, times: Times, currencies: Sequence[str]) -> Floats:
        """(T, C) annual decimals at UTC nanoseconds; NaN where none is known."""
        ...

    @property
    def description(self) -> str: ...


class Broker(Protocol):
    """Where orders go."""

    def place(self, order: OrderRequest) -> None:
        """Take an order. Raises InvalidError where it can never be filled."""
        ...

    def settle(self, sequence: int, bar: BarSlice) -> Settlement:
        """Everything that a bar did to orders and positions."""
        ...

    def working(self) -> tuple[OrderRequest, ...]:
        """The orders that wait."""
        ...


class Clock(Protocol):
    """What time it is."""

    def now(self) -> int:
        """UTC nanoseconds. May step back only as far as the world's own clocks do."""
        ...


class OrdersUnderWay(Protocol):
    """Orders that were sent, and are answered later."""

    def fileno(self) -> int:
        """Readable once an answer may be there, for `select`; of no use where it is `ready`."""
        ...

    @property
    def ready(self) -> bool:
        """Whether `answers` would not wait: they are there, or their time is over."""
        ...

    def answers(self) -> tuple[BrokerOrder, ...]:
        """As `LiveBroker.place_all` answers, and raises; waits for that within its time-out."""
        ...


@runtime_checkable
class PostsOrders(Protocol):
    """A broker that takes orders without being waited for."""

    def post_all(self, orders: Sequence[OrderRequest]) -> OrdersUnderWay:
        """As `LiveBroker.place_all`, answered later; raises nothing itself. One at a time: what is
        asked next is asked after these, and answered after them.
        """
        ...


class LiveBroker(Protocol):
    """An account that lives on without us: what a gateway asks of it.

    Every call ends within the adapter's time-out. Calls raise TransientError where nothing was
    done, InvalidError where the broker refused, OutcomeUnknown where no answer came: whether it
    was done must then be looked up with `find`, never guessed.
    """

    def place(self, order: OrderRequest) -> BrokerOrder:
        """Send an order with its bracket; its `entry` says when it fills, and until when it waits.
        The same client order id is never placed twice: a repetition answers with the order that
        is there.
        """
        ...

    def place_all(self, orders: Sequence[OrderRequest]) -> tuple[BrokerOrder, ...]:
        """Send several, in order; one that the broker refuses is answered REJECTED."""
        ...

    def find(self, client_order_id: str) -> BrokerOrder | None:
        """The order under this id; None where the broker never had it."""
        ...

    def working(self) -> tuple[BrokerOrder, ...]:
        """The orders that wait."""
        ...

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel an order that waits; of one that has ended, its end."""
        ...

    def replace(self, client_order_id: str, order: OrderRequest) -> BrokerOrder:
        """Put an order in the place of one that waits, in one step; of one that has ended, its end
        and nothing is placed. Done before, it answers with the order that was placed.
        """
        ...

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder | None:
        """Close the whole position at the market under this id; None where there is none."""
        ...

    def reduce(self, symbol: str, units: float, client_order_id: str) -> BrokerOrder | None:
        """Close so many units of what is held at the market under this id, and never more than is
        held then; None where nothing is. units: positive, whichever side is held.
        """
        ...

    def protect(
        self,
        symbol: str,
        *,
        stop_price: float | None = None,
        take_profit_price: float | None = None,
        trailing: float | None = None,
    ) -> None:
        """Change what protects the position; None leaves an exit as it is, NaN takes it away.

        trailing: distance that the stop keeps from the best price from now on. Raises InvalidError,
        and changes nothing, where nothing is held and for an exit that would close the position
        now. Asked again it does no harm; after OutcomeUnknown that is how to be sure.
        """
        ...

    def account(self) -> AccountState:
        """The account now."""
        ...

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        """Every transaction with an id above `after`, in order, up to the first that cannot be
        read. Raises DataError where that is the first of all.
        """
        ...

    def history(self, interval_s: int, bars: int) -> Bars:
        """The last closed bars of the desk's instruments, at most so many, newest last."""
        ...

    def subscribe(self, after: int) -> BrokerStream:
        """Prices from now on, and every transaction with an id above `after`."""
        ...


class BrokerStream(Protocol):
    """Prices and transactions as they come; conflated where the reader is slow."""

    def fileno(self) -> int:
        """Readable once something came, for `select`."""
        ...

    def take(self) -> StreamUpdate:
        """What came since the last call, without waiting; an instrument's quotes in order of time.

        Raises StreamLost at its end.
        """
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class PriceSource(Protocol):
    """Where a paper exchange has its prices from, on its own clock."""

    @property
    def description(self) -> str:
        """Source, version and terms, for the record."""
        ...

    def history(self, symbols: Sequence[str], interval_s: int, bars: int) -> Bars:
        """The last bars that had closed by the time up to which quotes were given, at most so many,
        newest last; before any was, those that lie before the first.
        """
        ...

    def now(self) -> int:
        """The source's clock, UTC nanoseconds: what it is at this moment of real time."""
        ...

    def quotes(self, until: int) -> tuple[Quote, ...]:
        """The next quotes up to and including that time, in the order of their times."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no quote will come any more."""
        ...


class Journal(Protocol):
    """What happened, in order and for good."""

    @property
    def digest(self) -> str:
        """Hash of the newest event; it stands for the whole chain."""
        ...

    def __len__(self) -> int: ...

    def append(self, event: Event) -> None:
        """Record an event. Raises JournalUnwritable."""
        ...

    def append_all(self, events: Iterable[Event]) -> None:
        """Record several events, in order. Raises JournalUnwritable."""
        ...

    def commit(self, *, now: bool = True) -> None:
        """Make what was recorded durable. Raises JournalUnwritable."""
        ...

    def close(self) -> None:
        """Commit and let go."""
        ...
