"""Salvage, migration, backup, restore and export: what is copied is whole, or there is no copy."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from infra.journal.backup import back_up, restore
from infra.journal.export import FORMATS, export
from infra.journal.migration import migrate
from infra.journal.reader import read_chain, read_events
from infra.journal.salvage import salvage
from infra.journal.snapshots import newest_snapshot
from infra.journal.sqlite import SqliteJournal
from infra.journal.verify import verify
from infra.live.opening import open_books
from market.errors import JournalError, JournalUnwritable
from market.events import AgentAbstained, BarSettled, Event
from market.live_events import CoordinatorAttached
from tests.live_gateways import started
from tests.tampering import stored, tampered

KEY = bytes(range(32))
PAYLOAD = 2


def note(number: int, reason: str = "rain") -> AgentAbstained:
    return AgentAbstained(sequence=number, time=number, agent="frog", reason=reason)


def written(path: Path, count: int = 10, key: bytes | None = KEY, reason: str = "rain") -> Path:
    """A journal with snapshots after events 2, 4 and so on."""
    journal = SqliteJournal(path, durable=True, key=key)
    for number in range(count):
        journal.append(note(number, reason))
        if number % 2 == 0 and number:
            journal.keep(str(number).encode())
    journal.close()
    return path


def spoil(path: Path, event: int) -> None:
    spoiled = "UPDATE events SET payload = x'00' WHERE sequence = ?"
    tampered(path, lambda database: database.execute(spoiled, (event,)))


def test_every_event_before_the_first_bad_one_is_salvaged(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "salvaged.sqlite"
    spoil(path, 7)
    before = path.read_bytes()
    done = salvage(path, out, KEY)
    assert (done.kept, done.lost) == (7, 3)
    assert "event 7 (AgentAbstained) does not continue the chain" in done.why
    assert stored(out) == stored(path)[:7]
    assert verify(out, KEY).holds
    kept = newest_snapshot(out, KEY)
    assert kept is not None
    assert kept.sequence == 6, "the snapshot of lost events is not taken along"
    assert path.read_bytes() == before
    with pytest.raises(JournalUnwritable, match="exists already"):
        salvage(path, out, KEY)
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".lock") == [
        "journal.sqlite", "salvaged.sqlite",
    ]  # fmt: skip


def test_a_salvaged_journal_can_be_gone_on_with(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "salvaged.sqlite"
    spoil(path, 7)
    salvage(path, out, KEY)
    journal = SqliteJournal.resume(out, key=KEY)
    journal.append(note(7, "sun"))
    journal.close()
    assert verify(out, KEY).events == 8


def test_pages_that_were_overwritten_cost_only_what_lies_behind_them(tmp_path: Path) -> None:
    path, out = tmp_path / "journal.sqlite", tmp_path / "salvaged.sqlite"
    written(path, 200, None, "x" * 400)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = bytes(4096)
    path.write_bytes(content)
    found = verify(path)
    assert not found.holds
    done = salvage(path, out)
    assert done.kept == found.events > 10
    assert list(read_events(out)) == [note(n, "x" * 400) for n in range(done.kept)]


def test_of_a_journal_without_a_whole_event_nothing_is_salvaged(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "salvaged.sqlite"
    spoil(path, 0)
    with pytest.raises(JournalError, match=r"no event that is whole.*restore a backup"):
        salvage(path, out, KEY)
    assert not out.exists()


def test_a_desk_does_not_start_on_a_corrupt_journal_and_says_how_to_salvage(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    books = open_books(path, started(), 8, ("one",), lambda: (1, 1e5))
    books.record(*(CoordinatorAttached(time=n, epoch=n) for n in range(1, 5)))
    books._journal.close()
    spoil(path, 4)
    with pytest.raises(JournalError, match=r"event 4 .*quorum journal salvage .*journal\.sqlite"):
        open_books(path, started(), 8, ("one",), lambda: (1, 1e5))


def of_schema_two(path: Path) -> None:
    """As an earlier version wrote it."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("ALTER TABLE events DROP COLUMN seal")
        database.execute("ALTER TABLE snapshots DROP COLUMN seal")
        database.execute("PRAGMA user_version = 2")


def test_an_older_journal_is_read_and_is_migrated_with_the_same_chain(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite", key=None)
    before = list(read_chain(path))
    of_schema_two(path)
    assert list(read_chain(path)) == before
    assert newest_snapshot(path) is not None
    assert verify(path).holds
    with pytest.raises(JournalError, match="quorum journal migrate"):
        SqliteJournal.resume(path)
    old = migrate(path)
    assert old == tmp_path / "journal.schema2.sqlite"
    for each in (old, path):
        assert list(read_chain(each)) == before
    assert verify(path).schema == 3
    assert newest_snapshot(path) == newest_snapshot(old)
    journal = SqliteJournal.resume(path, key=KEY)
    journal.append(note(10))
    journal.close()
    assert verify(path, KEY).sealed_from == 10
    with pytest.raises(JournalError, match="has schema 3 already"):
        migrate(path)


def test_a_journal_that_a_desk_writes_is_not_migrated(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite", key=None)
    writer = SqliteJournal.resume(path)
    of_schema_two(path)
    with pytest.raises(JournalUnwritable, match="another desk writes"):
        migrate(path)
    writer.let_go()
    writer._database.close()


def test_a_newer_journal_is_refused_plainly(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite")
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 4")
    for read in (verify, SqliteJournal.resume, migrate, lambda p: list(read_events(p))):
        with pytest.raises(JournalError, match=r"schema 4.*a newer version of Quorum wrote it"):
            read(path)


def test_a_journal_is_backed_up_while_a_desk_writes_and_the_desk_goes_on(tmp_path: Path) -> None:
    path, out = tmp_path / "journal.sqlite", tmp_path / "backup.sqlite"
    journal = SqliteJournal(path, durable=True, key=KEY)
    journal.append_all(note(n, "x" * 200) for n in range(200))
    journal.commit()
    steps: list[int] = []

    def meanwhile(_: int, total: int) -> None:
        steps.append(total)
        journal.append(note(len(journal)))
        journal.commit()

    found = back_up(path, out, KEY, progress=meanwhile, pages_at_once=1)
    assert len(steps) > 5, "the desk wrote between the steps"
    assert found.events == 200
    assert list(read_events(out)) == [note(n, "x" * 200) for n in range(200)]
    journal.close()
    assert verify(path, KEY).events == 200 + len(steps)
    assert stat.S_ISREG(out.stat().st_mode)


def test_a_restored_backup_is_the_journal_and_takes_no_others_place(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite")
    backup = tmp_path / "backup.sqlite"
    back_up(path, backup, KEY)
    with pytest.raises(JournalUnwritable, match="exists already"):
        restore(backup, path, KEY)
    rows = stored(path)
    path.unlink()
    assert restore(backup, path, KEY).holds
    assert stored(path) == rows
    journal = SqliteJournal.resume(path, key=KEY, after=newest_snapshot(path, KEY))
    assert len(journal) == 10
    journal.close()


def test_of_a_damaged_journal_there_is_no_backup(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    spoil(path, 3)
    with pytest.raises(JournalError, match="not copied, because it does not verify: event 3"):
        back_up(path, out)
    assert [p.name for p in tmp_path.glob("backup*")] == []
    with pytest.raises(JournalUnwritable, match="cannot be written"):
        back_up(path, tmp_path / "gone" / "backup.sqlite")


def events_of_all_kinds() -> list[Event]:
    bar = BarSettled(
        sequence=0,
        time=1_700_000_000_123_456_789,
        units=np.array([1.5, np.nan]),
        mid=np.array([1.0, 2.0]),
        spread=np.zeros(2),
        rate=np.ones(2),
        financing=np.zeros(2),
        equity=float("inf"),
        cash=2.0,
        margin_used=0.0,
    )
    return [started(), bar, note(1, 'a "quoted", word\nand a line')]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_has_every_event_as_a_row(tmp_path: Path, kind: str) -> None:
    path, out = tmp_path / "journal.sqlite", tmp_path / f"journal.{kind}"
    journal = SqliteJournal(path)
    journal.append_all(events_of_all_kinds())
    journal.close()
    assert export(path, out, kind) == 3
    if kind == "csv":
        with out.open(newline="", encoding="utf-8") as file:
            rows = [row | {"event": json.loads(row["event"])} for row in csv.DictReader(file)]
    elif kind == "json":
        rows = json.loads(out.read_text("utf-8"))
        assert len(out.read_text("utf-8").splitlines()) == 5
    else:
        rows = [row | {"event": json.loads(row["event"])} for row in pq.read_table(out).to_pylist()]
    assert [int(row["sequence"]) for row in rows] == [0, 1, 2]
    assert [row["kind"] for row in rows] == ["SessionStarted", "BarSettled", "AgentAbstained"]
    assert [row["hash"] for row in rows] == [head.hex() for _, head in read_chain(path)]
    bar, abstained = rows[1], rows[2]
    assert bar["event"]["units"] == [1.5, None]
    assert bar["event"]["equity"] is None
    assert abstained["event"]["reason"] == 'a "quoted", word\nand a line'
    assert not rows[0]["time"]
    if kind == "parquet":
        assert bar["time"].value == 1_700_000_000_123_456_789
    else:
        assert bar["time"] == "2023-11-14T22:13:20.123456789Z"
        at = datetime.fromisoformat(bar["written_at"])
        assert abs((datetime.now(UTC) - at).total_seconds()) < 3600.0


def test_a_broken_journal_is_not_exported_in_part(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "journal.csv"
    spoil(path, 7)
    with pytest.raises(JournalError, match="event 7"):
        export(path, out, "csv")
    assert not list(tmp_path.glob("journal.csv*"))
    with pytest.raises(JournalError, match="expected a format of csv, json, parquet"):
        export(path, out, "xml")
