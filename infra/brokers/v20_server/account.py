"""`V20Account`: one account of a paper exchange, in the words of v20."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.brokers.v20_server.terms import V20Terms
from market.bars import Bars
from market.quotes import Quote

Json = dict[str, Any]
Answer = tuple[int, Json]
"""HTTP status and body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twist:
    """What befalls the next order that is created. refuse: a TransactionRejectReason; cancel: an
    OrderCancelReason, told within the 201; share: of its units that fill at once, the rest is
    cancelled.
    """

    refuse: str = ""
    cancel: str = ""
    share: float = 1.0


class V20Account:
    """For one thread. Whatever a method answers was durable before; it raises FatalError once
    nothing can be written any more. Every time within a message is RFC 3339.
    """

    twist: Twist | None = None
    """Taken up, and removed, by the next order that is created."""

    # The market

    def take(self, quotes: Iterable[Quote], now: int) -> tuple[Quote, ...]:
        """Trade on every sound quote up to `now` (UTC ns); those are given back."""
        raise NotImplementedError

    def set_tradeable(self, symbol: str, tradeable: bool) -> None:
        """Halt an instrument, or take it up again."""
        raise NotImplementedError

    def close_out(self) -> None:
        """Close every position as a margin close-out does."""
        raise NotImplementedError

    @property
    def terms(self) -> V20Terms:
        raise NotImplementedError

    @property
    def symbols(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def clock(self) -> int:
        """The market's time, UTC ns."""
        raise NotImplementedError

    @property
    def last_transaction_id(self) -> int:
        raise NotImplementedError

    def transactions(self, after: int, most: int) -> list[Json]:
        """The next v20 transactions with an id above `after`, in order, at most so many."""
        raise NotImplementedError

    def price(self, symbol: str) -> Json | None:
        """A ClientPrice; None before the first quote. Raises UnknownInstrument."""
        raise NotImplementedError

    def prices(self, symbols: Sequence[str]) -> list[Json]:
        """Those that there are. Raises UnknownInstrument."""
        raise NotImplementedError

    def history(self, interval_s: int, bars: int) -> Bars:
        """The last closed bars, as the exchange keeps them."""
        raise NotImplementedError

    def save(self) -> None:
        """Make durable what quotes alone moved."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of the stores."""
        raise NotImplementedError

    # What REST asks: (status, body)

    def create_order(self, body: Json) -> Answer:
        raise NotImplementedError

    def replace_order(self, specifier: str, body: Json) -> Answer:
        raise NotImplementedError

    def cancel_order(self, specifier: str) -> Answer:
        raise NotImplementedError

    def close_position(self, symbol: str, body: Json) -> Answer:
        raise NotImplementedError

    def close_trade(self, specifier: str, body: Json) -> Answer:
        raise NotImplementedError

    def trade_orders(self, specifier: str, body: Json) -> Answer:
        raise NotImplementedError

    def account(self) -> Answer:
        raise NotImplementedError

    def summary(self) -> Answer:
        raise NotImplementedError

    def configure(self, body: Json) -> Answer:
        raise NotImplementedError

    def instruments(self, symbols: Sequence[str] = ()) -> Answer:
        raise NotImplementedError

    def positions(self, *, open_only: bool = False) -> Answer:
        raise NotImplementedError

    def trades(self, query: Mapping[str, str]) -> Answer:
        raise NotImplementedError

    def orders(self, query: Mapping[str, str]) -> Answer:
        raise NotImplementedError

    def order(self, specifier: str) -> Answer:
        raise NotImplementedError

    def changes(self, since: str) -> Answer:
        raise NotImplementedError
