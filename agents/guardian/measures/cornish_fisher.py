"""VaR and ES of returns that are nearly normal, from their skewness and kurtosis."""

from __future__ import annotations

import math

from scipy.special import ndtri

from agents.guardian.measures.parametric import normal_density
from agents.guardian.measures.tail import UNKNOWN_TAIL, TailRisk, check_confidence, tail
from market.errors import InvalidError


def cornish_fisher_is_valid(skewness: float, excess_kurtosis: float) -> bool:
    """True where the expansion rises with the normal quantile everywhere; False for a NaN.

    It does where (S/3)² ≤ 4 (K/8 − S²/6)(1 − K/8 + 5S²/36) and neither factor is negative: its
    derivative, a parabola, then has no two roots (Maillard 2012, A User's Guide to the Cornish
    Fisher Expansion, domain of validity). So |S| ≤ 6(√2 − 1), and without skewness 0 ≤ K ≤ 8.
    """
    square = skewness * skewness
    bend = excess_kurtosis / 8.0 - square / 6.0
    slope = 1.0 - excess_kurtosis / 8.0 + 5.0 * square / 36.0
    return bool(slope >= 0.0 and square / 9.0 <= 4.0 * bend * slope)


def cornish_fisher_tail(
    mean: float, sigma: float, skewness: float, excess_kurtosis: float, confidence: float
) -> TailRisk:
    """Tail of returns with these moments, by the expansion of their quantile to third order.

    q(z) = z + (z² − 1) S/6 + (z³ − 3z) K/24 − (2z³ − 5z) S²/36 (Cornish and Fisher 1937; Zangari
    1996, RiskMetrics Monitor). VaR = −(μ + σ q(z)) at the normal quantile z of the tail; ES
    integrates the same q over the tail, so that the two belong to one distribution (Maillard
    2012). excess_kurtosis: 0 for the normal. S and K are parameters of the expansion; the
    distribution that it makes has somewhat more of both.

    Unknown (NaN) outside of `cornish_fisher_is_valid`, where a worse probability could have a
    smaller loss, and when an input is not finite: fall back on `historical_tail`, which assumes
    no shape. The normal is no fall-back, its tail is thinner than what left the domain. Raises
    InvalidError for a negative sigma or a confidence outside (0.5, 1).
    """
    check_confidence(confidence)
    if sigma < 0.0:
        raise InvalidError(f"sigma: expected a standard deviation of 0 or more, found {sigma}")
    if not cornish_fisher_is_valid(skewness, excess_kurtosis):
        return UNKNOWN_TAIL
    z = float(ndtri(1.0 - confidence))
    square, bent = z * z, skewness * skewness / 36.0
    quantile = (
        z
        + (square - 1.0) * skewness / 6.0
        + (square - 3.0) * z * excess_kurtosis / 24.0
        - (2.0 * square - 5.0) * z * bent
    )
    # Means of z, z² − 1, z³ − 3z and 2z³ − 5z below z: −φ(z)/p times 1, z, z² − 1 and 2z² − 1.
    beyond = -(normal_density(z) / (1.0 - confidence)) * (
        1.0
        + z * skewness / 6.0
        + (square - 1.0) * excess_kurtosis / 24.0
        - (2.0 * square - 1.0) * bent
    )
    if not math.isfinite(sigma):
        return UNKNOWN_TAIL
    return tail(-(mean + sigma * quantile), -(mean + sigma * beyond))
