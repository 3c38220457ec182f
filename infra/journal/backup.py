"""Backing a journal up while a desk writes it, and restoring what was backed up."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from infra.journal.anchors import Anchor
from infra.journal.copying import new_file
from infra.journal.lock import lock
from infra.journal.parts import part, parts
from infra.journal.schema import DAMAGE, open_to_read, schema_of
from infra.journal.verify import Progress, Verified, no_progress, told, verify
from market.errors import JournalError

PAGES_AT_ONCE = 2_000


def back_up(
    path: Path,
    out: Path,
    key: bytes | None = None,
    anchors: Sequence[Anchor] = (),
    progress: Progress = no_progress,
    pages_at_once: int = PAGES_AT_ONCE,
) -> Verified:
    """Copy a journal as it is now, and verify the copy; what verifying found.

    The desk goes on writing meanwhile; what it writes after the start is not in the copy. progress:
    told of pages. Raises JournalError where the copy does not verify, in which case there is none,
    JournalUnwritable where it exists or cannot be written.
    """
    files = parts(path)
    with new_file(out, like=path) as beside:
        for number, file in enumerate(files):
            _copy(file, part(beside, number), progress, pages_at_once)
        found = verify(beside, key, anchors)
        if not found.holds:
            raise JournalError(f"{path} was not copied, because it does not verify: {told(found)}")
    return replace(found, path=out)


def _copy(file: Path, beside: Path, progress: Progress, pages_at_once: int) -> None:
    with contextlib.closing(open_to_read(file)) as source:
        try:
            # One read transaction: SQLite begins a copy anew whenever somebody else writes between
            # two steps, unless what is copied is held still.
            source.execute("BEGIN")
            schema_of(source, file)
        except DAMAGE as error:
            raise JournalError(f"{file} cannot be read as a journal: {error}") from None
        with contextlib.closing(sqlite3.connect(beside)) as target:
            source.backup(
                target,
                pages=pages_at_once,
                progress=lambda _, left, total: progress(total - left, total),
            )
            target.execute("PRAGMA journal_mode = DELETE")


def restore(
    backup: Path, to: Path, key: bytes | None = None, progress: Progress = no_progress
) -> Verified:
    """Put a backup in the place of a journal that is gone, and verify what was put there.

    Raises as `back_up` does, JournalUnwritable also where a desk still writes the lost one; a
    journal that is there is never written over.
    """
    held = lock(to)
    try:
        return back_up(backup, to, key, progress=progress)
    finally:
        os.close(held)
