"""The words of a verdict."""

from __future__ import annotations

from enum import IntEnum


class Limit(IntEnum):
    """What bound a size, or why an order was refused. NONE: nothing did.

    Numbers are written into records: a new word goes to the end, none is ever used again.
    """

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
    DRAWDOWN_FLATTEN = 15
    RESTRICTED = 16
    UNTRADEABLE = 17
    CROSSED_QUOTE = 18
    PRICE_JUMP = 19
    PRICE_COLLAR = 20
    DUPLICATE = 21
    MESSAGE_RATE = 22
    EXECUTION_THROTTLE = 23
    ORDER_VALUE = 24
    ORDER_UNITS = 25
    POSITION_LOSS = 26
    ASSET_CLASS = 27
    DAILY_VAR = 28
    PORTFOLIO_VAR = 29
    STRESS_CRASH = 30
    STRESS_VOLATILITY = 31
    STRESS_CORRELATION = 32
    STRESS_LIQUIDITY = 33
    STRESS_CURRENCY = 34
    KELLY = 35
    NO_EDGE = 36
    UNPROVEN_REDUCTION = 37
    VOLATILITY_TARGET = 38
    REDUCTION_RATE = 39


class Halt(IntEnum):
    """Why no new risk is taken. NONE: trading is open. DRAWDOWN_FLATTEN: and all is closed."""

    NONE = 0
    DRAWDOWN = 1
    DAILY_LOSS = 2
    DRAWDOWN_FLATTEN = 3
