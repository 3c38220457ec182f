"""What a gateway asks of streams and prices: how old they are, the board of bars, the watch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

from market.bar_window import BarSlice
from market.marks import Marks
from market.quotes import Quote


@runtime_checkable
class Watched(Protocol):
    """A stream that is readable also while its broker is silent, and knows for how long it was."""

    @property
    def heard_s(self) -> float:
        """Real seconds since the broker was last heard, heartbeats included; infinite before."""
        ...


@runtime_checkable
class HealthTold(Protocol):
    """A stream that tells how its connection is."""

    def health(self) -> object:
        """A dataclass of plain values, for people."""
        ...


class Board(Protocol):
    """Where quotes are conflated and bars built (`infra.feeds.live`)."""

    def put(self, quote: Quote, now: int | None = None) -> None: ...

    def close(self, symbol: str) -> None:
        """The broker does not deal in an instrument until it is quoted again: its age is infinite
        until then.
        """
        ...

    @property
    def closed(self) -> Collection[str]:
        """The instruments that the broker has closed."""
        ...

    def close_due(self, now: int) -> Sequence[BarSlice]: ...

    def mark(self, marks: Marks, now: int) -> None:
        """Write mids, spreads and ages in bars (M,) into the marks."""
        ...

    def quoted_at(self) -> Sequence[int]:
        """(M,) UTC nanoseconds of the newest quotes; 0 where there was none."""
        ...

    @property
    def dropped(self) -> Mapping[str, int]:
        """Quotes that were no price, or no news, by reason; only reasons that there were."""
        ...

    def take_skipped(self) -> int:
        """Quotes that newer ones replaced since the last call."""
        ...


class Silence(Protocol):
    """Tells once that instruments fell silent in open hours, and once that they are back."""

    def look(
        self, now: int, quoted_at: Sequence[int], closed: Collection[str] = ()
    ) -> Sequence[object]:
        """closed: instruments that the broker has closed: nothing is missed of them."""
        ...

    @property
    def silent(self) -> Sequence[str]:
        """The instruments that are silent now."""
        ...
