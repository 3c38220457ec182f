"""`SilenceWatch`: tells once that instruments fell silent, and once that they are back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infra.feeds.live.hours import SECOND_NS, TradingHours
from market.instruments import AssetClass, Instrument

OPENING_NS = 300 * SECOND_NS
"""The first quotes after an opening may be so late without being missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Instruments that fell silent, or are heard again, at one look.

    time: UTC nanoseconds of the look. began: since when the longest of them was silent.
    """

    time: int
    symbols: tuple[str, ...]
    began: int
    over: bool

    def __str__(self) -> str:
        seconds = (self.time - self.began) / SECOND_NS
        names = " ".join(self.symbols)
        if self.over:
            return f"prices again after {seconds:,.0f} s of silence: {names}"
        return f"no prices for {seconds:,.0f} s while the market is open: {names}"


class SilenceWatch:
    """Looks at when each instrument was quoted last.

    instruments: (M,). silent_after: (M,) nanoseconds. hours: by asset class; an instrument whose
    hours are not known is never reported, its price only ages. started: UTC nanoseconds of the
    market's clock; nothing is missed that would have come earlier.

    What is silent when its market closes is forgotten: the next session begins with a clean
    slate, and silence is counted from shortly after its opening. So is what its broker has closed,
    whatever the hours say: it is open again with its next quote.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        silent_after: NDArray[np.int64],
        hours: Mapping[AssetClass, TradingHours],
        started: int,
    ) -> None:
        self._symbols = tuple(one.symbol for one in instruments)
        self._limits = [int(limit) for limit in silent_after]
        self._classes = [one.asset_class for one in instruments]
        self._hours = hours
        self._started = started
        self._silent: dict[int, int] = {}

    def look(
        self, now: int, quoted_at: Sequence[int], closed: Collection[str] = ()
    ) -> tuple[Silence, ...]:
        """What changed since the last look: at most one report of each kind.

        quoted_at: (M,) UTC nanoseconds of the newest quotes; 0 where there was none. closed:
        instruments that the broker does not deal in now.
        """
        opened = {name: self._opened(hours, now) for name, hours in self._hours.items()}
        fell: dict[int, int] = {}
        returned: dict[int, int] = {}
        for column, last in enumerate(quoted_at):
            since = opened.get(self._classes[column])
            if since is None or self._symbols[column] in closed:
                self._silent.pop(column, None)
                continue
            began = max(last, since, self._started)
            if now - began > self._limits[column]:
                if column not in self._silent:
                    self._silent[column] = fell[column] = began
            elif column in self._silent:
                returned[column] = self._silent.pop(column)
        return tuple(
            Silence(
                time=now,
                symbols=tuple(self._symbols[column] for column in found),
                began=min(found.values()),
                over=over,
            )
            for found, over in ((fell, False), (returned, True))
            if found
        )

    @property
    def silent(self) -> tuple[str, ...]:
        """The instruments that are silent now."""
        return tuple(self._symbols[column] for column in sorted(self._silent))

    @staticmethod
    def _opened(hours: TradingHours, now: int) -> int | None:
        """From when on silence counts in the session of now; None while the market is closed."""
        session = hours.session_at(now)
        return None if session is None else session.opens + OPENING_NS
