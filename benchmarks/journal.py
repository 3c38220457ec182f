"""The journal: durable appends, batches, and how long a desk takes to come back from it.

The events are those of a live desk on 50 instruments, sealed with a key. One JSON line a figure;
`--short` writes less. Appends wait for the disk of the temporary folder: TMPDIR chooses another.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import SHORT, figure, load
from benchmarks.recording.events import ORDERS, bars_of_events, started
from infra.journal.reader import count_events, read_chain, refuse_damaged
from infra.journal.snapshots import newest_snapshot
from infra.journal.sqlite import SqliteJournal
from infra.journal.verify import verify
from infra.live.books import SNAPSHOT_EVERY, Books
from infra.live.opening import open_books
from market.events import Event

SINGLES = 500 if SHORT else 5_000
BATCH = 150
BATCHES = 200 if SHORT else 2_000
RECOVERED = 100_000 if SHORT else 1_000_000
ROWS = 256
"""Bars that the desk remembers."""
KEY = secrets.token_bytes(32)


def events() -> Iterator[Event]:
    """Without end."""
    return itertools.chain.from_iterable(bars_of_events())


def opened(path: Path, key: bytes | None = KEY) -> Books:
    """The desk of a journal, as its gateway opens it."""
    seated = [agent.name for agent in started().agents]
    return open_books(path, started(), ROWS, seated, lambda: (0, 1e6), key=key)


def appends(folder: Path) -> None:
    """One event made durable, and batches of a decision's size."""
    journal = SqliteJournal(folder / "appended.sqlite", durable=True, key=KEY)
    told = list(itertools.islice(events(), SINGLES))
    taken = np.empty(SINGLES)
    for n, event in enumerate(told):
        began = time.perf_counter()
        journal.append(event)
        journal.commit()
        taken[n] = time.perf_counter() - began
    p50, p99 = np.quantile(taken, [0.5, 0.99]) * 1e3
    how = f"{SINGLES:,} events, each sealed and on disk before the next"
    figure("append_durable_p50_ms", p50, "ms", None, how)
    figure("append_durable_p99_ms", p99, "ms", 10.0, how, at_most=True)
    told = list(itertools.islice(events(), BATCH * BATCHES))
    spent = 0.0
    for batch in _batches(told):
        began = time.perf_counter()
        journal.append_all(batch)
        journal.commit()
        spent += time.perf_counter() - began
    how = f"{BATCHES:,} batches of {BATCH} events, each sealed, a batch on disk before the next"
    figure("batched_events_per_s", len(told) / spent, "events/s", None, how)
    journal.close()


def _batches(told: list[Event]) -> Iterator[list[Event]]:
    for start in range(0, len(told), BATCH):
        yield told[start : start + BATCH]


def written(path: Path) -> None:
    """A journal of so many events with the snapshots that a desk takes, left as by a crash."""
    books, recorded = opened(path), 0
    for bar in bars_of_events():
        books.record(*bar)
        recorded += len(bar)
        if recorded % SNAPSHOT_EVERY < len(bar):
            books.durable()
        if recorded >= RECOVERED:
            break
    books.close()
    forget(path, "sequence = (SELECT max(sequence) FROM snapshots)")


def forget(path: Path, snapshots: str) -> None:
    """Drop snapshots, as if they had never been taken. snapshots: which, in SQL."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(f"DELETE FROM snapshots WHERE {snapshots}")


def timed(what: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def reopened(path: Path) -> float:
    """Seconds until the desk's books are as they were left."""
    began = time.perf_counter()
    books = opened(path)
    taken = time.perf_counter() - began
    books.close()
    return taken


def recovery(folder: Path) -> None:
    """From a desk's journal to its books, from the newest snapshot and from the first event."""
    path = folder / "recovered.sqlite"
    written(path)
    size = path.stat().st_size / 1e6
    of = f"{RECOVERED:,} events, {size:,.0f} MB, orders in {ORDERS} of 50 instruments a bar, sealed"
    kept = newest_snapshot(path, KEY)
    since = count_events(path) - (kept.sequence + 1 if kept else 0)
    reach = 10.0 if not SHORT else None
    seconds = reopened(path)
    how = f"{of}; from the newest snapshot, {since:,} entries after it"
    figure("recovery_with_snapshot_s", seconds, "s", reach, how, at_most=True)
    seconds = timed(lambda: verify(path, KEY))
    figure("verify_s", seconds, "s", None, f"{of}; chain, seals and the file's structure")
    seconds = timed(lambda: refuse_damaged(path))
    figure(
        "resume_check_s", seconds, "s", None, f"{of}; the chain alone, before a desk is taken up"
    )
    seconds = timed(lambda: sum(1 for _ in read_chain(path)))
    figure("read_all_s", seconds, "s", None, f"{of}; chain checked, every event decoded")
    forget(path, "true")
    seconds = reopened(path)
    how = f"{of}; no snapshot, all of it read, checked and folded"
    figure("recovery_of_all_s", seconds, "s", reach, how, at_most=True)


def main() -> None:
    """One after the other."""
    arguments(__doc__)
    load("before")
    with tempfile.TemporaryDirectory(prefix="q") as name:
        appends(Path(name))
        recovery(Path(name))
    load("after")


if __name__ == "__main__":
    main()
