"""The structured logs of a live desk."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

from infra.logs import MASKED, DeskLog
from tests.live import coordinator_of, live_desk


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_line_is_one_object_with_the_session_and_what_it_is_about(tmp_path: Path) -> None:
    beside = StringIO()
    log = DeskLog(tmp_path / "logs", "gateway", session="live-1", beside=beside)
    log.tell("two orders sent\nat once", decision=7, orders=["live-1-7-EUR_USD-m"])
    log.tell("the disk is full", level="critical", free=float("nan"), source="somebody else")
    log.close()
    first, second = lines(tmp_path / "logs" / "gateway.jsonl")
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "info", "source": "gateway", "session": "live-1",
        "text": "two orders sent\nat once", "decision": 7, "orders": ["live-1-7-EUR_USD-m"],
    }  # fmt: skip
    assert (second["level"], second["free"], second["source"]) == ("critical", None, "gateway")
    assert [json.loads(line) for line in beside.getvalue().splitlines()][1] == second


def test_no_secret_is_written_whatever_it_is_called(tmp_path: Path) -> None:
    log = DeskLog(tmp_path, "gateway", session="live-1", beside=None)
    log.tell("dialling", line_key="abc", apiToken="def", blob=b"ghi", nested={"password": "jkl"})
    log.close()
    (line,) = lines(tmp_path / "gateway.jsonl")
    assert (line["line_key"], line["apiToken"], line["blob"]) == (MASKED, MASKED, MASKED)
    assert line["nested"] == {"password": MASKED}


def test_a_log_begins_anew_at_its_size_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    log = DeskLog(
        tmp_path, "gateway", session="live-1", beside=None, largest_bytes=2_000, files_kept=2
    )
    for number in range(200):
        log.tell("a bar closed", decision=number)
    log.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["gateway.jsonl", "gateway.jsonl.1", "gateway.jsonl.2"]
    assert all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())
    assert lines(tmp_path / "gateway.jsonl")[-1]["decision"] == 199


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    beside = StringIO()
    log = DeskLog(tmp_path / "logs", "gateway", session="live-1", beside=beside)
    log.tell("still heard")
    log.close()
    assert "still heard" in beside.getvalue()
    beside.close()
    silent = DeskLog(tmp_path / "logs", "gateway", session="live-1", beside=beside)
    silent.tell("nobody hears this")
    silent.close()


def test_a_gateway_logs_orders_fills_and_modes_with_their_ids(tmp_path: Path) -> None:
    log = DeskLog(tmp_path / "logs", "gateway", session="live-1", beside=None)
    options = {"tell": log.tell}
    with live_desk(tmp_path, gateway_options=options, loop_options=options) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 10_000.0}, sequence=4)
        desk.prices()
        desk.until(lambda told: bool(told["positions"]))
        desk.ask("halt", by="ann", reason="news")
    log.close()
    sent, filled, halted = lines(log.path)
    (order,) = sent["orders"]
    assert (sent["decision"], order) == (4, "live-0123456789-4-EUR_USD-m")
    assert (filled["fills"][0]["order"], filled["fills"][0]["units"]) == (order, 10_000.0)
    assert (halted["mode"], halted["by"], halted["level"]) == ("HALTED", "ann", "warning")
