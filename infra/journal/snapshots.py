"""Snapshots: what the events so far fold to, so that a start reads only what follows."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.journal.parts import parts
from infra.journal.schema import DAMAGE, UNSEALED, open_to_read, schema_of
from market.errors import JournalError

KEPT = 2
SnapshotRow = tuple[int, bytes, bytes, bytes, bytes | None]
"""sequence, payload, head, digest, seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the events up to `sequence` folded to. head, seal: there; seal None where unsealed."""

    sequence: int
    head: bytes
    seal: bytes | None
    payload: bytes


def newest_snapshot(path: Path, key: bytes | None = None) -> Snapshot | None:
    """The newest snapshot that is whole and stands on the chain; None without one.

    key: as of `whole_snapshots`. Raises JournalError for a missing file or another schema.
    """
    return next(whole_snapshots(path, key), None)


def whole_snapshots(path: Path, key: bytes | None = None) -> Iterator[Snapshot]:
    """The snapshots that are whole and stand on the chain, newest first; a damaged one is left out.

    key: leaves out also what it did not seal; a desk that seals goes on from no other. Raises
    JournalError for a missing file or another schema.
    """
    try:
        for file in reversed(parts(path)):
            with contextlib.closing(open_to_read(file)) as database:
                schema = schema_of(database, file)
                found = list(_whole(database, schema, key))
            yield from found
    except DAMAGE as error:
        raise JournalError(f"{path} cannot be read as a journal: {error}") from None


def keep_snapshot(
    database: sqlite3.Connection, sequence: int, head: bytes, payload: bytes, key: bytes | None
) -> None:
    """Store a snapshot, sealed with a key, and forget all but the newest. Raises sqlite3.Error."""
    digest = snapshot_digest(sequence, head, payload)
    sealed = None if key is None else snapshot_seal(key, digest)
    database.execute(
        "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)",
        (sequence, payload, head, digest, sealed),
    )
    database.execute(
        "DELETE FROM snapshots WHERE sequence NOT IN "
        f"(SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT {KEPT})"
    )


def snapshot_digest(sequence: int, head: bytes, payload: bytes) -> bytes:
    """SHA-256 over everything that a snapshot holds."""
    return hashlib.sha256(b"%d:" % sequence + head + payload).digest()


def snapshot_seal(key: bytes, digest: bytes) -> bytes:
    """HMAC-SHA256 over a snapshot's digest."""
    return hmac.digest(key, b"snapshot:" + digest, "sha256")


def whole_rows(path: Path) -> list[SnapshotRow]:
    """The snapshots that are whole, as they are stored, oldest first. Raises JournalError."""
    try:
        rows: list[SnapshotRow] = []
        for file in reversed(parts(path)):
            with contextlib.closing(open_to_read(file)) as database:
                rows += [
                    (kept.sequence, kept.payload, kept.head, _digest(kept), sealed)
                    for _, kept, sealed in _stored(database, schema_of(database, file))
                    if kept is not None
                ]
    except DAMAGE as error:
        raise JournalError(f"{path} cannot be read as a journal: {error}") from None
    return rows[::-1]


def has_snapshots(database: sqlite3.Connection) -> bool:
    """Whether the file has room for snapshots; a replay's has none."""
    tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'snapshots'")
    return tables.fetchone() is not None


def damaged_snapshots(
    database: sqlite3.Connection, schema: int, key: bytes | None
) -> Iterator[int]:
    """The numbers of those that are not whole, or not on the chain, or bear a wrong seal."""
    for number, found, sealed in _stored(database, schema):
        if found is None or (
            key is not None and sealed is not None and sealed != snapshot_seal(key, _digest(found))
        ):
            yield number


def _whole(database: sqlite3.Connection, schema: int, key: bytes | None) -> Iterator[Snapshot]:
    for _, found, sealed in _stored(database, schema):
        if found is not None and (key is None or sealed == snapshot_seal(key, _digest(found))):
            yield found


def _stored(
    database: sqlite3.Connection, schema: int
) -> Iterator[tuple[int, Snapshot | None, bytes | None]]:
    """Number, snapshot and its seal, newest first; None for a snapshot that is damaged."""
    if not has_snapshots(database):
        return
    seals = "NULL, NULL" if schema == UNSEALED else "snapshots.seal, events.seal"
    numbers = database.execute("SELECT sequence FROM snapshots ORDER BY sequence DESC").fetchall()
    for (number,) in numbers:
        try:
            payload, head, digest, stored, sealed, after = database.execute(
                f"SELECT snapshots.payload, head, digest, events.hash, {seals} FROM snapshots "
                "LEFT JOIN events USING (sequence) WHERE sequence = ?",
                (number,),
            ).fetchone()
        except (*DAMAGE, TypeError):
            yield number, None, None
            continue
        found = None
        if isinstance(payload, bytes) and isinstance(head, bytes) and head == stored:
            found = Snapshot(sequence=number, head=head, seal=after, payload=payload)
            found = found if digest == _digest(found) else None
        yield number, found, sealed


def _digest(snapshot: Snapshot) -> bytes:
    return snapshot_digest(snapshot.sequence, snapshot.head, snapshot.payload)
