"""The breakers of a live desk: what each measures, its default limit, and what it does."""

from __future__ import annotations

from dataclasses import dataclass

from market.breakers import BreakerAction, BreakerRule

VOLATILITY = "VOLATILITY"
PRICE_FALL = "PRICE_FALL"
LATENCY = "LATENCY"
FAILURES = "FAILURES"
CORRELATION = "CORRELATION"
SILENCE = "SILENCE"
UNKNOWN_ORDERS = "UNKNOWN_ORDERS"
DRAWDOWN_FLATTEN = "DRAWDOWN_FLATTEN"
JOURNAL = "JOURNAL"
VOLATILITY_WINDOW_S = 300.0
FALL_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """The limits that a configuration may move, each within bounds; decimals and seconds."""

    volatility: float = 0.05
    price_fall: float = 0.10
    latency_s: float = 2.0
    failures: int = 3
    correlation: float = 0.7
    correlation_bars: int = 60
    silent_share: float = 0.25
    unknown_order_s: float = 30.0
    drawdown_flatten: float = 0.15
    cool_down_s: float = 300.0


def breaker_rules(limits: BreakerLimits) -> dict[str, BreakerRule]:
    """Every breaker by its name; there is no way to leave one out."""
    block, cancel = BreakerAction.BLOCK, BreakerAction.CANCEL
    cool = limits.cool_down_s
    rules = (
        BreakerRule(
            name=VOLATILITY, threshold=limits.volatility, unit="of price", action=cancel,
            cool_down_s=cool, window_s=VOLATILITY_WINDOW_S,
            about="realised volatility of a traded instrument over 5 min, not annualised",
        ),
        BreakerRule(
            name=PRICE_FALL, threshold=limits.price_fall, unit="of price", action=cancel,
            latch=True, cool_down_s=cool, window_s=FALL_WINDOW_S,
            about="fall within 1 min of a traded instrument, or of what it is quoted in",
        ),
        BreakerRule(
            name=LATENCY, threshold=limits.latency_s, unit="s", action=block, cool_down_s=cool,
            about="the broker's newest answer about orders or the account",
        ),
        BreakerRule(
            name=FAILURES, threshold=float(limits.failures), unit="failures", action=block,
            cool_down_s=cool,
            about="failures of broker or feed that no look-up or reconnect has settled",
        ),
        BreakerRule(
            name=CORRELATION, threshold=limits.correlation, unit="", action=block,
            cool_down_s=cool,
            about="mean correlation of the returns of three or more positions, signed by side",
        ),
        BreakerRule(
            name=SILENCE, threshold=limits.silent_share, unit="of instruments", action=block,
            cool_down_s=cool,
            about="share of the traded instruments that are silent while their market is open",
        ),
        BreakerRule(
            name=UNKNOWN_ORDERS, threshold=limits.unknown_order_s, unit="s", action=block,
            cool_down_s=cool,
            about="how long the oldest order has been unknown",
        ),
        BreakerRule(
            name=DRAWDOWN_FLATTEN, threshold=limits.drawdown_flatten, unit="of equity",
            action=BreakerAction.FLATTEN, latch=True, cool_down_s=cool,
            about="fall of the equity from its peak since the start or the last reset",
        ),
        BreakerRule(
            name=JOURNAL, threshold=1.0, unit="failed writes", action=cancel, latch=True,
            cool_down_s=cool,
            about="the journal cannot be written; only a new gateway that can write it arms it",
        ),
    )  # fmt: skip
    return {rule.name: rule for rule in rules}
