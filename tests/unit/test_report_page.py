"""The report of a run: whole, half written, hostile, empty."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.configuration.settings import Settings
from coordinator.report.page import report_page, write_report
from coordinator.report.performance import monthly_returns
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from market.errors import RunFolderError
from tests.journals import JournalBuilder

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Collects text, addresses and whether every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.text.append(data)
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def data_of(page: str) -> dict[str, Any]:
    """What the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def build(path: Path, *, ended: bool = True, **options: Any) -> None:
    """Forty days, two instruments, a long that wins, a short that loses, one still open."""
    configuration = json.dumps(
        Settings().model_dump(mode="json", exclude={"run", "ray"}) | {"committee": {"quorum": 0.9}}
    )
    with JournalBuilder(
        path, ("EUR_USD", "USD_JPY"), bars=40, configuration=configuration, **options
    ) as desk:
        for row in range(40):
            exits = {12: {"EUR_USD": "TAKE_PROFIT"}, 20: {"USD_JPY": "STOP_LOSS"}}.get(row)
            desk.bar({"EUR_USD": 1.1 + 0.001 * row, "USD_JPY": 150.0 - 0.2 * row}, exits=exits)
            orders = {2: {"EUR_USD": 50_000.0}, 5: {"USD_JPY": 40_000.0}, 30: {"EUR_USD": 9_000.0}}
            desk.decide(
                {"EUR_USD": (0.8, 0.3), "USD_JPY": (0.5, math.nan)},
                orders=orders.get(row),
                refused={"USD_JPY": "GROSS_LEVERAGE"} if row == 25 else None,
            )
        if ended:
            desk.end()


def test_the_report_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path)
    record = load_record(path)
    written = write_report(record, summarise(record), tmp_path / "report.html")
    text = written.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.addresses == []
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org|127\.0\.0\.1)", text)
    assert len(text.encode()) < 2_000_000


def test_the_report_has_every_part_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path)
    record = load_record(path)
    assert Page(report_page(record, summarise(record))).headings == [
        "Equity",
        "Monthly returns",
        "Exposure by currency",
        "Risk",
        "Votes",
        "Contribution",
        "Sizes and refusals",
        "Costs",
        "Trades",
        "Figures and conventions",
        "What this rests on",
        "Configuration",
    ]


def test_figures_stand_with_their_conventions_and_what_is_not_modelled(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path, has_extremes=False)
    record = load_record(path)
    results = summarise(record)
    text = " ".join(Page(report_page(record, results)).text)
    for found in results.measures:
        assert found.label in text
        assert found.convention[1:] in text
    assert "Financing is not part of this result" in text
    assert "seen on one fixing a bar" in text
    assert "not recorded. The best of many" in text
    assert "gross leverage" in text.lower()


def test_the_number_of_configurations_tried_is_told_when_known(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path)
    record = load_record(path)
    text = " ".join(Page(report_page(record, summarise(record), tried=1_200)).text)
    assert "1,200, this one included" in text


def test_the_data_of_the_charts_is_the_runs(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path)
    record = load_record(path)
    results = summarise(record)
    data = data_of(report_page(record, results))
    assert data["account"]["equity"] == results.curve["equity"].round().astype(int).tolist()
    assert data["account"]["drawdown"][-1] == pytest.approx(
        -results.curve["drawdown"].iloc[-1], abs=1e-4
    )
    assert set(data["exposure"]["rows"]) == {"EUR", "JPY"}
    assert set(data["votes"]["rows"]) == {"momentum", "mean_reversion"}
    trades = data["trades"]
    assert len({len(value) for key, value in trades.items()
                if key not in ("symbols", "exits", "currency")}) == 1  # fmt: skip
    assert trades["pnl"] == results.trades["pnl"].round(2).tolist()
    assert trades["closed"][-1] is None
    assert [trades["exits"][code] for code in trades["reason"]] == [
        "TAKE_PROFIT",
        "STOP_LOSS",
        "OPEN",
    ]


def test_a_setting_that_is_not_the_default_stands_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path)
    record = load_record(path)
    page = report_page(record, summarise(record))
    assert (
        '<dt class="changed">quorum</dt><dd class="changed" title="default: 0.5">0.9</dd>' in page
    )
    assert "1 setting differs from the defaults" in page


def test_a_half_written_run_says_so_first(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path, ended=False)
    record = load_record(path)
    text = " ".join(Page(report_page(record, summarise(record))).text)
    assert "This run is not complete: unfinished." in text
    assert "no SessionEnded was recorded" in text


def test_a_run_without_a_bar_still_has_a_report(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path):
        pass
    record = load_record(path)
    text = " ".join(Page(report_page(record, summarise(record))).text)
    assert "The desk never traded." in text
    assert "no bars" in text


def test_words_from_a_journal_cannot_become_markup(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    hostile = "</script><script>alert(1)</script>"
    with JournalBuilder(path, agents={hostile: 1.0}, financing=f"rates {hostile}") as desk:
        desk.bar({"EUR_USD": 1.1})
        desk.decide({"EUR_USD": (0.5,)}, orders={"EUR_USD": 1_000.0}, bound=hostile)
        desk.bar({"EUR_USD": 1.1})
        desk.decide()
        desk.end(f"failed: {hostile}")
    record = load_record(path)
    page = report_page(record, summarise(record))
    assert "<script>alert(1)" not in page
    assert data_of(page)["votes"]["rows"].keys() == {hostile}
    assert Page(page).open == []


def test_monthly_returns_compound_to_the_years_and_to_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path)
    results = summarise(load_record(path))
    table = monthly_returns(results)
    equity = results.curve["equity"]
    january = equity.loc["2024-01"].iloc[-1]
    assert table.loc[2024, 1] == pytest.approx(january / 100_000.0 - 1.0)
    assert table.loc[2024, 2] == pytest.approx(equity.iloc[-1] / january - 1.0)
    assert table.loc[2024, "year"] == pytest.approx(results["total_return"].value)
    assert np.isnan(table.loc[2024, 3])


def test_a_report_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    build(path)
    record = load_record(path)
    with pytest.raises(RunFolderError, match="cannot be written"):
        write_report(record, summarise(record), tmp_path / "gone" / "report.html")
