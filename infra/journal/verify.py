"""Verifying a journal: whether anything was changed, removed, put in or cut off, and what first."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.journal.anchors import Anchor, anchor_fault
from infra.journal.chain import GENESIS, chain
from infra.journal.parts import journal_rows, parts
from infra.journal.reader import count_events
from infra.journal.schema import DAMAGE, open_to_read, schema_of
from infra.journal.sealing import Seals
from infra.journal.snapshots import damaged_snapshots
from market.errors import JournalError

PROGRESS_EVERY = 20_000
Progress = Callable[[int, int], None]
"""Told how many events of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """event: its number, None where it is about the file. what: a sentence."""

    event: int | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found.

    events: that hold, from the first on. head: hash after them. sealed_from: the first event with
    a seal, None without any. keyed: whether seals were checked with a key. anchors: that were met.
    first_at, last_at: wall time of writing, seconds since 1970, NaN without events. faults: the
    first in the chain, then of anchors, snapshots and the file.
    """

    path: Path
    schema: int
    events: int
    head: bytes
    sealed_from: int | None
    keyed: bool
    anchors: int
    first_at: float
    last_at: float
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


def told(found: Verified) -> str:
    """The first fault in words; there is one."""
    fault = found.faults[0]
    return fault.what if fault.event is None else f"event {fault.event} {fault.what}"


def no_progress(done: int, total: int) -> None:
    """Nobody watches."""


def verify(
    path: Path,
    key: bytes | None = None,
    anchors: Sequence[Anchor] = (),
    progress: Progress = no_progress,
) -> Verified:
    """Check every event against the chain, its seal and the anchors.

    key: of the seals; without it only their absence is noticed. Raises JournalError for a file
    that is no journal or of another version.
    """
    try:
        with contextlib.closing(open_to_read(path)) as database:
            schema = schema_of(database, path)
    except DAMAGE as error:
        raise JournalError(f"{path} cannot be read as a journal: {error}") from None
    total = count_events(path)
    pass_ = _Pass(Seals(path, key, strict=False), anchors)
    faults = []
    try:
        for row in journal_rows(path):
            fault = pass_.fault(*row)
            if fault:
                faults.append(Fault(event=pass_.count, what=fault))
                break
            pass_.count += 1
            if pass_.count % PROGRESS_EVERY == 0:
                progress(pass_.count, total)
    except (*DAMAGE, JournalError) as error:
        faults.append(Fault(event=pass_.count, what=f"cannot be read: {error}"))
    if not faults and key is not None and pass_.count and pass_.sealed_from is None:
        faults.append(Fault(event=0, what="has no seal, nor has any other, and a key was given"))
    if not faults:
        # Where the chain breaks, everything after it is in doubt: that is said once.
        faults += pass_.beyond_the_end()
    for file in parts(path):
        faults += _faults_of(file, key)
    return Verified(
        path=path,
        schema=schema,
        events=pass_.count,
        head=pass_.head,
        sealed_from=pass_.sealed_from,
        keyed=key is not None,
        anchors=pass_.met,
        first_at=pass_.first_at,
        last_at=pass_.last_at,
        faults=tuple(faults),
    )


class _Pass:
    """One pass over the events. count, head: of those that hold."""

    def __init__(self, seals: Seals, anchors: Sequence[Anchor]) -> None:
        self.count = 0
        self.head = GENESIS
        self.sealed_from: int | None = None
        self.met = 0
        self.first_at = self.last_at = float("nan")
        self._seals = seals
        self._anchors: dict[int, list[Anchor]] = {}
        for anchor in anchors:
            self._anchors.setdefault(anchor.count, []).append(anchor)

    def fault(  # noqa: PLR0911
        self,
        sequence: object,
        kind: object,
        payload: object,
        stored: object,
        written_at: object,
        sealed: object,
    ) -> str:
        """What is wrong with the next row, empty where nothing is."""
        expected = self.count
        if sequence != expected:
            return f"is missing; the one that follows is numbered {sequence}"
        if type(kind) is not str or type(payload) is not bytes:
            return "has a type or a payload that is none"
        head = chain(self.head, expected, kind, payload)
        if head != stored:
            return (
                f"({kind}) does not continue the chain: it or its hash was changed, or another "
                "was put in its place"
            )
        if type(written_at) is not float:
            return f"({kind}) has a wall time that is none"
        if sealed is not None and type(sealed) is not bytes:
            return f"({kind}) has a seal that is none"
        fault = self._seals.fault(head, written_at, sealed)
        if fault:
            return f"({kind}) {fault}"
        for anchor in self._anchors.pop(expected + 1, ()):
            fault = anchor_fault(anchor, head, sealed)
            if fault:
                return f"({kind}) is not what was anchored: the journal {fault}"
            self.met += 1
        if sealed is not None and self.sealed_from is None:
            self.sealed_from = expected
        if expected == 0:
            self.first_at = written_at
        self.head, self.last_at = head, written_at
        return ""

    def beyond_the_end(self) -> list[Fault]:
        """Of the anchors that no event met."""
        left = [anchor for same in self._anchors.values() for anchor in same if anchor.count != 0]
        if not left:
            return []
        last = max(left, key=lambda anchor: anchor.count)
        if last.count < self.count:
            return [Fault(event=None, what=f"an anchor names {last.count} events, which is none")]
        return [
            Fault(
                event=self.count,
                what=f"and what follows up to event {last.count - 1} is missing: it was anchored",
            )
        ]


def _faults_of(file: Path, key: bytes | None) -> list[Fault]:
    """What is wrong with a file beside its events."""
    try:
        with contextlib.closing(open_to_read(file)) as database:
            schema = schema_of(database, file)
            return [*_snapshots(database, schema, key), *_structure(database)]
    except (*DAMAGE, JournalError) as error:
        return [Fault(event=None, what=f"{file.name} cannot be read: {error}")]


def _snapshots(database: sqlite3.Connection, schema: int, key: bytes | None) -> list[Fault]:
    """The snapshots that do not stand on the chain; a start does without them."""
    try:
        return [
            Fault(event=None, what=f"the snapshot after event {number} is damaged or has no event")
            for number in damaged_snapshots(database, schema, key)
        ]
    except DAMAGE as error:
        return [Fault(event=None, what=f"the snapshots cannot be read: {error}")]


def _structure(database: sqlite3.Connection) -> list[Fault]:
    """What SQLite finds wrong with the file."""
    try:
        ((found,),) = database.execute("PRAGMA quick_check(1)").fetchall()
    except DAMAGE as error:
        found = str(error)
    if found == "ok":
        return []
    return [Fault(event=None, what=f"the structure of the file is damaged: {found}")]
