"""`quorum risk`: tables, JSON, a picture, and what it says of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from coordinator.cli.app import run
from coordinator.report.page import report_page
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from tests.journals import JournalBuilder

SMALL = json.dumps({"data": {"source": "nowhere.csv"}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of 300 bars whose prices are gone, so that only its journal tells of them."""
    steps = 0.005 * np.random.default_rng(5).standard_normal((300, 2))
    mids = np.array([1.1, 150.0]) * np.exp(np.cumsum(steps, axis=0))
    symbols = ("EUR_USD", "USD_JPY")
    with JournalBuilder(
        tmp_path / "journal.sqlite", symbols, bars=300, configuration=SMALL
    ) as desk:
        for row, mid in enumerate(mids):
            desk.bar(dict(zip(symbols, map(float, mid), strict=True)))
            orders = {"EUR_USD": 150_000.0} if row == 0 else None
            desk.decide({"EUR_USD": (0.8, 0.3)}, orders=orders)
        desk.end()
    return tmp_path


def test_it_tells_the_score_the_breach_and_what_to_reduce(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["risk", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "risk score 0 of 100" in told
    assert "reduce    EUR_USD by an order of -" in told
    assert "not in the data: EUR_USD" in told
    assert "Kupiec p" in told


def test_json_is_one_object_without_a_nan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["risk", str(folder), "--json", "--at", "2024-06-03"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["assessment"]["time"].startswith("2024-06-03")
    assert {part["code"] for part in told["assessment"]["parts"]} >= {"DAILY_VAR", "STRESS_CRASH"}
    assert told["assessment"]["episodes"][0]["loss"] is None
    assert told["backtest"]["bars"] == 49


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "yesterday"], "expected a UTC time"),
        (["--at", "1999-01-01"], "nothing had settled by 1999-01-01"),
        (["--plot", "risk.pdf"], "ends in .svg or .png"),
    ],
)
def test_bad_input_is_told_in_one_paragraph(
    folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["risk", str(folder), *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_folder_without_a_journal_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["risk", str(tmp_path)]) == 2
    assert "no journal at" in capsys.readouterr().err


@pytest.mark.parametrize(("ending", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_the_picture_is_drawn(folder: Path, ending: str, start: bytes) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")
    picture = folder / f"risk{ending}"
    assert run(["risk", str(folder), "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(start)


def test_the_report_shows_limits_stress_and_the_back_test(folder: Path) -> None:
    record = load_record(folder / "journal.sqlite")
    page = report_page(record, summarise(record))
    for said in ("Nearest limits", "currency crisis", "not in the data", "Kupiec", "Basel"):
        assert said in page
    assert '"var":{"time":[' in page
