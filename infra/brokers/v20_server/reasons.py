"""The paper exchange's reasons in the words of v20."""

from __future__ import annotations

CANCELLED_BECAUSE = {
    "BY_REQUEST": "CLIENT_REQUEST",
    "REPLACED": "CLIENT_REQUEST_REPLACED",
    "PRICE_BOUND": "BOUNDS_VIOLATION",
    "INSUFFICIENT_MARGIN": "INSUFFICIENT_MARGIN",
    "INSUFFICIENT_LIQUIDITY": "INSUFFICIENT_LIQUIDITY",
    "NO_RATE": "MARKET_HALTED",
    "NO_PRICE": "MARKET_HALTED",
    "MARKET_HALTED": "MARKET_HALTED",
    "NO_POSITION": "POSITION_CLOSEOUT_FAILED",
    "TIME_IN_FORCE_EXPIRED": "TIME_IN_FORCE_EXPIRED",
}
"""OrderCancelReason."""
UNEXPLAINED = "INTERNAL_SERVER_ERROR"

EXIT_BY = {
    "STOP_LOSS": ("STOP_LOSS", "TRAILING_STOP_LOSS"),
    "TRAILING_STOP": ("TRAILING_STOP_LOSS", "STOP_LOSS"),
    "TAKE_PROFIT": ("TAKE_PROFIT",),
}
"""Types of the order that an exit may be of, the likeliest first."""

_MESSAGES = {
    "INSTRUMENT_UNKNOWN": "The instrument specified is unknown",
    "UNITS_PRECISION_EXCEEDED": "The units specified exceed the precision that is allowed",
    "UNITS_MIMIMUM_NOT_MET": "The units specified are below the minimum number of units required",
    "UNITS_LIMIT_EXCEEDED": "The units specified exceed the maximum number of units allowed",
    "UNITS_INVALID": "The units specified are invalid",
    "PRICE_PRECISION_EXCEEDED": "The price specified exceeds the precision that is allowed",
    "ORDER_DOESNT_EXIST": "The Order specified does not exist",
    "TRADE_DOESNT_EXIST": "The Trade specified does not exist",
    "CLIENT_ORDER_ID_ALREADY_EXISTS": "The client Order ID specified is already in use",
    "CLOSEOUT_POSITION_DOESNT_EXIST": "The Position requested to be closed out does not exist",
}


def message_of(reject_reason: str) -> str:
    """A sentence about a TransactionRejectReason."""
    plain = reject_reason.replace("_", " ").lower()
    return _MESSAGES.get(reject_reason, f"The request was rejected: {plain}")
