"""A file of records that could not be opened is free for whoever tries next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from infra.brokers.record_file import RecordFile

SCHEMA = ("CREATE TABLE one (value INTEGER)",)


def opened(path: Path, version: int = 1) -> RecordFile:
    return RecordFile(path, SCHEMA, version, what="a file of a test", owner="test")


def unfinished(_database: sqlite3.Connection, _version: int) -> int:
    raise ZeroDivisionError


def test_a_migration_that_breaks_off_leaves_the_file_as_it_was_and_free(tmp_path: Path) -> None:
    path = tmp_path / "records"
    first = opened(path)
    first.write(("INSERT INTO one VALUES (?)", [(7,)]))
    first.close()
    with pytest.raises(ZeroDivisionError) as broken:
        RecordFile(path, SCHEMA, 2, what="it", owner="test", migrate=unfinished)
    again = opened(path)
    assert again.row("SELECT value FROM one") == (7,)
    again.close()
    assert broken.tb is not None, "what broke off is held until here, and its file is not"
