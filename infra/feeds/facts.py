"""`SourceFacts`: what is known about the origin of a panel, for the record of a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from market.bars import Bars, utc


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """Where prices come from and what was done to them on the way in.

    name, version: the source and its release. terms: the licence or terms of use.
    rows: T. first, last: UTC end of the first and of the last bar.
    interval_s: nominal seconds of a bar. symbols: the instruments, in column order.
    notes: sentences on conventions, and a count of everything that was left out.
    """

    name: str
    version: str
    terms: str
    rows: int
    first: datetime
    last: datetime
    interval_s: int
    symbols: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.name}, {self.version}: {self.rows:,} rows of {' '.join(self.symbols)}, every "
            f"{self.interval_s:,} s, {self.first:%Y-%m-%d %H:%M} to "
            f"{self.last:%Y-%m-%d %H:%M} UTC. Terms: {self.terms}. " + " ".join(self.notes)
        )


def facts_of(
    bars: Bars, *, name: str, version: str, terms: str, notes: tuple[str, ...]
) -> SourceFacts:
    """The facts of a panel that has at least one row."""
    return SourceFacts(
        name=name,
        version=version,
        terms=terms,
        rows=len(bars),
        first=utc(bars.time[0]),
        last=utc(bars.time[-1]),
        interval_s=bars.interval_s,
        symbols=bars.symbols,
        notes=notes,
    )
