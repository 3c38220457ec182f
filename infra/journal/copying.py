"""Writing a journal anew from rows of another: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.journal.rows import Row
from infra.journal.schema import EVENTS, SCHEMA_VERSION, SNAPSHOTS
from infra.journal.snapshots import SnapshotRow
from market.errors import JournalUnwritable

LOGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, and would merge into whatever file has that name."""
WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def new_file(path: Path, like: Path | None = None) -> Iterator[Path]:
    """A file beside `path` that takes its name, durably, once it is done; gone where it fails.

    like: who may read that one may read the new one; by default its owner. Raises
    JournalUnwritable where `path` exists, the log of another file of that name was left there, or
    it cannot be written.
    """
    _refuse_existing(path)
    for name in LOGS:
        left = path.with_name(path.name + name)
        if os.path.lexists(left):
            raise JournalUnwritable(
                f"{left} was left by the journal that was at {path}; it would be merged into the "
                f"new one. Move it away together with that journal: {path.name}*"
            )
    with _beside(path) as beside:
        yield beside
        _finish(beside, like)
        _take_name(beside, path)


@contextlib.contextmanager
def replacing_file(path: Path, old: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place once it is done; what is there is kept as `old`.

    At no moment is there none. Raises JournalUnwritable where `old` exists or the folder cannot
    be written; nothing has changed then.
    """
    _refuse_existing(old)
    with _beside(path) as beside:
        yield beside
        _finish(beside, path)
        os.link(path, old)
        beside.replace(path)
        _sync(path.parent)


def write_rows(path: Path, rows: Iterable[Row], snapshots: Iterable[SnapshotRow]) -> int:
    """A journal of these rows as they are; how many they were. Raises sqlite3.Error."""
    count = 0
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(EVENTS)
        database.executescript(SNAPSHOTS)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        database.execute("BEGIN")
        for row in rows:
            database.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
            count += 1
        for kept in snapshots:
            if kept[0] < count:
                database.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)", kept)
        database.execute("COMMIT")
    return count


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    # By process: two that copy to one name do not write into each other's file.
    beside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        _remove(beside)
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield beside
    except (OSError, sqlite3.Error) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise JournalUnwritable(f"{path} cannot be written: {said}") from None
    finally:
        with contextlib.suppress(OSError):
            _remove(beside)


def _finish(beside: Path, like: Path | None) -> None:
    if like is not None:
        shutil.copymode(like, beside)
    _sync(beside)


def _take_name(beside: Path, path: Path) -> None:
    """A link, unlike a rename, replaces nothing that came to this name meanwhile."""
    try:
        os.link(beside, path)
    except FileExistsError:
        _refuse_existing(path)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        _refuse_existing(path)
        beside.replace(path)
    _sync(path.parent)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise JournalUnwritable(f"{path} exists already; name a file that does not")


def _remove(beside: Path) -> None:
    for name in ("", *LOGS):
        beside.with_name(beside.name + name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
