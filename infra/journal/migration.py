"""Migrating a journal of an older schema: a new file is written, the old one is kept."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from infra.journal.copying import replacing_file, write_rows
from infra.journal.lock import lock
from infra.journal.reader import chained_rows
from infra.journal.schema import SCHEMA_VERSION, schema_at
from infra.journal.snapshots import whole_rows
from infra.journal.verify import told, verify
from market.errors import JournalError


def migrate(path: Path) -> Path:
    """Give a journal the present schema, with the same chain; where the old file is kept.

    Nothing is sealed that was not: a seal vouches for when it was written. Raises JournalError for
    a journal that is damaged or has the present schema already, JournalUnwritable where a desk
    writes it, or the new file cannot be written.
    """
    held = lock(path) if path.is_file() else None
    try:
        found = schema_at(path)
        if found == SCHEMA_VERSION:
            raise JournalError(f"{path} has schema {found} already; nothing is to be done")
        old = path.with_name(f"{path.stem}.schema{found}{path.suffix}")
        with replacing_file(path, old) as beside:
            _fold_the_log_in(path)
            count = write_rows(beside, chained_rows(path), whole_rows(path))
            again = verify(beside)
            if again.events != count or not again.holds:
                raise JournalError(f"{path}: the copy does not verify: {told(again)}")
    finally:
        if held is not None:
            os.close(held)
    return old


def _fold_the_log_in(path: Path) -> None:
    """What a desk that died left in SQLite's log goes into the file: the log keeps no new name."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
