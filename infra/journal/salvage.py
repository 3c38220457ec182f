"""Salvage: what is whole of a damaged journal, in a new file, and what is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.journal.copying import new_file, write_rows
from infra.journal.parts import journal_rows, parts
from infra.journal.rows import Row
from infra.journal.schema import DAMAGE, open_to_read
from infra.journal.snapshots import whole_rows
from infra.journal.verify import PROGRESS_EVERY, Progress, no_progress, verify
from market.errors import JournalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """kept: events in the new file. lost: rows of the old one that are not, as far as SQLite can
    count them, else None. why: what is wrong with the first of them; empty for a whole journal.
    """

    kept: int
    lost: int | None
    why: str


def salvage(
    path: Path, out: Path, key: bytes | None = None, progress: Progress = no_progress
) -> Salvaged:
    """Copy every event before the first bad one, and the snapshots of these, into a new file.

    key: where seals are to be checked too. The old file is not touched. Raises JournalError where
    not even one event is whole, JournalUnwritable where the new file exists or cannot be written.
    """
    found = verify(path, key, progress=progress)
    first = next((fault for fault in found.faults if fault.event is not None), None)
    if found.events == 0:
        why = "" if first is None else f": event 0 {first.what}"
        raise JournalError(f"{path} holds no event that is whole{why}; restore a backup")
    with new_file(out, like=path) as beside:
        write_rows(beside, _first_rows(path, found.events, progress), _snapshots(path))
        again = verify(beside, key)
        if again.events != found.events or not again.holds:
            raise JournalError(f"{out}: the copy does not verify; the disk may be failing")
    return Salvaged(
        kept=found.events,
        lost=_rows_beyond(path, found.events),
        why="" if first is None else f"event {first.event} {first.what}",
    )


def _first_rows(path: Path, count: int, progress: Progress) -> Iterator[Row]:
    for number, row in enumerate(journal_rows(path), 1):
        yield row
        if number % PROGRESS_EVERY == 0:
            progress(number, count)
        if number == count:
            return


def _snapshots(path: Path) -> list[tuple[int, bytes, bytes, bytes, bytes | None]]:
    try:
        return whole_rows(path)
    except JournalError:
        return []  # a start does without


def _rows_beyond(path: Path, kept: int) -> int | None:
    count = 0
    try:
        for file in parts(path):
            with contextlib.closing(open_to_read(file)) as database:
                count += database.execute("SELECT count(*) FROM events").fetchone()[0]
    except DAMAGE:
        return None
    return max(count - kept, 0)
