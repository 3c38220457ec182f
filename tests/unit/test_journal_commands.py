"""`quorum audit` and `quorum journal` on the command line."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from coordinator.cli.app import run
from infra.journal.anchoring import Anchors, to_file
from infra.journal.chain import GENESIS, chain
from infra.journal.reader import read_events
from infra.journal.sqlite import SqliteJournal
from market.events import AgentAbstained
from tests.tampering import rewritten, stored, tampered

KEY = bytes(range(32))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A desk's home with a sealed, anchored journal of ten events, and the key beside it."""
    folder = tmp_path / "home"
    folder.mkdir()
    key = tmp_path / "journal.key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    anchors = Anchors(to_file(folder / "anchors.jsonl"), every_s=0.0)
    journal = SqliteJournal(folder / "journal.sqlite", durable=True, key=KEY, anchors=anchors)
    for number in range(10):
        journal.append(AgentAbstained(sequence=number, time=number, agent="frog", reason="rain"))
    journal.close()
    return folder


def key(home: Path) -> str:
    return str(home.parent / "journal.key")


def spoil(home: Path, event: int) -> None:
    change = "UPDATE events SET payload = x'00' WHERE sequence = ?"
    tampered(home / "journal.sqlite", lambda database: database.execute(change, (event,)))


def verify_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run(["audit", "verify", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_whole_journal_verifies_with_its_seals_and_anchors(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "verify", str(home), "--key-file", key(home)]) == 0
    told = capsys.readouterr().out
    assert "10 entries hold" in told
    assert "every event, by this key" in told
    assert "1 of 1 met" in told
    code, found = verify_json(capsys, str(home / "journal.sqlite"))
    assert (code, found["holds"], found["seals_checked"]) == (0, True, False)
    assert found["events"] == 10


def test_seals_that_were_taken_away_before_a_restart_are_told_by_where_they_begin(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "journal.sqlite"
    head, rows = GENESIS, []
    for number, kind, payload, _, at, _ in stored(path):
        forged = payload.replace(b"rain", b"hail")
        head = chain(head, number, kind, forged)
        rows.append((number, kind, forged, head, at, None))
    rewritten(path, rows)
    (home / "anchors.jsonl").rename(home.parent / "anchors.jsonl")
    assert run(["audit", "verify", str(home), "--key-file", key(home)]) == 1
    resumed = SqliteJournal.resume(path, key=KEY)
    resumed.append(AgentAbstained(sequence=10, time=10, agent="frog", reason="rain"))
    resumed.close()
    capsys.readouterr()
    assert run(["audit", "verify", str(home), "--key-file", key(home)]) == 0
    assert "from event 10 on, by this key; the desk went on unsealed" in capsys.readouterr().out
    elsewhere = str(home.parent / "anchors.jsonl")
    asked = ["audit", "verify", str(home), "--key-file", key(home), "--anchors", elsewhere]
    assert run(asked) == 1, "an anchor out of reach tells it still"


def test_the_first_bad_event_is_named_and_the_exit_code_is_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(home, 6)
    assert run(["audit", "verify", str(home)]) == 1
    told = capsys.readouterr().out
    assert "BROKEN   event 6 (AgentAbstained) does not continue the chain" in told
    assert "quorum journal salvage" in told
    code, found = verify_json(capsys, str(home))
    assert (code, found["faults"][0]["event"], found["events"]) == (1, 6, 6)


def test_a_cut_off_journal_is_found_by_the_anchors_beside_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewritten(home / "journal.sqlite", stored(home / "journal.sqlite")[:8])
    code, found = verify_json(capsys, str(home))
    assert (code, found["faults"][0]["event"]) == (1, 8)
    nothing = home.parent / "none.jsonl"
    nothing.touch()
    assert verify_json(capsys, str(home), "--anchors", str(nothing))[0] == 0


def test_the_configured_key_is_for_desks_and_not_for_replays(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed = tmp_path / "runs" / "one"
    replayed.mkdir(parents=True)
    SqliteJournal(replayed / "journal.sqlite").close()
    (tmp_path / "quorum.toml").write_text('[journal]\nkey_file = "journal.key"\n')
    with contextlib.chdir(tmp_path):
        assert verify_json(capsys, str(home))[1]["seals_checked"]
        code, found = verify_json(capsys, str(replayed))
    assert (code, found["seals_checked"]) == (0, False)


def test_a_backup_is_taken_lost_journals_are_restored_and_damaged_ones_salvaged(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal, backup = home / "journal.sqlite", tmp_path / "backup.sqlite"
    events = list(read_events(journal))
    sealed = ["--key-file", key(home)]
    assert run(["journal", "backup", str(home), "--out", str(backup), *sealed]) == 0
    assert "10 entries in" in capsys.readouterr().out
    spoil(home, 4)
    assert run(["journal", "salvage", str(home), *sealed]) == 0
    told = capsys.readouterr().out
    assert "4 entries in" in told
    assert "lost: 6 entries. event 4" in told
    assert list(read_events(home / "journal.salvaged.sqlite")) == events[:4]
    assert run(["journal", "restore", str(backup), "--to", str(home), *sealed]) == 2
    assert "exists already" in capsys.readouterr().err
    journal.unlink()
    assert run(["journal", "restore", str(backup), "--to", str(home), *sealed]) == 0
    assert "anchors.jsonl" in capsys.readouterr().out
    assert list(read_events(journal)) == events
    assert run(["journal", "salvage", str(home), "--out", str(tmp_path / "again"), *sealed]) == 0
    assert "nothing is lost" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_an_export_says_how_much_it_wrote(
    home: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = home / f"events.{kind}"
    arguments = ["audit", "export", str(home), "--format", kind, "--out", str(out)]
    assert run(arguments) == 0
    assert "10 events" in capsys.readouterr().out
    assert out.stat().st_size > 0
    assert run(arguments) == 2
    assert "exists already" in capsys.readouterr().err


def test_what_is_no_journal_or_needs_no_migration_is_told_plainly(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "verify", str(tmp_path)]) == 2
    assert "no journal at" in capsys.readouterr().err
    assert run(["journal", "migrate", str(home)]) == 2
    assert "has schema 3 already" in capsys.readouterr().err
    assert run(["audit", "verify", str(home), "--key-file", str(tmp_path / "no.key")]) == 2
    assert "cannot be read" in capsys.readouterr().err
