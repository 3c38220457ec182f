"""`download`: OANDA's history into files that the feeds read, taken up wherever it ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.brokers.oanda.candles import GRANULARITIES
from infra.brokers.v20.times import SECOND_NS
from infra.feeds.oanda.candle_files import (
    UNFINISHED,
    CandleFiles,
    Covered,
    Row,
    month_of,
    next_month,
)
from infra.feeds.oanda.candle_pages import Page, pages
from infra.feeds.oanda.ports import Connection
from market.errors import ConfigError, TransientError, nearest

PATIENCE_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Between tries where the broker does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one instrument is. at: up to when it was fetched, of [begin, end), UTC nanoseconds.
    candles: fetched by this call.
    """

    symbol: str
    at: int
    begin: int
    end: int
    candles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """What there is of one instrument now. candles: new ones; held: all in [begin, end)'s months.

    left_out: candles of the broker's that are no prices, in those months.
    """

    symbol: str
    candles: int
    held: int
    left_out: int


def download(
    connection: Connection,
    instruments: Sequence[str],
    granularity: str,
    begin: int,
    end: int,
    folder: Path,
    *,
    source: str,
    progress: Callable[[Progress], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Downloaded, ...]:
    """Every complete candle of bid and ask that begins in [begin, end), UTC nanoseconds.

    They lie in `folder / granularity`, which `FileFeed` reads as it is: a Parquet file a month and
    instrument, times in UTC at a bar's start. What is there is not fetched again, so a call that
    was ended, even by the machine, is repeated to go on, and one with a later `end` extends it. A
    time without a candle is a gap and stays one. source: as it is kept in the files.

    Raises ConfigError for a granularity or a range that cannot be, and for two downloads into one
    folder at once, InvalidError where the broker refuses, TransientError where it does not answer
    for long, DataError.
    """
    if granularity not in GRANULARITIES:
        raise ConfigError(
            f"unknown granularity {granularity!r}{nearest(granularity, GRANULARITIES)} Expected "
            f"one of {', '.join(GRANULARITIES)}"
        )
    for symbol in instruments:
        if not symbol.replace("_", "").isalnum():  # it is to be the name of a file
            raise ConfigError(f"expected an instrument such as EUR_USD, found {symbol!r}")
    if begin >= end:
        raise ConfigError("expected a beginning before the end of what is downloaded")
    length = GRANULARITIES[granularity] * SECOND_NS
    begin -= begin % length
    inside = folder / granularity
    with _alone_in(inside):
        return tuple(
            _Walk(
                connection,
                symbol,
                granularity,
                (begin, end),
                CandleFiles(inside, symbol, granularity, source),
                progress,
                sleep,
            ).run()
            for symbol in instruments
        )


class _Walk:
    """One instrument, from what its files lack."""

    def __init__(
        self,
        connection: Connection,
        symbol: str,
        granularity: str,
        wanted: tuple[int, int],
        files: CandleFiles,
        progress: Callable[[Progress], None],
        sleep: Callable[[float], None],
    ) -> None:
        self._connection = connection
        self._symbol = symbol
        self._granularity = granularity
        self._wanted = wanted
        self._files = files
        self._progress = progress
        self._sleep = sleep
        self._candles = 0

    def run(self) -> Downloaded:
        self._tell(self._wanted[0])
        for begin, end in self._missing():
            self._fetch(begin, end)
        self._tell(self._wanted[1])
        found = [self._files.covered(month) for month in self._months()]
        return Downloaded(
            symbol=self._symbol,
            candles=self._candles,
            held=sum(one.candles for one in found if one is not None),
            left_out=sum(one.left_out for one in found if one is not None),
        )

    def _months(self) -> Iterator[int]:
        month = month_of(self._wanted[0])
        while month < self._wanted[1]:
            yield month
            month = next_month(month)

    def _missing(self) -> list[tuple[int, int]]:
        """Stretches to fetch, joined where they meet: a page may hold several months. What is held
        of a month stays one stretch, so what lies between it and the wish is fetched too.
        """
        found: list[tuple[int, int]] = []
        for month in self._months():
            begin = max(month, self._wanted[0])
            end = min(next_month(month), self._wanted[1])
            held = self._files.covered(month)
            parts = [(begin, end)]
            if held is not None:
                parts = [(begin, held.begin), (held.end, end)]
            for first, last in parts:
                if first >= last:
                    continue
                if found and found[-1][1] == first:
                    found[-1] = (found[-1][0], last)
                else:
                    found.append((first, last))
        return found

    def _fetch(self, begin: int, end: int) -> None:
        month = month_of(begin)
        rows: dict[int, Row] = {}
        left_out: list[int] = []
        since = proved = begin
        for page in self._pages(begin, end):
            rows |= page.rows
            left_out += page.left_out
            proved = page.proved
            while (following := next_month(month)) <= proved:
                self._keep(month, since, following, rows, left_out)
                month = since = following
            self._candles += len(page.rows)
            self._tell(proved)
        if proved > since:
            self._keep(month, since, proved, rows, left_out)

    def _keep(
        self, month: int, begin: int, end: int, rows: dict[int, Row], left_out: list[int]
    ) -> None:
        """Put [begin, end) of a month beside what is held of it, and take it out of `rows`."""
        fresh = {start: rows.pop(start) for start in [one for one in rows if one < end]}
        odd = [start for start in left_out if start < end]
        left_out[:] = left_out[len(odd) :]
        held = self._files.covered(month)
        if held is None:
            held = Covered(begin=begin, end=begin, candles=0, left_out=0)
        if begin > held.end or end < held.begin:
            return  # nobody has proved that nothing lies between
        covered = Covered(
            begin=min(begin, held.begin),
            end=max(end, held.end),
            candles=0,
            left_out=held.left_out + len(odd),
        )
        self._files.write(month, self._files.read(month) | fresh, covered)

    def _pages(self, begin: int, end: int) -> Iterator[Page]:
        """The pages, each asked for again where the broker does not answer for a while."""
        at, tries = begin, 0
        while True:
            try:
                for page in pages(self._connection, self._symbol, self._granularity, at, end):
                    at, tries = max(at, page.proved), 0
                    yield page
                return
            except TransientError:
                if tries == len(PATIENCE_S):
                    raise
                self._sleep(PATIENCE_S[tries])
                tries += 1

    def _tell(self, at: int) -> None:
        begin, end = self._wanted
        self._progress(
            Progress(symbol=self._symbol, at=at, begin=begin, end=end, candles=self._candles)
        )


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """The folder for one download at a time; what an earlier one left unfinished is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / ".downloading", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another download is writing to {folder}; wait for its end, or choose another"
            ) from None
        for unfinished in folder.glob(f"*{UNFINISHED}"):
            unfinished.unlink()
        yield
    finally:
        os.close(lock)
