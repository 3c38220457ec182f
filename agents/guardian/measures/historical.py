"""VaR and ES of what was."""

from __future__ import annotations

from agents.guardian.measures.tail import TailRisk, tail_of_losses
from market.bars import Floats


def historical_tail(returns: Floats, confidence: float) -> TailRisk:
    """Tail of the losses in returns (T,), each as likely as any other; decimals, or money.

    Convention: the order statistic of `tail_of_losses`, the k-th worst return with
    k = ⌈T (1 − confidence)⌉; numpy's default quantile is interpolated and smaller. Unknown (NaN)
    when a return is NaN or T < 1 / (1 − confidence). Raises InvalidError for another shape or a
    confidence outside (0.5, 1).
    """
    return tail_of_losses(-returns, confidence)
