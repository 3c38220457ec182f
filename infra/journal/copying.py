"""Writing a journal anew from rows of another: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.journal.parts import part, part_numbers
from infra.journal.rows import Row
from infra.journal.schema import EVENTS, SCHEMA_VERSION, SNAPSHOTS
from infra.journal.snapshots import SnapshotRow
from market.errors import JournalUnwritable

LOGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, and would merge into whatever file has that name."""
WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def new_file(path: Path, like: Path) -> Iterator[Path]:
    """A file in a folder beside `path` that takes its name, durably, once it is done.

    What else is written in that folder comes along, before it; nothing does where it fails. like:
    who may read that one may read the new ones. Raises JournalUnwritable where a file of such a
    name, the log of one, or a part of a journal of that name exists, or they cannot be written.
    """
    _refuse_existing(path)
    for number in part_numbers(path):
        _refuse_existing(part(path, number))
    with _folder_for(path) as folder:
        yield folder / path.name
        done = sorted(folder.iterdir(), key=lambda file: file.name == path.name)
        for file in done:
            _refuse_existing(path.with_name(file.name))
            _finish(file, like)
        placed: list[Path] = []
        try:
            for file in done:
                _take_name(file, path.with_name(file.name))
                placed.append(path.with_name(file.name))
        except BaseException:
            for file in placed:
                file.unlink()
            raise
        _sync(path.parent)


@contextlib.contextmanager
def replacing_file(path: Path, old: Path) -> Iterator[Path]:
    """A file that takes the place of `path` once it is done; what is there is kept as `old`.

    At no moment is there none. Raises JournalUnwritable where `old` exists or the folder cannot
    be written; nothing has changed then.
    """
    _refuse_existing(old)
    with _folder_for(path) as folder:
        yield folder / path.name
        _finish(folder / path.name, path)
        os.link(path, old)
        (folder / path.name).replace(path)
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
def _folder_for(path: Path) -> Iterator[Path]:
    # By process: two that copy to one name do not write into each other's files.
    folder = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        yield folder
    except (OSError, sqlite3.Error) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise JournalUnwritable(f"{path} cannot be written: {said}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _finish(file: Path, like: Path) -> None:
    shutil.copymode(like, file)
    _sync(file)


def _take_name(file: Path, path: Path) -> None:
    """A link, unlike a rename, replaces nothing that came to this name meanwhile."""
    try:
        os.link(file, path)
    except FileExistsError:
        _refuse_existing(path)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        _refuse_existing(path)
        file.replace(path)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise JournalUnwritable(f"{path} exists already; name a file that does not")
    for name in LOGS:
        left = path.with_name(path.name + name)
        if os.path.lexists(left):
            raise JournalUnwritable(
                f"{left} was left by the journal that was at {path}; it would be merged into the "
                f"new one. Move it away together with that journal: {path.name}*"
            )


def _sync(path: Path) -> None:
    """Return once a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
