"""The limits that no order passes."""

from __future__ import annotations

from typing import NamedTuple


class StressLimits(NamedTuple):
    """Largest loss in each named shock (`agents.guardian.stress`), fractions of equity."""

    crash: float
    volatility_spike: float
    correlation_breakdown: float
    liquidity_crisis: float
    currency_crisis: float


class PaceLimits(NamedTuple):
    """How often orders may be approved. Times in nanoseconds of the market's clock.

    duplicate_ns: the same instrument, side and size is not approved again within it.
    per_second, per_minute: new orders of the whole desk.
    reductions_per_second, reductions_per_minute: orders of the whole desk that only reduce;
        infinite where none is ever held back.
    max_fills, fills_ns: fills of one agent's orders within that time, at which its orders are
        disabled until a person allows them again.
    collar_ns: time within which the price may not leave the collar about the first order's.
    """

    duplicate_ns: float
    per_second: int
    per_minute: int
    max_fills: int
    fills_ns: float
    collar_ns: float
    reductions_per_second: float
    reductions_per_minute: float


class RiskLimits(NamedTuple):
    """Limits as plain numbers, in the order of the review. Fractions are of equity.

    max_price_age: bars since an instrument's last price, above which nothing new is opened.
    jump_sigmas: last move of a price, in standard deviations of a bar as of the bar before.
    max_drawdown: 1 − equity / running peak, at which new risk halts until re-armed;
    flatten_drawdown: at which every position is closed beside.
    max_daily_loss: loss since the last bar of the day before, at which new risk halts for a day.
    max_order_value, max_order_units: of one order; what it closes is not held back.
    max_open_positions: instruments held at once.
    max_position: notional of one instrument. max_position_loss: its loss at two daily standard
        deviations.
    max_asset_class: Σ of notionals of one class of assets; inf where only one is traded.
    max_gross_leverage: Σ of notionals.
    max_currency_exposure: net exposure of one currency over both legs of every position.
    max_open_risk: Σ of the losses if every stop were hit.
    correlation_threshold: correlation with what is held above which a size shrinks, to nothing
        at 1.
    correlation_window: bars of returns it is measured on.
    margin_reserve: part of equity that margin may not use.
    max_daily_var: value at risk of a day at 95 %, normal. max_portfolio_var: of a day at 99 %,
        historical. var_window: bars of returns both look back on. var_decay: weight of one bar
        over the next newer in the standard deviation. day_bars: bars in a day of trading.
    collar_sigmas: the collar is never tighter than so many standard deviations of a bar.
    """

    max_price_age: float
    jump_sigmas: float
    max_drawdown: float
    flatten_drawdown: float
    max_daily_loss: float
    max_order_value: float
    max_order_units: float
    max_open_positions: float
    max_position: float
    max_position_loss: float
    max_asset_class: float
    max_gross_leverage: float
    max_currency_exposure: float
    max_open_risk: float
    correlation_threshold: float
    correlation_window: int
    margin_reserve: float
    max_daily_var: float
    max_portfolio_var: float
    var_window: int
    var_decay: float
    day_bars: float
    collar_sigmas: float
    stress: StressLimits
    pace: PaceLimits

    @property
    def returns_window(self) -> int:
        """Rows of returns that a review may look back on."""
        return max(self.correlation_window, self.var_window)
