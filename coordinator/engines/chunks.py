"""A long panel in chunks of rows that fit a cache, with what the kernel needs computed on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agents.guardian.volatility import bar_volatility
from coordinator.desk import Desk
from coordinator.engines.arrays import PanelRows
from coordinator.engines.committee import CommitteeRows, PanelCommittee
from infra.brokers.paper.rollovers import nights_before
from market.bars import Bars, Floats
from market.ports import Interest

CHUNK_VALUES = 131_072
"""Instrument-bars of a chunk, about: its arrays stay in the second-level cache or near it."""
FEWEST_ROWS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Rows `lead` up to `len(panel.time)` of a panel are to be decided on.

    row: of the whole panel, where the first of them lies. Those before only serve windows.
    """

    row: int
    lead: int
    panel: PanelRows
    committee: CommitteeRows


def chunk_rows(width: int) -> int:
    """Rows of a chunk of `width` instruments."""
    return max(CHUNK_VALUES // max(width, 1), FEWEST_ROWS)


class PanelChunks:
    """Cuts bars (T, M) into chunks. first: the first row to decide on. currencies: of `interest`.
    rows: of a chunk; by default as many as fit a cache.

    The arrays of a chunk are overwritten by the next.
    """

    def __init__(
        self,
        bars: Bars,
        desk: Desk,
        *,
        first: int,
        currencies: tuple[str, ...],
        interest: Interest | None,
        rows: int | None = None,
    ) -> None:
        self._bars = bars
        self._desk = desk
        self._first = first
        self._currencies = currencies
        self._interest = interest
        self._nights = np.zeros(0) if interest is None else nights_before(bars.time[first:])
        self.rows = min(rows or chunk_rows(len(desk.symbols)), len(bars) - first)
        size, traded = self.most_rows, desk.traded
        self._scores = np.full((size, len(desk.weights), traded), np.nan)
        self._sigma = np.full((size, traded), np.nan)
        self._returns = np.full((size, traded), np.nan)
        self._no_nights = np.zeros(size)
        self._no_interest = np.zeros((size, len(currencies)))

    @property
    def most_rows(self) -> int:
        """Rows of the longest chunk, its lead included."""
        return self._desk.limits.returns_window + self.rows

    def chunks(self, committee: PanelCommittee, *, evidence: bool) -> Iterator[Chunk]:
        """The chunks in order."""
        for row in range(self._first, len(self._bars), self.rows):
            stop = min(row + self.rows, len(self._bars))
            lead = min(self._desk.limits.returns_window, row)
            yield self._chunk(row, stop, lead, committee, evidence)

    def _chunk(
        self, row: int, stop: int, lead: int, committee: PanelCommittee, evidence: bool
    ) -> Chunk:
        bars, size = self._bars.rows(row - lead, stop), stop - row + lead
        scores = self._scores[:size]
        voted = committee.vote(row, stop, evidence=evidence, scores=scores[lead:])
        nights, interest = self._financing(row, stop, lead)
        return Chunk(
            row=row,
            lead=lead,
            panel=PanelRows(
                time=bars.time,
                open=bars.open,
                high=bars.high,
                low=bars.low,
                close=bars.close,
                spread=bars.spread,
                scores=scores,
                sigma=self._volatilities(row, stop, lead),
                returns=self._simple_returns(row, stop, lead),
                nights=nights,
                interest=interest,
            ),
            committee=voted,
        )

    def _volatilities(self, row: int, stop: int, lead: int) -> Floats:
        """(R, N), from the row before the first that is decided on."""
        rules, before = self._desk.volatility, max(row - 1, 0)
        early = max(before + 1 - rules.lookback, 0)
        close = self._bars.close[early:stop, : self._desk.traded]
        sigma = self._sigma[: stop - row + lead]
        sigma[lead - (row - before) :] = bar_volatility(close, rules)[before - early :]
        return sigma

    def _simple_returns(self, row: int, stop: int, lead: int) -> Floats:
        """(R, N), as the live session measures them: NaN in the first row of the data."""
        early = row - lead
        close = self._bars.close[early:stop, : self._desk.traded]
        returns = self._returns[: stop - early]
        np.divide(close[1:], close[:-1], out=returns[1:])
        returns[1:] -= 1.0
        if early > 0:
            before = self._bars.close[early - 1, : self._desk.traded]
            returns[0] = close[0] / before - 1.0
        else:
            returns[0] = np.nan
        return returns

    def _financing(self, row: int, stop: int, lead: int) -> tuple[Floats, Floats]:
        """Nights (R,) and interest (R, C) of the rows; zeros where neither is modelled."""
        size = stop - row + lead
        nights, interest = self._no_nights[:size], self._no_interest[:size]
        if self._interest is not None:
            nights[lead:] = self._nights[row - self._first : stop - self._first]
            interest[lead:] = self._interest.on(self._bars.time[row:stop], self._currencies)
        return nights, interest
