"""Two runs compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.report.comparison import Run, comparison_page, write_comparison
from coordinator.report.differences import (
    decision_differences,
    growth_series,
    setting_differences,
)
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from tests.journals import JournalBuilder


def run(folder: Path, name: str, *, threshold: float, score: float, bars: int = 6) -> Run:
    """A run of one instrument whose last decision depends on `score`."""
    path = folder / f"{name}.sqlite"
    configuration = json.dumps({"committee": {"decision_threshold": threshold, "quorum": 0.5}})
    with JournalBuilder(path, configuration=configuration, bars=bars) as desk:
        for row in range(bars):
            desk.bar({"EUR_USD": 1.1 + 0.01 * row})
            vote = (0.9, 0.9) if row < bars - 1 else (score, score)
            desk.decide({"EUR_USD": vote}, orders={"EUR_USD": 10_000.0} if row == 0 else None)
        desk.end()
    record = load_record(path)
    return Run(record, summarise(record))


def test_settings_that_differ_are_listed_by_their_dotted_name(tmp_path: Path) -> None:
    first = run(tmp_path, "a", threshold=0.25, score=0.9)
    second = run(tmp_path, "b", threshold=0.3, score=0.9)
    differences = setting_differences(first.record, second.record)
    assert differences == [("committee.decision_threshold", "0.25", "0.3")]


def test_decisions_that_differ_are_found_on_shared_bars(tmp_path: Path) -> None:
    first = run(tmp_path, "a", threshold=0.25, score=0.9)
    second = run(tmp_path, "b", threshold=0.25, score=0.1)
    (row,) = decision_differences(first.record, second.record).to_dict("records")
    assert (row["A"], row["B"], row["symbol"]) == ("BUY", "BELOW_THRESHOLD", "EUR_USD")
    assert str(row["time"].date()) == "2024-01-08"
    page = comparison_page(first, second)
    assert "1 of 6 shared decisions differ, the first on 8 Jan 2024 in EUR_USD" in page


def test_two_identical_runs_are_said_to_be_the_same(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first = run(tmp_path, "a", threshold=0.25, score=0.9)
    second = run(tmp_path / "again", "a", threshold=0.25, score=0.9)
    page = comparison_page(first, second)
    assert "The two journals are the same, event for event." in page
    assert "All 6 shared decisions are the same." in page


def test_runs_of_different_length_share_one_axis_of_time(tmp_path: Path) -> None:
    long = run(tmp_path, "a", threshold=0.25, score=0.9, bars=8)
    short = run(tmp_path, "b", threshold=0.25, score=0.9, bars=5)
    series = growth_series(long.results, short.results)
    assert len(series["time"]) == 8
    assert series["growth"][1][4:] == [pytest.approx(100.3), None, None, None]
    assert series["growth"][0][0] == 100.0


def test_the_comparison_is_written_as_one_file(tmp_path: Path) -> None:
    first = run(tmp_path, "a", threshold=0.25, score=0.9)
    second = run(tmp_path, "b", threshold=0.3, score=0.1)
    path = write_comparison(first, second, tmp_path / "compare.html")
    text = path.read_text(encoding="utf-8")
    assert "Growth of 100" in text
    assert "decision_threshold" in text
