"""A journal that goes on in a next file once one is full: one chain through all of them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.journal.backup import back_up, restore
from infra.journal.copying import new_file, write_rows
from infra.journal.export import export
from infra.journal.parts import part, parts
from infra.journal.reader import read_chain, read_events
from infra.journal.salvage import salvage
from infra.journal.snapshots import newest_snapshot
from infra.journal.sqlite import SqliteJournal
from infra.journal.verify import verify
from infra.live.opening import open_books
from market.errors import JournalError, JournalUnwritable
from market.events import AgentAbstained
from market.live_events import CoordinatorAttached
from tests.live_gateways import started
from tests.tampering import rewritten, stored, tampered

KEY = bytes(range(32))


def note(number: int) -> AgentAbstained:
    return AgentAbstained(sequence=number, time=number, agent="frog", reason="rain")


def written(path: Path, count: int = 25, per_file: int | None = 10) -> Path:
    journal = SqliteJournal(path, durable=True, key=KEY, events_per_file=per_file)
    for number in range(count):
        journal.append(note(number))
        journal.commit()
        if number == 12:
            journal.keep(b"twelve")
    journal.close()
    return path


def spoil(path: Path, event: int) -> None:
    spoiled = "UPDATE events SET payload = x'00' WHERE sequence = ?"
    tampered(path, lambda database: database.execute(spoiled, (event,)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "journal.sqlite")


def test_a_full_file_is_closed_and_the_chain_goes_on_in_the_next(
    path: Path, tmp_path: Path
) -> None:
    files = parts(path)
    assert [file.name for file in files] == [
        "journal.sqlite", "journal.part1.sqlite", "journal.part2.sqlite",
    ]  # fmt: skip
    assert [len(stored(file)) for file in files] == [10, 10, 5]
    whole = written(tmp_path / "whole.sqlite", per_file=None)
    assert list(read_chain(path)) == list(read_chain(whole))
    found = verify(path, KEY)
    assert (found.holds, found.events) == (True, 25)
    assert sorted(file.name for file in tmp_path.glob("journal*")) == [
        "journal.part1.sqlite", "journal.part2.sqlite", "journal.sqlite", "journal.sqlite.lock",
    ]  # fmt: skip


def test_a_desk_goes_on_in_the_last_file_from_its_newest_snapshot(path: Path) -> None:
    kept = newest_snapshot(path, KEY)
    assert kept is not None
    assert kept.sequence == 12
    assert [event for event, _ in read_chain(path, kept)] == [note(n) for n in range(13, 25)]
    seen: list[object] = []
    journal = SqliteJournal.resume(path, key=KEY, events_per_file=10, after=kept, into=seen.append)
    assert len(seen) == 12
    for number in range(25, 41):
        journal.append(note(number))
        journal.commit()
    journal.close()
    assert [len(stored(file)) for file in parts(path)] == [10, 10, 10, 10, 1]
    assert verify(path, KEY).events == 41


def test_a_snapshot_right_after_a_file_is_full_lies_beside_its_event(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path, durable=True, key=KEY, events_per_file=10)
    journal.append_all(map(note, range(10)))
    journal.commit()
    journal.keep(b"ten")
    journal.append(note(10))
    journal.close()
    assert verify(path, KEY).holds
    kept = newest_snapshot(path, KEY)
    assert kept is not None
    assert [event for event, _ in read_chain(path, kept)] == [note(10)]


def test_a_file_without_an_event_yet_takes_no_snapshot(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite", count=10, per_file=None)
    with new_file(part(path, 1), like=path) as beside:
        write_rows(beside, (), ())  # a death right after the next file was begun
    for events in (0, 3):
        journal = SqliteJournal.resume(path, key=KEY, events_per_file=10)
        journal.append_all(note(number) for number in range(10, 10 + events))
        journal.commit()
        journal.keep(b"kept")
        journal.close()
        assert verify(path, KEY).holds
    kept = newest_snapshot(path, KEY)
    assert kept is not None
    assert kept.sequence == 12


def test_a_desk_folds_through_its_files(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    epoch = 0
    for _ in range(3):
        books = open_books(
            path, started(), 8, ("one",), lambda: (1, 1e5), key=KEY, events_per_file=4
        )
        assert books.state.epoch == epoch
        for _ in range(5):
            epoch += 1
            books.record(CoordinatorAttached(time=epoch, epoch=epoch))
            books.durable()
        books._journal.close()  # without a snapshot: all of it is read
    assert len(parts(path)) > 3
    assert verify(path, KEY).holds


@settings(max_examples=15, deadline=None)
@given(event=st.integers(0, 24), way=st.sampled_from(["spoiled", "removed"]))
def test_the_first_bad_event_is_named_whatever_file_it_is_in(event: int, way: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "journal.sqlite")
        file = parts(path)[event // 10]
        if way == "spoiled":
            spoil(file, event)
        else:
            rewritten(file, [row for row in stored(file) if row[0] != event])
        found = verify(path, KEY)
        if way == "removed" and event == 24:
            assert found.holds, "only an anchor could tell"
            return
        assert found.faults[0].event == event
        done = salvage(path, Path(folder) / "salvaged.sqlite", KEY) if event else None
        assert done is None or (done.kept, list(read_events(Path(folder) / "salvaged.sqlite"))) == (
            event, [note(n) for n in range(event)],
        )  # fmt: skip


def test_a_missing_file_is_named(path: Path, tmp_path: Path) -> None:
    second = parts(path)[1]
    second.rename(tmp_path / "elsewhere")
    for read in (verify, newest_snapshot, lambda p: list(read_events(p)), SqliteJournal.resume):
        with pytest.raises(
            JournalError, match=r"journal\.part1\.sqlite.*put journal\.part1\.sqlite back"
        ):
            read(path)
    path.unlink()
    with pytest.raises(JournalError, match="no journal at"):
        list(read_events(path))
    shutil.move(tmp_path / "elsewhere", second)
    with pytest.raises(JournalUnwritable, match="exists already"):
        SqliteJournal(path)


def test_all_files_are_backed_up_restored_and_exported(path: Path, tmp_path: Path) -> None:
    backup, home = tmp_path / "copies" / "backup.sqlite", tmp_path / "home"
    backup.parent.mkdir()
    home.mkdir()
    assert back_up(path, backup, KEY).events == 25
    assert sorted(file.name for file in backup.parent.iterdir()) == [
        "backup.part1.sqlite", "backup.part2.sqlite", "backup.sqlite",
    ]  # fmt: skip
    restore(backup, home / "journal.sqlite", KEY)
    assert list(read_chain(home / "journal.sqlite")) == list(read_chain(path))
    assert export(path, tmp_path / "all.csv", "csv") == 25
    (tmp_path / "other.part1.sqlite").touch()
    with pytest.raises(JournalUnwritable, match=r"other\.part1\.sqlite exists already"):
        back_up(path, tmp_path / "other.sqlite", KEY)
    assert not (tmp_path / "other.sqlite").exists()


def test_a_reader_of_the_full_file_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path, durable=True, key=KEY, events_per_file=10)
    journal.append_all(map(note, range(9)))
    journal.commit()
    reading = read_events(path)
    assert next(reading) == note(0)
    journal.append_all(map(note, range(9, 15)))
    journal.commit()
    journal.append(note(15))
    assert len(parts(path)) == 2
    assert list(reading) == [note(n) for n in range(1, 9)], "as it was when reading began"
    journal.close()
    assert list(read_events(path)) == [note(n) for n in range(16)]
