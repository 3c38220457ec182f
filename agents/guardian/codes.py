"""The words of a verdict."""

from __future__ import annotations

from enum import IntEnum


class Limit(IntEnum):
    """What bound a size, or why an order was refused. NONE: nothing did."""

    NONE = 0
    INVALID_INPUT = 1
    STALE_PRICE = 2
    DRAWDOWN_HALT = 3
    DAILY_LOSS_HALT = 4
    OPEN_POSITIONS = 5
    POSITION = 6
    GROSS_LEVERAGE = 7
    CURRENCY_EXPOSURE = 8
    OPEN_RISK = 9
    MARGIN = 10
    UNIT_INCREMENT = 11
    RISK_PER_TRADE = 12
    CORRELATION = 13
    ALLOCATION = 14


class Halt(IntEnum):
    """Why no new risk is taken. NONE: trading is open."""

    NONE = 0
    DRAWDOWN = 1
    DAILY_LOSS = 2
