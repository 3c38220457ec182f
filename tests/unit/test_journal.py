"""The journal on disk: append-only, whole when the disk fills, plain about what is wrong."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from infra.journal.codec import decode, encode
from infra.journal.reader import read_events
from infra.journal.sqlite import SqliteJournal
from market.errors import JournalError, JournalUnwritable
from market.events import AgentAbstained, BarSettled, Event, SessionEnded


def note(number: int, reason: str = "it rained") -> AgentAbstained:
    return AgentAbstained(sequence=number, time=number, agent="frog", reason=reason)


def settled(units: np.ndarray) -> BarSettled:
    return BarSettled(
        sequence=0,
        time=0,
        units=units,
        mid=units,
        spread=units,
        rate=units,
        financing=units,
        equity=1.0,
        cash=1.0,
        margin_used=0.0,
    )


class SmallJournal(SqliteJournal):
    """A journal on a disk that has room for so many pages."""

    def __init__(self, path: Path, pages: int) -> None:
        super().__init__(path)
        self._database.execute(f"PRAGMA max_page_count = {pages}")


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """Writing beyond `size` bytes of any file fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fill_up_by(together: int, journal: SqliteJournal, most: int = 5_000) -> int:
    """Append so many events at once until the journal refuses; how many it had taken."""
    for first in range(0, most, together):
        try:
            journal.append_all([note(first + one, "x" * 400) for one in range(together)])
        except JournalUnwritable:
            return first
    raise AssertionError("the journal never filled up")


def fill_up(journal: SqliteJournal, *, commit_every: int, most: int = 5_000) -> tuple[int, int]:
    """Append until the journal refuses; how many were appended, and how many of them committed."""
    committed = 0
    for number in range(most):
        try:
            journal.append(note(number, "x" * 400))
            if number % commit_every == commit_every - 1:
                journal.commit()
                committed = number + 1
        except JournalUnwritable:
            return number, committed
    raise AssertionError("the journal never filled up")


def numbers(path: Path) -> list[int]:
    return [event.sequence for event in read_events(path) if isinstance(event, AgentAbstained)]


def test_events_are_there_after_the_close_and_their_digest_names_them(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    empty = journal.digest
    for number in range(3):
        journal.append(note(number))
    journal.close()
    assert len(journal) == 3
    assert journal.digest != empty
    assert list(read_events(tmp_path / "journal.sqlite")) == [note(0), note(1), note(2)]
    assert [path.name for path in tmp_path.iterdir()] == ["journal.sqlite"]


def test_a_reader_sees_what_was_committed_while_the_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    journal.append(note(0))
    journal.commit()
    journal.append(note(1))
    assert numbers(path) == [0]
    journal.close()
    assert numbers(path) == [0, 1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = x'00'",
        "UPDATE events SET written_at = 0",
        "DELETE FROM events",
        "DELETE FROM events WHERE sequence = 1",
        "INSERT OR REPLACE INTO events VALUES (0, 'SessionEnded', x'00', x'00', 0, NULL)",
        "INSERT OR REPLACE INTO events VALUES (-1, 'SessionEnded', x'00', x'00', 0, NULL)",
        "REPLACE INTO events SELECT sequence, kind, payload, hash, 0, seal FROM events",
    ],
)
def test_what_was_recorded_cannot_be_changed_removed_or_replaced(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    journal.append(note(0))
    journal.append(note(1))
    journal.close()
    before = path.read_bytes()
    database = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(statement)
    database.close()
    assert path.read_bytes() == before


def test_a_disk_that_fills_keeps_what_was_committed_and_the_chain_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SmallJournal(path, pages=30)
    appended, committed = fill_up(journal, commit_every=10)
    assert committed >= 10
    kept = numbers(path)
    assert kept == list(range(len(kept)))
    assert committed <= len(kept) <= appended


def test_a_file_that_cannot_grow_keeps_what_was_committed_and_the_chain_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    with files_no_longer_than(200_000):
        appended, committed = fill_up(journal, commit_every=10)
    assert committed >= 10
    kept = numbers(path)
    assert kept == list(range(len(kept)))
    assert committed <= len(kept) <= appended


@pytest.mark.parametrize("pages", range(20, 32))
def test_of_events_that_are_recorded_together_a_full_disk_keeps_all_or_none(
    tmp_path: Path, pages: int
) -> None:
    journal = SmallJournal(tmp_path / "journal.sqlite", pages)
    recorded = fill_up_by(7, journal)
    assert recorded > 0
    assert len(numbers(journal.path)) == recorded


def test_after_a_failed_write_the_journal_takes_nothing_more_even_when_there_is_room(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    with files_no_longer_than(100_000):
        fill_up(journal, commit_every=7)
    kept = numbers(path)
    late = SessionEnded(sequence=1, time=1, outcome="failed", bars=1)
    attempts: list[Callable[[], None]] = [
        lambda: journal.append(late),
        journal.commit,
        journal.close,
    ]
    for attempt in attempts:
        with pytest.raises(JournalUnwritable, match="cannot be written"):
            attempt()
    assert numbers(path) == kept


def test_a_journal_that_somebody_reads_can_be_closed(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path, durable=True)
    journal.append_all(map(note, range(3)))
    journal.commit()
    reading = read_events(path)
    assert next(reading) == note(0)
    journal.close()
    assert list(reading) == [note(1), note(2)]
    assert numbers(path) == [0, 1, 2]


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    SqliteJournal(path).close()
    with pytest.raises(JournalUnwritable, match="exists already"):
        SqliteJournal(path)


def test_a_folder_that_is_not_there_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(JournalUnwritable, match=r"gone.journal\.sqlite cannot be written"):
        SqliteJournal(tmp_path / "gone" / "journal.sqlite")


@pytest.mark.parametrize("name", ["a#b", "50%20", "why?", "ein Ordner", "ü"])
def test_a_folder_of_any_name_can_be_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    journal = SqliteJournal(folder / "journal.sqlite")
    journal.append(note(0))
    journal.close()
    assert numbers(folder / "journal.sqlite") == [0]


def test_a_missing_journal_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"no journal at .*nowhere"):
        list(read_events(tmp_path / "nowhere"))


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"schema 0|cannot be read as a journal"):
        list(read_events(path))


def test_another_schema_and_an_unknown_event_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    SqliteJournal(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(JournalError, match="schema 9, this version reads up to 3; a newer"):
        list(read_events(path))
    with pytest.raises(JournalError, match="'MoonRose', which this version does not know"):
        decode("MoonRose", b"")


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x80", encode(note(0))[1] + b"\x00"])
def test_bytes_that_do_not_fit_their_event_are_refused(payload: bytes) -> None:
    with pytest.raises(JournalError, match="a SessionEnded event cannot be read"):
        decode("SessionEnded", payload)


@pytest.mark.parametrize("cut", range(1, 30))
def test_an_array_that_was_cut_short_is_refused(cut: int) -> None:
    kind, payload = encode(settled(np.arange(3.0)))
    with pytest.raises(JournalError, match="a BarSettled event cannot be read"):
        decode(kind, payload[:-cut])


@pytest.mark.parametrize(
    "units",
    [
        np.zeros(2, np.float32),
        np.zeros(2, np.int32),
        np.zeros(2, ">f8"),
        np.zeros(2, bool),
        np.array([None]),
    ],
    ids=lambda units: str(units.dtype),
)
def test_arrays_of_other_kinds_are_never_written_as_what_they_are_not(units: np.ndarray) -> None:
    with pytest.raises(TypeError, match="float64 and int64"):
        encode(settled(units))


def test_strided_arrays_are_written_by_value() -> None:
    table: Event = settled(np.arange(8.0)[::2])
    assert encode(table) == encode(settled(np.array([0.0, 2.0, 4.0, 6.0])))
