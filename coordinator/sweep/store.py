"""`TrialStore`: finished trials, durable one by one.

One SQLite file in the sweep's folder. A trial is there whole or not at all; after a crash the
sweep goes on with those that are missing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from coordinator.sweep.definition import PARTS_IN_WORDS, Sweep
from coordinator.sweep.measures import Measures
from coordinator.sweep.trial import TrialResult
from market.errors import ConfigError, RunFolderError

NAME = "sweep.sqlite"
SCHEMA_VERSION = 1
BUSY_S = 5.0
DURABLE = "PRAGMA synchronous = FULL"
FIGURES = ", ".join(f"{name} REAL" for name in Measures._fields)
SCHEMA = f"""
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (number INTEGER PRIMARY KEY, failure TEXT, seconds REAL NOT NULL);
CREATE TABLE measures (
    number INTEGER NOT NULL, piece INTEGER NOT NULL, {FIGURES}, PRIMARY KEY (number, piece)
);
"""


class TrialStore:
    """The trials of one sweep. Use it as a context manager."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @classmethod
    def create(cls, folder: Path, sweep: Sweep, settings: dict[str, Any]) -> Self:
        """A new store. settings: what `asked_for` gives back, to start the same sweep again.

        Raises RunFolderError where it cannot be written.
        """
        try:
            store = cls(folder, sqlite3.connect(folder / NAME, timeout=BUSY_S))
            store._connection.execute(DURABLE)
        except sqlite3.Error as error:
            raise RunFolderError(f"{folder / NAME} cannot be opened: {error}") from None
        about = {
            "schema": SCHEMA_VERSION,
            "identity": dict(sweep.identity),
            "asked_for": settings,
        }
        with store._writing() as connection:
            connection.executescript(SCHEMA)
            connection.executemany(
                "INSERT INTO about VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in about.items()],
            )
        return store

    @classmethod
    def open(cls, folder: Path) -> Self:
        """A store that is there. Raises ConfigError where there is none of this version."""
        path = folder / NAME
        if not path.is_file():
            raise ConfigError(
                f"no sweep in {folder}: expected {NAME} there. Name the folder that a sweep "
                "printed when it started"
            )
        try:
            store = cls(folder, sqlite3.connect(path, timeout=BUSY_S))
            store._connection.execute(DURABLE)
            found = store._about("schema")
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{path} is not the store of a sweep: {error}") from None
        if found != SCHEMA_VERSION:
            raise ConfigError(
                f"{path} is of version {found}, this Quorum reads {SCHEMA_VERSION}; start the "
                "sweep anew"
            )
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def asked_for(self) -> dict[str, Any]:
        """What the sweep was started with."""
        found: dict[str, Any] = self._about("asked_for")
        return found

    def check_same(self, sweep: Sweep) -> None:
        """Refuse, in words, to mix this store's trials with those of another sweep."""
        known = self._about("identity")
        differing = [
            words for part, words in PARTS_IN_WORDS.items() if known[part] != sweep.identity[part]
        ]
        if differing:
            raise ConfigError(
                f"the sweep in {self.folder} was started with something else. Different now: "
                f"{', '.join(differing)}. Trials of both would not belong together: resume it as "
                "it was, with no flags but --resume, or start a new sweep without it"
            )

    def add(self, results: Iterable[TrialResult]) -> None:
        """Make finished trials durable, all of them or none.

        Raises RunFolderError where the disk is full or the folder cannot be written.
        """
        marks = ", ".join("?" * (2 + len(Measures._fields)))
        with self._writing() as connection:
            for result in results:
                connection.execute(
                    "INSERT INTO trials VALUES (?, ?, ?)",
                    (result.number, result.failure, result.seconds),
                )
                connection.executemany(
                    f"INSERT INTO measures VALUES ({marks})",
                    [
                        (result.number, piece, *(None if x != x else x for x in measures))  # noqa: PLR0124
                        for piece, measures in enumerate(result.measures)
                    ],
                )

    def results(self) -> tuple[TrialResult, ...]:
        """Every finished trial, by number."""
        by_number: dict[int, list[Measures]] = {}
        figures = self._connection.execute("SELECT * FROM measures ORDER BY number, piece")
        for number, _, *values in figures:
            read = (float("nan") if value is None else value for value in values)
            by_number.setdefault(number, []).append(Measures(*read))
        rows = self._connection.execute("SELECT number, failure, seconds FROM trials ORDER BY 1")
        return tuple(
            TrialResult(
                number=number,
                measures=tuple(by_number.get(number, ())),
                failure=failure,
                seconds=seconds,
            )
            for number, failure, seconds in rows
        )

    def _about(self, key: str) -> Any:
        row = self._connection.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row is not None else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction; what SQLite cannot write becomes a RunFolderError in words."""
        try:
            with self._connection:
                yield self._connection
        except sqlite3.IntegrityError as error:
            raise ConfigError(
                f"{self.folder / NAME} has a trial already that was finished again ({error}); "
                "another sweep is running in this folder. Let one of them end"
            ) from None
        except sqlite3.Error as error:
            raise RunFolderError(
                f"{self.folder / NAME} cannot be written: {error}. Every trial that was finished "
                f"before is kept there; free disk space or make the folder writable, then go on "
                f"with: quorum sweep --resume {self.folder}"
            ) from None
