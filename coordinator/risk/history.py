"""The prices that a recorded book's risk is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coordinator.bootstrap import panel_of, registry_of
from coordinator.configuration.settings import Settings
from coordinator.explain.inputs import places_of, recorded_settings
from coordinator.results.record import RunRecord
from market.bars import Floats, Times
from market.errors import QuorumError
from market.instruments import Instrument, Registry, fx_pair

UNKNOWN_SPREAD_PIPS = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHistory:
    """Closes (T, M) of the desk's instruments with their ends (T,); source: where from, in words.

    volume: (T, M) as `Bars` has it.
    """

    time: Times
    closes: Floats
    volume: Floats
    source: str


def instruments_of(record: RunRecord) -> tuple[Instrument, ...]:
    """The instruments of a record, (M,), as its configuration describes them.

    One that this version does not know is a currency pair with the usual terms.
    """
    try:
        registry = registry_of(recorded_settings(record.session, places_of(Path())))
    except QuorumError:
        registry = Registry()
    return tuple(
        registry[symbol] if symbol in registry else _pair(symbol)
        for symbol in record.session.symbols
    )


def recorded_history(record: RunRecord) -> PriceHistory:
    """The prices in the journal itself, from its first bar to its last."""
    settled = record.settled
    return PriceHistory(
        time=np.asarray(settled.time.as_unit("ns").asi8, dtype=np.int64),
        closes=settled.mid,
        volume=np.full_like(settled.mid, np.nan),
        source="the prices in the journal",
    )


def whole_history(record: RunRecord, journal: Path) -> PriceHistory:
    """All that the desk's source of prices holds, for episodes before and after the run.

    Where it cannot be read, or holds not even one instrument, what the journal recorded; the
    source says why.
    """
    try:
        settings = recorded_settings(record.session, places_of(journal))
        data = settings.data.model_copy(update={"start": None, "end": None})
        panel = panel_of(settings.model_copy(update={"data": data}))
    except QuorumError as error:
        kept = recorded_history(record)
        return PriceHistory(
            time=kept.time,
            closes=kept.closes,
            volume=kept.volume,
            source=f"{kept.source}; others cannot be read: {error}",
        )
    shape = (len(panel), len(record.session.symbols))
    closes, volume = np.full(shape, np.nan), np.full(shape, np.nan)
    for column, symbol in enumerate(record.session.symbols):
        if symbol in panel.symbols:
            closes[:, column] = panel.close[:, panel.symbols.index(symbol)]
            volume[:, column] = panel.volume[:, panel.symbols.index(symbol)]
    return PriceHistory(
        time=panel.time, closes=closes, volume=volume, source=f"prices of {data.source}"
    )


def live_history(settings: Settings, instruments: Sequence[Instrument]) -> tuple[Times, Floats]:
    """Times (T,) and closes (T, M) that the configured source holds of the instruments; none where
    it cannot be read: then every episode is unknown, and is told so.
    """
    try:
        data = settings.data.model_copy(update={"start": None, "end": None})
        panel = panel_of(settings.model_copy(update={"data": data}))
        return panel.time, panel.columns([one.symbol for one in instruments]).close
    except QuorumError:
        return np.empty(0, dtype=np.int64), np.empty((0, len(instruments)))


def _pair(symbol: str) -> Instrument:
    base, _, quote = symbol.partition("_")
    return fx_pair(base, quote, spread_pips=UNKNOWN_SPREAD_PIPS)
