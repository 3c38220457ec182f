"""What is written into a run's folder, and the table for the terminal."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from coordinator.results.record import load_record
from coordinator.results.summary import Results, summarise
from coordinator.results.table import results_table
from coordinator.results.write import write_results, write_whole
from market.errors import RunFolderError
from tests.journals import JournalBuilder


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Of a run with one trade, cut off before its end, on fixings."""
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, ("EUR_USD", "USD_JPY"), has_extremes=False) as desk:
        desk.bar({"EUR_USD": 1.10, "USD_JPY": 150.0})
        desk.decide({"EUR_USD": (0.8, 0.4)}, orders={"EUR_USD": 10_000.0})
        desk.bar({"EUR_USD": 1.10, "USD_JPY": 150.0})
        desk.bar({"EUR_USD": 1.12, "USD_JPY": 150.0}, exits={"EUR_USD": "TAKE_PROFIT"})
    return summarise(load_record(path))


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """As on a full disk: the system refuses to let any file grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_three_files_hold_the_figures_the_curve_and_the_trades(
    results: Results, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    paths = write_results(results, run)
    assert sorted(p.name for p in run.iterdir()) == sorted(p.name for p in paths)
    figures = json.loads((run / "metrics.json").read_text())
    assert figures["metrics"]["trades"] == 1
    assert figures["metrics"]["win_rate"] == 1.0
    assert figures["metrics"]["profit_factor"] is None
    assert "closed trades" in figures["conventions"]["win_rate"]
    assert figures["stops_seen_on"].startswith("one fixing a bar")
    pd.testing.assert_frame_equal(
        pd.read_parquet(run / "equity.parquet"), results.curve, check_freq=False
    )
    pd.testing.assert_frame_equal(pd.read_parquet(run / "trades.parquet"), results.trades)


def test_json_holds_nothing_that_json_does_not_know(results: Results) -> None:
    text = json.dumps(results.as_json(), allow_nan=False)
    assert json.loads(text)["by_instrument"]["USD_JPY"]["win_rate"] is None


def test_writing_again_replaces_the_files(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path)
    before = (tmp_path / "metrics.json").read_bytes()
    write_results(results, tmp_path)
    assert (tmp_path / "metrics.json").read_bytes() == before


def test_a_disk_that_fills_leaves_the_earlier_file_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text("earlier")
    with files_limited_to(1_000), pytest.raises(RunFolderError, match="free disk space"):
        write_whole(path, b"x" * 100_000)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_refused_with_its_path(
    results: Results, tmp_path: Path
) -> None:
    with pytest.raises(RunFolderError, match=r"gone/metrics\.json cannot be written"):
        write_results(results, tmp_path / "gone")


def test_the_table_fits_a_terminal_and_says_what_the_figures_rest_on(results: Results) -> None:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(results_table(results))
    text = captured.get()
    assert max(len(line) for line in text.splitlines()) <= 100
    assert len(text.splitlines()) <= 24
    assert "Sharpe ratio" in text
    assert "not modelled" in text
    assert "stops are seen on the fixing only" in text
    assert "The journal lacks the end" in text


def test_an_unknown_figure_is_refused_with_the_known_names(results: Results) -> None:
    with pytest.raises(KeyError, match="sharpe_ratio"):
        results["sharp"]
