"""VaR and ES of returns whose distribution is known but for two or three numbers."""

from __future__ import annotations

import math

from scipy.special import gammaln, ndtri, stdtrit

from agents.guardian.measures.tail import TailRisk, check_confidence, tail
from market.errors import InvalidError


def normal_density(z: float) -> float:
    """Density of the standard normal distribution."""
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def normal_tail(mean: float, sigma: float, confidence: float, horizon: float = 1.0) -> TailRisk:
    """Tail of normal returns over `horizon` periods.

    mean, sigma: of the return of one period; the mean grows with the horizon, sigma with its
    root, as for independent returns. VaR = σ z − μ, ES = σ φ(z)/(1 − confidence) − μ (McNeil, Frey
    and Embrechts 2005, Quantitative Risk Management, examples 2.14 and 2.18).

    Unknown (NaN) when mean or sigma is not finite. Raises InvalidError for a negative sigma, a
    horizon that is not positive, a confidence outside (0.5, 1).
    """
    _check(sigma, confidence, horizon)
    z = float(ndtri(confidence))
    return _scaled(mean, sigma, horizon, z, normal_density(z) / (1.0 - confidence))


def student_tail(
    mean: float, sigma: float, degrees: float, confidence: float, horizon: float = 1.0
) -> TailRisk:
    """Tail of Student t returns whose standard deviation is sigma, over `horizon` periods.

    A t variable has variance ν/(ν − 2), so that it is scaled by σ √((ν − 2)/ν): fat tails then
    raise the VaR at 99 % and lower it at 95 %. ES of the unscaled t:
    g(q)/(1 − confidence) · (ν + q²)/(ν − 1), g its density (McNeil, Frey and Embrechts 2005,
    example 2.19). Over a longer horizon the root of time is kept, and so are the degrees: sums of
    t returns have thinner tails, so that this errs on the side of caution far out.

    Unknown (NaN) when mean, sigma or degrees is NaN. degrees of inf is the normal. Raises
    InvalidError for degrees of 2 or fewer (no variance), and as `normal_tail`.
    """
    if degrees <= 2.0:
        raise InvalidError(
            f"degrees: expected more than 2 degrees of freedom, found {degrees}: with fewer the "
            "standard deviation is infinite. Estimate them, or take 4."
        )
    if math.isinf(degrees):
        return normal_tail(mean, sigma, confidence, horizon)
    _check(sigma, confidence, horizon)
    quantile = float(stdtrit(degrees, confidence))
    unit = math.sqrt((degrees - 2.0) / degrees)
    square = quantile * quantile
    density = math.exp(
        float(gammaln(0.5 * (degrees + 1.0)) - gammaln(0.5 * degrees))
        - 0.5 * (degrees + 1.0) * math.log1p(square / degrees)
    ) / math.sqrt(degrees * math.pi)
    beyond = density / (1.0 - confidence) * (degrees + square) / (degrees - 1.0)
    return _scaled(mean, sigma, horizon, unit * quantile, unit * beyond)


def _check(sigma: float, confidence: float, horizon: float) -> None:
    check_confidence(confidence)
    if sigma < 0.0:
        raise InvalidError(f"sigma: expected a standard deviation of 0 or more, found {sigma}")
    if not (horizon > 0.0 and math.isfinite(horizon)):
        raise InvalidError(f"horizon: expected a positive number of periods, found {horizon}")


def _scaled(
    mean: float, sigma: float, horizon: float, quantile: float, shortfall: float
) -> TailRisk:
    drift, scale = mean * horizon, sigma * math.sqrt(horizon)
    return tail(scale * quantile - drift, scale * shortfall - drift)
