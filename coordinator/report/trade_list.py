"""The trades as data for the page's list, which sorts and filters."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coordinator.report.markup import Html, section
from coordinator.report.series import rounded, seconds
from coordinator.results.summary import Results

MOST = 8_000
PRICE_DIGITS = 6


def trade_section(results: Results) -> Html:
    """The place of the list."""
    count = len(results.trades)
    if not count:
        return section("Trades", note="The desk never traded.")
    left_out = (
        f" The last {MOST:,} are listed; all {count:,} are in trades.parquet."
        if count > MOST
        else ""
    )
    return section(
        "Trades",
        Html('<div id="trades"><noscript>The list needs JavaScript; the trades are also in '
             "trades.parquet.</noscript></div>"),
        note="One row a round trip, from flat or a reversal until flat or the next reversal. "
        f"Prices are averages over all fills.{left_out}",
    )  # fmt: skip


def trade_data(results: Results) -> dict[str, Any]:
    """Columns of equal length; symbols and exits as indices into their names."""
    trades = results.trades.iloc[-MOST:]
    symbols = sorted(trades["symbol"].unique().tolist())
    exits = sorted(trades["exit_reason"].unique().tolist())
    return {
        "currency": results.account_currency,
        "symbols": symbols,
        "exits": exits,
        "symbol": [symbols.index(name) for name in trades["symbol"]],
        "long": (trades["side"] == "LONG").astype(int).tolist(),
        "opened": _seconds(trades["opened"]),
        "closed": _seconds(trades["closed"]),
        "units": rounded(trades["units"], 2),
        "entry": rounded(trades["entry_price"], PRICE_DIGITS),
        "exit": rounded(trades["exit_price"], PRICE_DIGITS),
        "reason": [exits.index(name) for name in trades["exit_reason"]],
        "days": rounded(trades["days"], 2),
        "pnl": rounded(trades["pnl"], 2),
        "costs": rounded(trades["spread_cost"] + trades["slippage_cost"], 2),
        "decision": trades["decision"].tolist(),
    }


def _seconds(times: pd.Series) -> list[int | None]:
    whole = seconds(pd.DatetimeIndex(times))
    return [None if absent else at for at, absent in zip(whole, times.isna(), strict=True)]
