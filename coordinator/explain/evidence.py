"""Evidence and limits under the names that a trader uses."""

from __future__ import annotations

import math

from agents.guardian.codes import Limit
from coordinator.report.markup import in_words, number, percent

UNITS = {
    "_z": "in deviations",
    "_pips": "pips",
    "_bps": "bps",
    "_bars": "bars",
    "_days": "days",
    "_s": "seconds",
    "_annual": "a year",
}
"""Endings of names that carry a unit, and the unit in words."""
ABBREVIATIONS = {"rsi": "RSI", "macd": "MACD", "atr": "ATR", "ewma": "EWMA", "pnl": "P&L"}
BOUNDS = {
    Limit.RISK_PER_TRADE.name: "the risk budget of a trade",
    Limit.ALLOCATION.name: "the optimizer's allocation",
    Limit.CORRELATION.name: "the correlation with what was held",
    Limit.UNIT_INCREMENT.name: "the smallest unit",
    Limit.INVALID_INPUT.name: "an input that cannot be used",
    Limit.KELLY.name: "the Kelly stake of what such votes have earned, or its cap",
    Limit.NO_EDGE.name: "no edge: what such votes have earned is not proved to be above zero",
    Limit.VOLATILITY_TARGET.name: "the volatility that a position may have",
}
FRACTIONS = {Limit.DRAWDOWN_HALT.name, Limit.DAILY_LOSS_HALT.name}
COUNTS = {
    Limit.OPEN_POSITIONS.name: "positions",
    Limit.EXECUTION_THROTTLE.name: "fills",
    Limit.MESSAGE_RATE.name: "orders",
}
PLAIN = {Limit.CORRELATION.name, Limit.STALE_PRICE.name}
BARS = {Limit.STALE_PRICE.name: " bars since the last price"}


def plain_name(name: str) -> str:
    """`risk_appetite_z` as 'risk appetite, in deviations'; `macd_histogram` as 'MACD histogram'."""
    unit = next((ending for ending in UNITS if name.endswith(ending) and name != ending), None)
    stem = name.removesuffix(unit) if unit is not None else name
    words = [ABBREVIATIONS.get(word, word) for word in in_words(stem).split(" ")]
    said = " ".join(words)
    return f"{said}, {UNITS[unit]}" if unit is not None else said


def bound_in_words(code: str) -> str:
    """What bound a size."""
    return BOUNDS.get(code, f"the guardian's limit on {in_words(code)}")


def limit_value(limit: str, value: float, currency: str) -> str:
    """A limit's value or measure in the limit's own unit: money, a part, a count; 'unknown'."""
    if not math.isfinite(value):
        return "unknown"
    if limit in FRACTIONS:
        return f"{percent(value, 2)} of equity"
    if limit in COUNTS:
        return f"{number(value)} {COUNTS[limit]}"
    if limit in PLAIN:
        return f"{number(value, 2)}{BARS.get(limit, '')}"
    return f"{number(value)} {currency}"
