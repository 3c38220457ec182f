"""The figures of a run, each with the convention it is computed by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from coordinator.results.annual import (
    annual_return,
    annual_volatility,
    sharpe_ratio,
    sortino_ratio,
)
from coordinator.results.calendar import BarCalendar
from coordinator.results.curves import returns_of
from coordinator.results.record import RunRecord
from coordinator.results.trades import FINANCING_STATEMENT, OPEN
from market.bars import Floats

Unit = Literal["fraction", "ratio", "count", "money", "bars", "days", "times a year", "times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure. value: None where it is undefined or not modelled, never infinite."""

    name: str
    label: str
    value: float | None
    unit: Unit
    convention: str


def measure(name: str, label: str, value: float, unit: Unit, convention: str) -> Measure:
    """A figure; a value that is not finite is undefined."""
    known = float(value) if math.isfinite(value) else None
    return Measure(name=name, label=label, value=known, unit=unit, convention=convention)


def return_measures(record: RunRecord, curve: pd.DataFrame, calendar: BarCalendar) -> list[Measure]:
    """Figures of the equity curve alone."""
    initial, year = record.session.initial_balance, calendar.bars_per_year
    returns = returns_of(curve["equity"].to_numpy(), initial)
    worst = float(curve["drawdown"].max()) if len(curve) else math.nan
    annual = _annual(annual_return, returns, year)
    yearly = yearly_drawdowns(curve["equity"], initial)
    scale = f"annualised with {calendar.statement}"
    return [
        measure("total_return", "Total return", _last(curve) / initial - 1.0, "fraction",
                "last equity / initial balance − 1"),
        measure("annual_return", "Annual return", annual, "fraction",
                f"compound: (last equity / initial balance)^(1/years) − 1; {scale}"),
        measure("annual_volatility", "Annual volatility",
                _annual(annual_volatility, returns, year), "fraction",
                f"standard deviation (n − 1) of simple bar returns × √bars a year; {scale}"),
        measure("sharpe_ratio", "Sharpe ratio",
                _annual(sharpe_ratio, returns, year), "ratio",
                "mean / standard deviation (n − 1) of bar returns × √bars a year; no interest "
                "is deducted: margin positions tie up no cash"),
        measure("sortino_ratio", "Sortino ratio",
                _annual(sortino_ratio, returns, year), "ratio",
                "mean bar return / root mean square of the returns below 0, over all bars, "
                "× √bars a year (Sortino and Price 1994, target 0)"),
        measure("calmar_ratio", "Calmar ratio", _over(annual, worst), "ratio",
                "annual return / maximum drawdown over the whole run"),
        measure("sterling_ratio", "Sterling ratio", _over(annual, _mean(yearly)), "ratio",
                "annual return / mean of the calendar years' maximum drawdowns, without the 10% "
                "that some add (Bacon 2008, Sterling ratio after Kestner)"),
        measure("max_drawdown", "Maximum drawdown", worst, "fraction",
                "largest 1 − equity / running peak at the ends of bars; the initial balance is "
                "the first peak; positive"),
        measure("longest_drawdown_days", "Longest drawdown", longest_drawdown_days(curve), "days",
                "longest time from a peak to the last bar below it, in calendar days"),
    ]  # fmt: skip


def basket_measures(record: RunRecord, curve: pd.DataFrame, calendar: BarCalendar) -> list[Measure]:
    """Figures against the equal-weight basket."""
    initial, year = record.session.initial_balance, calendar.bars_per_year
    returns = returns_of(curve["equity"].to_numpy(), initial)
    basket = returns_of(curve["basket"].to_numpy(), initial)
    ratio = _annual(sharpe_ratio, returns - basket, year)
    return [
        measure("information_ratio", "Information ratio", ratio, "ratio",
                "mean / standard deviation (n − 1) of bar returns in excess of the equal-weight "
                "basket's × √bars a year"),
        measure("basket_annual_return", "Basket's annual return",
                _annual(annual_return, basket, year), "fraction",
                "compound, of the equal-weight basket"),
    ]  # fmt: skip


def trade_measures(trades: pd.DataFrame) -> list[Measure]:
    """Figures of the closed round trips."""
    closed = trades[trades["exit_reason"] != OPEN]
    pnl = closed["pnl"].to_numpy()
    won, lost = float(pnl[pnl > 0.0].sum()), float(-pnl[pnl < 0.0].sum())
    still_open = len(trades) - len(closed)
    return [
        measure("trades", "Trades", len(closed), "count",
                "closed round trips: from flat or a reversal until flat or the next reversal"),
        measure("open_trades", "Still open", still_open, "count",
                "round trips not closed by the last bar; in equity, not in the trade figures"),
        measure("win_rate", "Win rate", _mean(pnl > 0.0), "fraction",
                "closed trades with a profit after all costs / closed trades"),
        measure("profit_factor", "Profit factor", _over(won, lost), "ratio",
                "sum of profits / sum of losses of closed trades, after all costs"),
        measure("average_trade", "Average trade", _mean(pnl), "money",
                "mean profit and loss of a closed trade in account currency, after all costs; "
                f"{FINANCING_STATEMENT}"),
        measure("average_holding_bars", "Average holding", _mean(closed["bars"]), "bars",
                "mean bars from the opening to the closing fill of closed trades"),
        measure("average_holding_days", "Average holding time", _mean(closed["days"]), "days",
                "mean calendar days from the opening to the closing fill of closed trades"),
    ]  # fmt: skip


def cost_measures(record: RunRecord, curve: pd.DataFrame, calendar: BarCalendar) -> list[Measure]:
    """What trading cost and how much of the account was at work."""
    fills, years = record.fills, len(curve) / calendar.bars_per_year
    spread, slippage = float(fills["spread_cost"].sum()), float(fills["slippage_cost"].sum())
    traded = float((fills["units"].abs() * fills["mid"] * fills["rate"]).sum())
    financing = float(curve["financing"].sum()) if record.financing_modelled else math.nan
    charged = 0.0 if math.isnan(financing) else -financing
    return [
        measure("turnover", "Turnover", _over(traded, years * _mean(curve["equity"])),
                "times a year",
                "Σ |units| × mid of all fills, openings and closings alike, / mean equity / years"),
        measure("spread_cost", "Spread paid", spread, "money",
                "Σ |units| × half the spread at each fill, account currency; contained in prices"),
        measure("slippage_cost", "Slippage paid", slippage, "money",
                "Σ |units| × slippage at each fill, account currency; contained in prices"),
        measure("financing", "Financing", financing, "money",
                _financing_convention(record)),
        measure("costs", "Costs", spread + slippage + charged, "money",
                "spread + slippage + financing paid"
                + ("" if record.financing_modelled else "; financing is not modelled")),
        measure("average_leverage", "Exposure", _mean(curve["gross_leverage"]), "times",
                "mean of Σ |position value| / equity over the ends of all bars"),
        measure("time_in_market", "Time in the market", _mean(curve["open_positions"] > 0),
                "fraction", "share of bars that end with at least one position"),
    ]  # fmt: skip


def _financing_convention(record: RunRecord) -> str:
    if not record.financing_modelled:
        return record.session.financing
    return f"interest on positions held overnight, negative when paid; {record.session.financing}"


def yearly_drawdowns(equity: pd.Series, initial_balance: float) -> Floats:
    """Maximum drawdown of each calendar year (UTC), which begins at the equity it inherits."""
    worst, inherited = [], initial_balance
    for _, year in equity.groupby(pd.DatetimeIndex(equity.index).year):
        path = np.concatenate(([inherited], year.to_numpy()))
        worst.append(float(np.max(1.0 - path / np.maximum.accumulate(path))))
        inherited = float(path[-1])
    return np.array(worst)


def longest_drawdown_days(curve: pd.DataFrame) -> float:
    """Calendar days of the longest time below an earlier peak; 0 without any, NaN without bars."""
    if curve.empty:
        return math.nan
    time = pd.DatetimeIndex(curve.index).as_unit("ns").asi8
    at_peak = np.where(curve["drawdown"].to_numpy() <= 0.0, time, time[0])
    below_since = np.maximum.accumulate(at_peak)
    return float((time - below_since).max()) / 86_400e9


def _annual(function: Callable[..., float], returns: Floats, year: float) -> float:
    """An annualised measure of returns; NaN for fewer than two of them, and after ruin."""
    if len(returns) < 2 or not (np.isfinite(returns) & (returns > -1.0)).all():
        return math.nan
    with np.errstate(over="ignore"):
        return function(returns, year)


def _last(curve: pd.DataFrame) -> float:
    return float(curve["equity"].iloc[-1]) if len(curve) else math.nan


def _over(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan


def _mean(values: object) -> float:
    found = np.asarray(values, dtype=np.float64)
    return float(found.mean()) if found.size else math.nan
