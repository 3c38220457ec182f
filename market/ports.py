"""The ports: what the desk asks of the world, small and by role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from market.bar_window import BarSlice
from market.bars import Bars, Floats, Times
from market.events import Event
from market.messages import Settlement
from market.orders import OrderRequest


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

    def commit(self, *, now: bool = True) -> None:
        """Make what was recorded durable. Raises JournalUnwritable."""
        ...

    def close(self) -> None:
        """Commit and let go."""
        ...
