"""Reading a journal: its events in order, each checked against the chain."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from infra.journal.chain import GENESIS, chain
from infra.journal.codec import decode
from infra.journal.parts import journal_rows, parts
from infra.journal.rows import Row
from infra.journal.schema import DAMAGE, open_to_read, schema_of
from infra.journal.snapshots import Snapshot
from market.errors import JournalError
from market.events import Event
from market.lots import singly

NEWEST = "SELECT sequence, written_at FROM events ORDER BY sequence DESC LIMIT 1"


def read_events(path: Path) -> Iterator[Event]:
    """The events of a journal in order, each checked against the chain.

    Raises JournalError as `read_chain` does.
    """
    for event, _ in read_chain(path):
        yield event


def read_chain(path: Path, after: Snapshot | None = None) -> Iterator[tuple[Event, bytes]]:
    """The events of a journal in order with the chain's hash after each, which is checked.

    after: where to begin; by default at the first event. Raises JournalError for a missing file,
    another schema, or the first event that does not continue the chain.
    """
    for _, event, head in read_numbered(path, after):
        yield event, head


def read_numbered(path: Path, after: Snapshot | None = None) -> Iterator[tuple[int, Event, bytes]]:
    """As `read_chain`, with the number of each event's entry before it."""
    for number, kind, payload, head, _, _ in chained_rows(path, after):
        for event in singly(decode(kind, payload)):
            yield number, event, head


def chained_rows(path: Path, after: Snapshot | None = None) -> Iterator[Row]:
    """As `read_chain`, but the rows as they are stored."""
    head, expected = (GENESIS, 0) if after is None else (after.head, after.sequence + 1)
    try:
        for row in journal_rows(path, None if after is None else expected):
            sequence, kind, payload, stored, _, _ = row
            if sequence != expected or type(kind) is not str or type(payload) is not bytes:
                raise broken(path, expected, str(kind))
            head = chain(head, expected, kind, payload)
            if head != stored:
                raise broken(path, expected, kind)
            yield row
            expected += 1
    except DAMAGE as error:
        if expected == 0:
            raise JournalError(f"{path} cannot be read as a journal: {error}") from None
        raise JournalError(
            f"{path}: event {expected} cannot be read: {error}. {salvage_advice(path)}"
        ) from None


def refuse_damaged(path: Path) -> None:
    """Raise JournalError that names the first event of a journal which does not continue its chain,
    also where a start would go on from a snapshot after it.
    """
    for _ in chained_rows(path):
        pass


def count_events(path: Path) -> int:
    """How many events a journal has, by the number of its last. Raises JournalError."""
    last = _newest(path)
    return 0 if last is None else last[0] + 1


def last_written(path: Path) -> float:
    """When its newest event was written: wall time, seconds since 1970, UTC. Raises JournalError,
    also where there is none.
    """
    last = _newest(path)
    if last is None:
        raise JournalError(f"{path} holds no event")
    return last[1]


def _newest(path: Path) -> tuple[int, float] | None:
    """Number and wall time of the newest event."""
    try:
        for file in reversed(parts(path)):
            with contextlib.closing(open_to_read(file)) as database:
                schema_of(database, file)
                found = database.execute(NEWEST).fetchone()
            if found is not None:
                return int(found[0]), float(found[1])
    except DAMAGE as error:
        raise JournalError(f"{path} cannot be read as a journal: {error}") from None
    return None


def broken(path: Path, number: int, kind: str) -> JournalError:
    """What is said of the first event that does not continue the chain."""
    return JournalError(
        f"{path}: event {number} ({kind}) does not continue the chain; "
        f"the journal was changed after it was written. {salvage_advice(path)}"
    )


def salvage_advice(path: Path) -> str:
    """How to go on with what is whole."""
    return (
        f"`quorum audit verify {path}` tells more, `quorum journal salvage {path}` copies what is "
        "whole into a new file"
    )
