"""The limits that no order passes."""

from __future__ import annotations

from typing import NamedTuple


class RiskLimits(NamedTuple):
    """Limits as plain numbers, in the order of the review. Fractions are of equity.

    max_price_age: bars since an instrument's last price, above which nothing new is opened.
    max_drawdown: 1 − equity / running peak, at which new risk halts until re-armed.
    max_daily_loss: loss since the last bar of the day before, at which new risk halts for a day.
    max_open_positions: instruments held at once.
    max_position: notional of one instrument.
    max_gross_leverage: Σ of notionals.
    max_currency_exposure: net exposure of one currency over both legs of every position.
    max_open_risk: Σ of the losses if every stop were hit.
    correlation_threshold: correlation with what is held above which a size shrinks, to nothing
        at 1.
    correlation_window: bars of returns it is measured on.
    margin_reserve: part of equity that margin may not use.
    collar: fraction of price between the decision's reference and the fill.
    collar_sigmas: the collar is never tighter than so many standard deviations of a bar.
    """

    max_price_age: float
    max_drawdown: float
    max_daily_loss: float
    max_open_positions: float
    max_position: float
    max_gross_leverage: float
    max_currency_exposure: float
    max_open_risk: float
    correlation_threshold: float
    correlation_window: int
    margin_reserve: float
    collar: float
    collar_sigmas: float
