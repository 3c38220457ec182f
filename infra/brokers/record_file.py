"""`RecordFile`: a SQLite file that must be whole after kill -9, whoever's records it holds."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from market.errors import FatalError, InvalidError

APPEND_ONLY = tuple(
    f"CREATE TRIGGER transactions_are_never_{done} BEFORE {what} ON transactions "
    "BEGIN SELECT RAISE(ABORT, 'transactions are only appended'); END"
    for done, what in (("changed", "UPDATE"), ("removed", "DELETE"))
)
"""Of a schema with a table `transactions`."""
Migrate = Callable[[sqlite3.Connection, int], int]


def as_it_is(_database: sqlite3.Connection, version: int) -> int:
    """There is no earlier schema that could be brought to this one."""
    return version


class RecordFile:
    """Durable at each commit (WAL, synchronous FULL), for one process at a time.

    what: it is, in words; owner: whose, who stops when it cannot be written. version: of the
    schema; migrate: brings an earlier one to it, inside the transaction that is open. Once a write
    has failed it takes nothing more: what is in memory and not here did not happen.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        version: int,
        *,
        what: str,
        owner: str,
        migrate: Migrate = as_it_is,
    ) -> None:
        """Open the file or make it. Raises InvalidError where another process has it, or it is of
        another schema.
        """
        self.path = path
        self._what = what
        self._owner = owner
        self._failure: FatalError | None = None
        try:
            self._database = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=0.2
            )
            found = self._opened(schema, version, migrate)
        except sqlite3.Error as error:
            mend = (
                f"Another {owner} may be running on it: stop that one, or give this one a path of "
                "its own."
                if "locked" in str(error)
                else "Free disk space, make the folder writable, or give it another path."
            )
            raise InvalidError(f"{path} cannot be opened as {what}: {error}. {mend}") from None
        if found not in (0, version):
            self.close()
            raise InvalidError(
                f"{path} has schema {found} of {what}, this version reads {version}; use the "
                "version that wrote it, or start a new account"
            )

    def _opened(self, schema: Sequence[str], version: int, migrate: Migrate) -> int:
        """The version of the schema that is there now, 0 for one that was made. Where it fails the
        file is let go of, for whoever tries next.
        """
        run = self._database.execute
        try:
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
                run(f"PRAGMA {pragma}")
            run("BEGIN IMMEDIATE")
            (found,) = run("PRAGMA user_version").fetchone()
            if found == 0:
                for statement in schema:
                    run(statement)
                run(f"PRAGMA user_version = {version}")
            else:
                found = migrate(self._database, found)
            run("COMMIT")
        except BaseException:
            self._database.close()
            raise
        return int(found)

    def write(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        """Rows of several statements, durable at once. Raises FatalError."""
        if self._failure is not None:
            raise self._failure
        try:
            self._database.execute("BEGIN")
            for statement, rows in statements:
                if rows:
                    self._database.executemany(statement, rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._failure = FatalError(
                f"{self.path}, {self._what}, cannot be written: {error}. The {self._owner} stops; "
                "free disk space or make the folder writable, then start it again: it goes on from "
                "its last commit."
            )
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise self._failure from None

    def rows(self, query: str, *values: object) -> sqlite3.Cursor:
        """What a query finds, as it is read."""
        return self._database.execute(query, values)

    def row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """The first row; None where there is none."""
        found: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return found

    def close(self) -> None:
        """Let go of the file; a single one is left behind."""
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
