"""The report's own scripts, run by a headless browser where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from coordinator.report.comparison import Run, comparison_page
from coordinator.report.page import report_page
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from tests.journals import JournalBuilder

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--enable-logging=stderr", "--log-level=0", "--dump-dom",
)  # fmt: skip

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Thirty trades of three bars each, the first half in EUR_USD, every third one lost."""
    path = tmp_path / "journal.sqlite"
    flat = {"EUR_USD": 1.1, "USD_JPY": 150.0}
    with JournalBuilder(path, tuple(flat), bars=90) as desk:
        for trade in range(30):
            symbol = "EUR_USD" if trade < 15 else "USD_JPY"
            move = -0.002 if trade % 3 == 0 else 0.001
            desk.bar(flat)
            desk.decide({symbol: (0.8, -0.1)}, orders={symbol: 10_000.0})
            desk.bar(flat)
            desk.decide()
            closing = flat | {symbol: flat[symbol] * (1.0 + move * (1 + trade))}
            desk.bar(closing, exits={symbol: "STOP_LOSS"})
            desk.decide()
        desk.end()
    record = load_record(path)
    return Run(record, summarise(record))


def rendered(page: str, folder: Path, script: str = "") -> str:
    """The page's elements after its scripts, and then `script`, have run."""
    file = folder / "page.html"
    file.write_text(page.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    assert BROWSER is not None
    shown = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", file.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "Uncaught" not in shown.stderr, shown.stderr
    return shown.stdout


def trade_rows(dom: str) -> list[list[str]]:
    """Cells of the trade list, row by row."""
    table = re.search(r'<table class="trades">.*?<tbody>(.*?)</tbody>', dom, re.DOTALL)
    assert table
    rows = re.findall(r"<tr>(.*?)</tr>", table[1], re.DOTALL)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]


def test_every_chart_of_the_report_is_drawn(run: Run, tmp_path: Path) -> None:
    dom = rendered(report_page(*run), tmp_path)
    labels = re.findall(r'<svg[^>]*aria-label="([^"]*)"', dom)
    assert sorted(labels) == [
        "Drawdown over time",
        "Equity and the equal-weight basket over time",
        "Net exposure to EUR over equity",
        "Net exposure to JPY over equity",
        "Votes of mean_reversion over time",
        "Votes of momentum over time",
    ]
    assert "NaN" not in dom
    assert len(re.findall(r'<path class="(?:line|area)', dom)) == 2 + 1 + 4 + 4


def test_the_trade_list_shows_a_page_and_then_more(run: Run, tmp_path: Path) -> None:
    page = report_page(*run)
    assert len(trade_rows(rendered(page, tmp_path))) == 25
    more = 'document.querySelector(".more").click();'
    assert len(trade_rows(rendered(page, tmp_path, more))) == 30


def test_the_trade_list_sorts_by_a_column(run: Run, tmp_path: Path) -> None:
    click = """
    const heads = [...document.querySelectorAll(".trades th button")];
    heads.find((head) => head.textContent.startsWith("P&L")).click();
    """
    rows = trade_rows(rendered(report_page(*run), tmp_path, click))
    shown = [row[7].replace(",", "").replace("\u2212", "-") for row in rows]
    best = run.results.trades["pnl"].round().sort_values(ascending=False).astype(int)
    assert [int(text) for text in shown] == best.head(25).tolist()


def test_the_trade_list_filters_by_instrument_and_result(run: Run, tmp_path: Path) -> None:
    choose = """
    const [symbol, , , result] = document.querySelectorAll(".controls select");
    symbol.value = "1"; result.value = "lost";
    symbol.dispatchEvent(new Event("change"));
    """
    dom = rendered(report_page(*run), tmp_path, choose)
    trades = run.results.trades
    expected = trades[(trades["symbol"] == "USD_JPY") & (trades["pnl"] <= 0.0)]
    rows = trade_rows(dom)
    assert len(rows) == len(expected) > 0
    assert {row[2] for row in rows} == {"USD_JPY"}
    assert f"{len(expected)} trades" in dom


def test_both_charts_of_a_comparison_are_drawn(run: Run, tmp_path: Path) -> None:
    dom = rendered(comparison_page(run, run), tmp_path)
    assert len(re.findall(r"<svg", dom)) == 2
    assert len(re.findall(r'<path class="line', dom)) == 4
