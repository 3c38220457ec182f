"""The charts as PNG files."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.report.pictures import write_pictures
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from market.errors import InvalidError
from tests.journals import JournalBuilder

pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")

PNG = b"\x89PNG\r\n\x1a\n"


def test_four_pictures_are_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, ("EUR_USD", "USD_JPY")) as desk:
        for row in range(8):
            desk.bar({"EUR_USD": 1.1 + 0.01 * row, "USD_JPY": 150.0})
            desk.decide({"EUR_USD": (0.8, 0.3)}, orders={"EUR_USD": 1_000.0} if row == 1 else None)
        desk.end()
    record = load_record(path)
    pictures = write_pictures(record, summarise(record), tmp_path)
    assert [p.name for p in pictures] == [
        "equity.png", "exposure.png", "votes.png", "contribution.png"
    ]  # fmt: skip
    assert all(p.read_bytes().startswith(PNG) for p in pictures)


def test_a_run_without_bars_has_nothing_to_draw(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path):
        pass
    record = load_record(path)
    with pytest.raises(InvalidError, match="has 0 bars; pictures need two"):
        write_pictures(record, summarise(record), tmp_path)
