"""Copies of a journal among what desks, crashes and other people left in its folder."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest

from infra.journal.anchors import Anchor
from infra.journal.backup import back_up, restore
from infra.journal.copying import new_file
from infra.journal.export import FORMATS, export
from infra.journal.migration import migrate
from infra.journal.salvage import salvage
from infra.journal.sqlite import SqliteJournal
from infra.journal.verify import verify
from infra.live.opening import open_books
from market.errors import JournalError, JournalUnwritable
from tests.live_gateways import started
from tests.tampering import stored, tampered
from tests.unit.test_journal_copies import KEY, note, of_schema_two, spoil, written
from tests.unit.test_journal_copies import events_of_all_kinds as some_events


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def killed(path: Path) -> None:
    """Write a journal and a backup of its first half, and die without a word."""
    journal = SqliteJournal(path, durable=True, key=KEY)
    journal.append_all(map(note, range(20)))
    journal.commit()
    back_up(path, path.with_name("backup.sqlite"), KEY)
    journal.append_all(map(note, range(20, 40)))
    journal.commit()
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The journal of a killed desk: a file and its log, and a backup beside them."""
    path = tmp_path / "journal.sqlite"
    process = multiprocessing.get_context("spawn").Process(target=killed, args=(path,))
    process.start()
    process.join()
    assert names(tmp_path) == [
        "backup.sqlite", "journal.sqlite", "journal.sqlite-shm", "journal.sqlite-wal",
    ]  # fmt: skip
    return path


def test_the_log_of_a_lost_journal_is_not_merged_into_the_backup_in_its_place(
    left: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.sqlite"
    lost = tmp_path / "lost"
    lost.mkdir()
    left.rename(lost / left.name)
    with pytest.raises(JournalUnwritable, match=r"journal\.sqlite-wal was left by .* Move it away"):
        restore(backup, left, KEY)
    assert not left.exists()
    for log in tmp_path.glob("journal.sqlite-*"):
        shutil.move(log, lost)
    assert restore(backup, left, KEY).events == 20
    assert verify(left, KEY).events == 20
    assert verify(lost / left.name, KEY).events == 40, "moved whole, it is as it was"


def test_what_a_killed_desk_left_in_its_log_is_salvaged_and_backed_up(
    left: Path, tmp_path: Path
) -> None:
    assert salvage(left, tmp_path / "salvaged.sqlite", KEY).kept == 40
    assert back_up(left, tmp_path / "whole.sqlite", KEY).events == 40
    assert stored(tmp_path / "salvaged.sqlite") == stored(tmp_path / "whole.sqlite")


def test_nothing_is_restored_under_a_desk_that_still_trades(tmp_path: Path) -> None:
    path, backup = tmp_path / "journal.sqlite", tmp_path / "backup.sqlite"
    journal = SqliteJournal(path, durable=True)
    journal.append(note(0))
    journal.commit()
    back_up(path, backup)
    lost = tmp_path / "lost"
    lost.mkdir()
    for each in (path, *tmp_path.glob("journal.sqlite-*")):
        shutil.move(each, lost)
    with pytest.raises(JournalUnwritable, match="another desk writes"):
        restore(backup, path)
    journal.let_go()
    assert restore(backup, path).events == 1


def test_a_copy_replaces_nothing_that_came_to_its_name_meanwhile(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    with pytest.raises(JournalUnwritable, match="exists already"):
        back_up(path, out, KEY, progress=lambda *_: out.write_bytes(b"precious"))  # type: ignore[arg-type]
    assert out.read_bytes() == b"precious"
    assert names(tmp_path) == ["backup.sqlite", "journal.sqlite"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_part_of_a_lost_journal_is_not_taken_for_one_of_the_backup(
    tmp_path: Path, number: int
) -> None:
    path, backup = written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    back_up(path, backup, KEY)
    path.rename(tmp_path / f"journal.part{number}.sqlite")
    with pytest.raises(JournalUnwritable, match=rf"journal\.part{number}\.sqlite exists already"):
        restore(backup, path, KEY)
    assert names(tmp_path) == ["backup.sqlite", f"journal.part{number}.sqlite"]


@pytest.mark.parametrize("name", ["journal.20251129.sqlite", "journal.1.sqlite"])
def test_a_dated_backup_beside_the_journal_is_no_part_of_it(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "journal.sqlite")
    back_up(path, tmp_path / name, KEY)
    resumed = SqliteJournal.resume(path, key=KEY)
    resumed.append(note(10))
    resumed.close()
    assert verify(path, KEY).events == 11
    assert verify(tmp_path / name, KEY).events == 10


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    out.symlink_to(tmp_path / "nowhere")
    with pytest.raises(JournalUnwritable, match="exists already"):
        back_up(path, out, KEY)
    assert not (tmp_path / "nowhere").exists()


def test_a_copy_that_fails_leaves_neither_file_nor_log(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite")

    def fail(beside: Path) -> None:
        beside.write_bytes(b"half")
        beside.with_name(beside.name + "-wal").write_bytes(b"half")
        raise JournalError("enough")

    with (
        pytest.raises(JournalError, match="enough"),
        new_file(tmp_path / "copy.sqlite", like=path) as beside,
    ):
        fail(beside)
    assert names(tmp_path) == ["journal.sqlite"]


def test_of_several_files_none_is_left_when_the_last_cannot_take_its_name(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "copy.sqlite"

    def meanwhile(beside: Path) -> None:
        beside.with_name("first.sqlite").write_bytes(b"first")
        beside.write_bytes(b"main")
        out.write_bytes(b"precious")

    with (
        pytest.raises(JournalUnwritable, match="exists already"),
        new_file(out, like=path) as beside,
    ):
        meanwhile(beside)
    assert out.read_bytes() == b"precious"
    assert names(tmp_path) == ["copy.sqlite", "journal.sqlite"]


def test_a_copy_is_read_by_those_who_may_read_the_journal(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite", key=None)
    path.chmod(0o600)
    spoiled = tmp_path / "spoiled.sqlite"
    back_up(path, spoiled)
    spoil(spoiled, 7)
    salvage(spoiled, tmp_path / "salvaged.sqlite")
    export(path, tmp_path / "journal.csv", "csv")
    of_schema_two(path)
    migrate(path)
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in names(tmp_path)}
    assert len(modes) == 5
    assert set(modes.values()) == {0o600}, modes


def test_a_result_names_the_file_that_there_is(tmp_path: Path) -> None:
    path, out = written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    assert back_up(path, out, KEY).path == out


def test_a_migration_that_was_interrupted_can_be_done_again(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite", key=None)
    of_schema_two(path)
    other = tmp_path / "journal.schema2.sqlite"
    other.write_bytes(b"of last year")
    before = path.read_bytes()
    with pytest.raises(JournalUnwritable, match="exists already"):
        migrate(path)
    assert (path.read_bytes(), other.read_bytes()) == (before, b"of last year")
    assert names(tmp_path) == ["journal.schema2.sqlite", "journal.sqlite"]
    other.unlink()
    assert migrate(path) == other
    assert other.read_bytes() == before
    assert verify(path).events == 10


def test_a_damaged_journal_is_not_migrated_and_stays_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite", key=None)
    of_schema_two(path)
    tampered(path, lambda base: base.execute("UPDATE events SET written_at = 'x' WHERE sequence=4"))
    with pytest.raises(JournalError, match=r"event 4 .*wall time that is none"):
        migrate(path)
    assert names(tmp_path) == ["journal.sqlite"]
    assert verify(path).schema == 2


@pytest.mark.parametrize("command", [migrate, SqliteJournal.resume, verify])
def test_what_is_no_database_is_a_damaged_journal_and_not_a_full_disk(
    tmp_path: Path, command: object
) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no journal at all" * 500)
    with pytest.raises(JournalError, match="cannot be read as a journal: file is not a database"):
        command(path)  # type: ignore[operator]


def test_an_anchored_desk_does_not_start_on_a_file_whose_pages_cannot_be_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 200, None, "x" * 400)
    anchor = Anchor(count=150, head=stored(path)[149][3].hex(), seal=None, at=0.0)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 // 4096 * 4096 :] = b"\xff" * (
        len(content) - len(content) // 3 // 4096 * 4096
    )
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"event 149, which was anchored, cannot be read.*salv"):
        open_books(path, started(), 8, ("one",), lambda: (1, 1e5), anchored=[anchor])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("at", ["1e300", "-1e300", "9e15", "'yesterday'", "-1.0", "7"])
def test_a_wall_time_that_is_none_is_told_and_not_exported(
    tmp_path: Path, kind: str, at: str
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    journal.append_all(some_events())
    journal.close()
    tampered(
        path, lambda base: base.execute(f"UPDATE events SET written_at = {at} WHERE sequence = 1")
    )
    if at == "7":  # the column makes a real of it, and a time it is
        assert export(path, tmp_path / "out", kind) == 3
        return
    with pytest.raises(JournalError, match=r"event 1 has .* as its wall time"):
        export(path, tmp_path / "out", kind)
    assert names(tmp_path) == ["journal.sqlite"]


def test_what_does_not_bear_its_seal_is_not_exported_with_the_key(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.sqlite")
    tampered(
        path, lambda base: base.execute("UPDATE events SET written_at = 1.0 WHERE sequence = 3")
    )
    with pytest.raises(JournalError, match=r"event 3 .* does not bear the seal"):
        export(path, tmp_path / "out.csv", "csv", key=KEY)
    assert names(tmp_path) == ["journal.sqlite"]
