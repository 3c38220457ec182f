"""What lies in the tail of a distribution of losses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from market.bars import Floats
from market.errors import InvalidError

ROUNDING = 1e-9
"""1 − confidence is not exact in binary: 100 (1 − 0.95) is 5 and a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailRisk:
    """A loss quantile and the mean loss beyond it, in the unit of the losses; both or none NaN.

    expected_shortfall is never below value_at_risk. A negative value is a gain: a book may earn
    so surely that even its bad days are good ones.
    """

    value_at_risk: float
    expected_shortfall: float

    @property
    def is_known(self) -> bool:
        """False where there was too little to measure."""
        return not math.isnan(self.value_at_risk)


UNKNOWN_TAIL = TailRisk(value_at_risk=math.nan, expected_shortfall=math.nan)


def check_confidence(confidence: float) -> None:
    """Raises InvalidError unless 0.5 < confidence < 1."""
    if not 0.5 < confidence < 1.0:
        raise InvalidError(
            f"confidence: expected a share of days above 0.5 and below 1, such as 0.99, found "
            f"{confidence}. 0.01 is the probability of the tail: give 0.99."
        )


def tail(value_at_risk: float, expected_shortfall: float) -> TailRisk:
    """Both measures; unknown unless both are finite. Rounding cannot put one below the other."""
    if not (math.isfinite(value_at_risk) and math.isfinite(expected_shortfall)):
        return UNKNOWN_TAIL
    return TailRisk(
        value_at_risk=value_at_risk, expected_shortfall=max(value_at_risk, expected_shortfall)
    )


def tail_of_losses(losses: Floats, confidence: float) -> TailRisk:
    """Tail of equally likely losses (T,): an order statistic, never interpolated.

    With k = ⌈T (1 − confidence)⌉ the VaR is the k-th largest loss, and the ES the mean over the
    worst T (1 − confidence) of them, the k-th counting for the fraction that is left of it
    (Acerbi and Tasche 2002, Journal of Banking and Finance 26, proposition 4.1): it is coherent,
    which the plain mean of k losses is not.

    numpy's default quantile lies between two losses and is the smaller answer: of the losses 1 to
    20, at 95 %, it is 19.05; this is 20.

    Unknown when a loss is not finite, or when T < 1 / (1 − confidence): the worst of so few
    losses is beaten more often than the confidence allows. Raises InvalidError where losses are
    not of one dimension.
    """
    check_confidence(confidence)
    if losses.ndim != 1:
        raise InvalidError(f"losses: expected shape (times,), found {losses.shape}")
    beyond = losses.size * (1.0 - confidence)
    count = math.ceil(beyond - ROUNDING)
    if beyond < 1.0 - ROUNDING or not np.isfinite(losses).all():
        return UNKNOWN_TAIL
    worst = np.sort(np.partition(losses, losses.size - count)[losses.size - count :])
    quantile = float(worst[0])
    # About the quantile, so that equal losses have exactly their own size as shortfall.
    excess = float((worst - quantile).sum()) / beyond
    return tail(quantile, quantile + excess)
