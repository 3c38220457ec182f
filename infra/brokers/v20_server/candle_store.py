"""`CandleStore`: candles of every quote that was traded on, kept in SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from infra.brokers.v20.times import SECOND_NS
from infra.brokers.v20_server.candle_values import Candle, CandleInMaking, candle_of
from market.errors import FatalError
from market.quotes import Quote

TIERS = (5, 60, 3_600)
"""Lengths of the candles that are kept, s; all others are made of them."""
KEPT_S = {5: 6 * 3_600, 60: 40 * 86_400}
"""How long, of the market's time; those of an hour stay for good."""
FORGET_EVERY = 5_000
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS candles (tier INTEGER, symbol TEXT, start INTEGER, "
    "volume INTEGER NOT NULL, prices BLOB NOT NULL, PRIMARY KEY (tier, symbol, start)) "
    "WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
)


class CandleStore:
    """A candle begins at a multiple of its length since 1970 and holds the quotes from then up to,
    not including, its end; where none came there is no candle.

    Durable at `save`: what came after it is lost with the process. A market that comes again from
    an earlier time, as after a restart, counts once.
    is_new: nothing was ever kept. Raises FatalError where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = 0
        self._making: dict[tuple[int, str], CandleInMaking] = {}
        self._finished: list[tuple[int, str, Candle]] = []
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            for statement in _SCHEMA:
                self._database.execute(statement)
            kept = dict(self._database.execute("SELECT name, value FROM state").fetchall())
            self.is_new = not kept
            self._until = self._saved_until = self._known_until = int(kept.get("until", 0))
            self._take_up()
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def take(self, quotes: Iterable[Quote], now: int) -> None:
        """The quotes up to `now`, UTC ns."""
        for quote in quotes:
            if quote.time > self._known_until:
                for tier in TIERS:
                    self._add(tier, quote)
        self._until = max(self._until, now)

    def begin(self, history: dict[tuple[int, str], list[Candle]], now: int) -> None:
        """What lay before the first quote, by tier and instrument, oldest first. now: UTC ns."""
        for (tier, symbol), candles in history.items():
            for candle in candles:
                if candle.start + tier * SECOND_NS > now:
                    self._making[tier, symbol] = CandleInMaking.taken_up(candle)
                    self._making[tier, symbol].changed = True
                else:
                    self._finished.append((tier, symbol, candle))
        self._until = now
        self.save()

    def save(self) -> None:
        """Make it durable."""
        making = [
            (tier, symbol, one.candle)
            for (tier, symbol), one in self._making.items()
            if one.changed
        ]
        rows = [
            (tier, symbol, candle.start, candle.volume, candle.packed())
            for tier, symbol, candle in (*self._finished, *making)
        ]
        if not rows and self._until == self._saved_until:
            return
        run, many = self._database.execute, self._database.executemany
        try:
            run("BEGIN")
            many("INSERT OR REPLACE INTO candles VALUES (?, ?, ?, ?, ?)", rows)
            run("INSERT OR REPLACE INTO state VALUES ('until', ?)", (self._until,))
            self._forget(len(rows))
            run("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                run("ROLLBACK")
            raise self._failed(error) from None
        self._finished.clear()
        for one in self._making.values():
            one.changed = False
        self._saved_until = self._until

    def close(self) -> None:
        """Let go of the file; what was not saved is lost."""
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()

    def _add(self, tier: int, quote: Quote) -> None:
        making = self._making.get((tier, quote.symbol))
        start = quote.time - quote.time % (tier * SECOND_NS)
        if making is None or making.start != start:
            if making is not None:
                self._finished.append((tier, quote.symbol, making.candle))
            making = self._making[tier, quote.symbol] = CandleInMaking(start)
        making.add(quote)

    def _take_up(self) -> None:
        """The newest candle of each kind goes on; a quote of a later time finishes it."""
        rows = self._database.execute(
            "SELECT tier, symbol, max(start), volume, prices FROM candles GROUP BY tier, symbol"
        )
        for tier, symbol, start, volume, prices in rows:
            candle = candle_of(start, volume, prices)
            self._making[tier, symbol] = CandleInMaking.taken_up(candle)

    def _forget(self, rows: int) -> None:
        self._rows += rows
        if self._rows < FORGET_EVERY:
            return
        self._rows = 0
        for tier, seconds in KEPT_S.items():
            self._database.execute(
                "DELETE FROM candles WHERE tier = ? AND start < ?",
                (tier, self._until - seconds * SECOND_NS),
            )

    def _failed(self, error: sqlite3.Error) -> FatalError:
        return FatalError(
            f"the candles in {self.path} cannot be kept: {error}. Free disk space or make the "
            "folder writable, then start the server again."
        )


def candles_kept(
    path: Path, tier: int, symbol: str, *, since: int = 0, before: int, newest_first: bool = False
) -> Iterator[Candle]:
    """The candles that were saved and begin at or after `since` and before `before`, UTC ns.

    For any thread: it reads by itself.
    """
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT start, volume, prices FROM candles WHERE tier = ? AND symbol = ? "
            f"AND start >= ? AND start < ? ORDER BY start {'DESC' if newest_first else 'ASC'}",
            (tier, symbol, since, before),
        )
        for start, volume, prices in rows:
            yield candle_of(start, volume, prices)
