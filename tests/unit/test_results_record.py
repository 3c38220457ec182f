"""Reading a journal: whole, half written, damaged, foreign."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from infra.journal.sqlite import SqliteJournal
from market.errors import JournalError
from tests.journals import JournalBuilder


def short_run(path: Path, *, ended: bool = True) -> None:
    """Three bars of two instruments: a fill, a refusal, a failed agent, an allocation."""
    with JournalBuilder(path, ("EUR_USD", "USD_JPY"), bars=3) as desk:
        desk.bar({"EUR_USD": 1.10, "USD_JPY": 150.0})
        desk.decide(
            {"EUR_USD": (0.8, float("nan")), "USD_JPY": (-0.4, -0.6)},
            orders={"EUR_USD": 10_000.0},
            refused={"USD_JPY": "GROSS_LEVERAGE"},
        )
        desk.bar({"EUR_USD": 1.11, "USD_JPY": 151.0})
        desk.allocate(np.array([0.25, 0.75]))
        desk.abstain("momentum", "ValueError: no")
        desk.decide()
        desk.bar({"EUR_USD": 1.12, "USD_JPY": 152.0})
        desk.decide()
        if ended:
            desk.end()


def test_a_whole_journal_becomes_arrays_and_frames(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    short_run(path)
    record = load_record(path)
    assert record.outcome == "completed"
    assert record.missing == ()
    assert record.symbols == ("EUR_USD", "USD_JPY")
    assert record.settled.mid[:, 0].tolist() == [1.10, 1.11, 1.12]
    assert str(record.settled.time[0]) == "2024-01-01 00:00:00+00:00"
    assert record.decided.scores.shape == (3, 2, 2)
    assert np.isnan(record.decided.scores[0, 1, 0])
    assert record.fills["units"].tolist() == [10_000.0]
    assert record.orders["client_order_id"].tolist() == ["test-0-EUR_USD-m"]
    assert record.verdicts["verdict"].tolist() == ["APPROVED", "REFUSED"]
    assert record.verdicts["limit"].tolist() == ["NONE", "GROSS_LEVERAGE"]
    assert record.abstentions["reason"].tolist() == ["ValueError: no"]
    assert record.allocation_weights.tolist() == [[0.25, 0.75]]
    assert not record.financing_modelled


def test_a_record_and_its_results_introduce_themselves_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    short_run(path)
    record = load_record(path)
    assert repr(record).startswith("<RunRecord test completed: 3 bars of 2 instruments, 1 orders")
    assert "total_return 0.1%" in repr(summarise(record))
    assert len(repr(summarise(record))) < 200


def test_the_digest_is_that_of_the_journal_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    short_run(path)
    stored = sqlite3.connect(path).execute("SELECT hash FROM events ORDER BY sequence").fetchall()
    record = load_record(path)
    assert record.events == len(stored)
    assert record.digest == stored[-1][0].hex()


def test_a_half_written_journal_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, bars=10) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": 10_000.0})
        desk.bar({"EUR_USD": 1.11})
    record = load_record(path)
    assert record.outcome == "unfinished"
    assert len(record.settled) == 2
    said = " / ".join(record.missing)
    assert "no SessionEnded" in said
    assert "8 of the 10 bars" in said
    assert "the decisions on the last 1 bars" in said
    assert summarise(record)["total_return"].value == pytest.approx(0.0)


def test_a_fill_whose_bar_was_never_settled_is_still_counted(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.sqlite", tmp_path / "journal.sqlite"
    short_run(whole)
    rows = sqlite3.connect(whole).execute("SELECT * FROM events ORDER BY sequence").fetchall()
    until = next(n for n, row in enumerate(rows) if row[1] == "OrderFilled")
    SqliteJournal(cut).close()
    database = sqlite3.connect(cut)
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows[: until + 1])
    database.commit()
    results = summarise(load_record(cut))
    assert len(results.trades) == 1
    assert results.bars == 1


def test_a_changed_event_ends_the_reading_and_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    short_run(path)
    database = sqlite3.connect(path)
    database.execute("DROP TRIGGER events_are_never_changed")
    database.execute(
        "UPDATE events SET hash = zeroblob(32) WHERE sequence = "
        "(SELECT MAX(sequence) FROM events WHERE kind = 'BarSettled')"
    )
    database.commit()
    record = load_record(path)
    assert len(record.settled) == 2
    assert "does not continue the chain" in record.missing[0]


def test_a_folder_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"no journal at .*journal\.sqlite"):
        load_record(tmp_path / "journal.sqlite")


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    short_run(path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()
    with pytest.raises(JournalError, match="schema 99, this version reads"):
        load_record(path)


def test_a_journal_without_any_event_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    SqliteJournal(path).close()
    with pytest.raises(JournalError, match="begins with SessionStarted, found no event at all"):
        load_record(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("time,open,high,low,close\n" * 100)
    with pytest.raises(JournalError, match="cannot be read as a journal"):
        load_record(path)


def test_a_session_without_a_single_bar_can_be_summarised(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path):
        pass
    results = summarise(load_record(path))
    assert results.bars == 0
    assert results.first is None
    assert results["sharpe_ratio"].value is None
    assert results["total_return"].value is None
