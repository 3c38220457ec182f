"""The measures of a whole book."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.guardian.assessment.factors import Factors
from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.measures.cornish_fisher import cornish_fisher_tail
from agents.guardian.measures.drawdown import maximum_drawdown
from agents.guardian.measures.filtered import DECAY, TAPS, filtered_historical_tail
from agents.guardian.measures.historical import historical_tail
from agents.guardian.measures.monte_carlo import monte_carlo_tail
from agents.guardian.measures.parametric import normal_tail, student_tail
from agents.guardian.measures.tail import UNKNOWN_TAIL, TailRisk
from agents.guardian.measures.volatility import forecast_volatility, realised_volatility
from market.bars import Floats

CONFIDENCES = (0.95, 0.99)
DEGREES = 5.0
"""Of the Student t: daily returns of currencies have 4 to 6 (Huisman, Koedijk and Pownall 1998)."""
PATHS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """VaR and ES of a day, account currency, positive; NaN where the data do not suffice."""

    method: str
    confidence: float
    value_at_risk: float
    expected_shortfall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated:
    """Two positions and the correlation of their profits: 1 is one position twice."""

    first: str
    second: str
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRisk:
    """gross, net: Σ |value| and Σ value, account currency; leverage: gross over equity.

    by_currency: net, both legs, the account currency left out; by_class: gross. Account currency.
    volatilities: annual, of today's positions over equity. correlated: the pair whose profits move
    together most, None with fewer than two positions. drawdown: now; maximum_drawdown: ever.
    """

    gross: float
    net: float
    leverage: float
    by_currency: tuple[tuple[str, float], ...]
    by_class: tuple[tuple[str, float], ...]
    tails: tuple[Tail, ...]
    realised_volatility: float
    forecast_volatility: float
    correlated: Correlated | None
    open_risk: float
    drawdown: float
    maximum_drawdown: float


def portfolio_risk(
    portfolio: Portfolio, factors: Factors, rng: np.random.Generator
) -> PortfolioRisk:
    """Measure the book as a whole; rng draws the paths of the simulation."""
    gross = float(np.abs(factors.values).sum())
    exposure = factors.legs @ factors.values
    currencies = [
        (name, float(exposure[row]))
        for row, name in enumerate(factors.currencies)
        if row != factors.account
    ]
    classes = zip(factors.classes, factors.membership @ np.abs(factors.values), strict=True)
    profits = factors.returns @ factors.values / factors.equity
    year = portfolio.days_a_year * portfolio.periods_a_day
    idle = not len(factors.values)  # an empty book does not vary, and needs no returns
    realised, forecast = (0.0, 0.0) if idle else (np.nan, np.nan)
    if len(profits) and not idle:
        realised = float(realised_volatility(profits, year))
        forecast = float(forecast_volatility(profits, DECAY, TAPS, year))
    known_curve = bool(portfolio.equity_curve.size) and portfolio.start > 0.0
    return PortfolioRisk(
        gross=gross,
        net=float(factors.values.sum()),
        leverage=gross / factors.equity,
        by_currency=tuple(sorted(currencies, key=lambda one: -abs(one[1]))),
        by_class=tuple((name, float(value)) for name, value in classes),
        tails=tails_of(factors, rng),
        realised_volatility=realised,
        forecast_volatility=forecast,
        correlated=_most_correlated(factors),
        open_risk=float(factors.stop_losses.sum()),
        drawdown=factors.drawdown,
        maximum_drawdown=(
            maximum_drawdown(portfolio.equity_curve, portfolio.start) if known_curve else np.nan
        ),
    )


def tails_of(factors: Factors, rng: np.random.Generator) -> tuple[Tail, ...]:
    """Every method at every confidence, on today's positions; 0 for an empty book."""
    draws = int(rng.integers(2**63))
    return tuple(
        Tail(
            method=method,
            confidence=confidence,
            value_at_risk=tail.value_at_risk,
            expected_shortfall=tail.expected_shortfall,
        )
        for confidence in CONFIDENCES
        for method, tail in _tails(factors, confidence, np.random.default_rng(draws))
    )


def _tails(
    factors: Factors, confidence: float, rng: np.random.Generator
) -> list[tuple[str, TailRisk]]:
    values, root = factors.values, factors.day_root
    if not len(values):
        nothing = TailRisk(value_at_risk=0.0, expected_shortfall=0.0)
        names = ("historical", "filtered", "normal", "student", "cornish_fisher", "monte_carlo")
        return [(name, nothing) for name in names]
    profits = factors.returns @ values
    sigma = float(np.sqrt(values @ factors.covariance @ values))
    skewness, kurtosis = _shape(profits)
    return [
        ("historical", _scaled(historical_tail(profits, confidence), root)),
        ("filtered", _scaled(filtered_historical_tail(profits, confidence), root)),
        ("normal", normal_tail(0.0, sigma, confidence)),
        ("student", student_tail(0.0, sigma, DEGREES, confidence)),
        ("cornish_fisher", cornish_fisher_tail(0.0, sigma, skewness, kurtosis, confidence)),
        (
            "monte_carlo",
            monte_carlo_tail(
                values, np.zeros_like(values), factors.covariance, DEGREES, confidence, PATHS, rng
            ),
        ),
    ]


def _scaled(tail: TailRisk, root: float) -> TailRisk:
    if not tail.is_known:
        return UNKNOWN_TAIL
    return TailRisk(
        value_at_risk=tail.value_at_risk * root, expected_shortfall=tail.expected_shortfall * root
    )


def _shape(profits: Floats) -> tuple[float, float]:
    """Skewness and excess kurtosis; NaN where profits never vary or are missing."""
    centred = profits - profits.mean() if profits.size else np.full(1, np.nan)
    variance = float((centred**2).mean())
    if not variance > 0.0:
        return np.nan, np.nan
    skewness = float((centred**3).mean()) / variance**1.5
    return skewness, float((centred**4).mean()) / variance**2 - 3.0


def _most_correlated(factors: Factors) -> Correlated | None:
    if len(factors.symbols) < 2:
        return None
    sides, sigmas = np.sign(factors.values), factors.day_sigmas
    matrix = factors.covariance * np.outer(sides, sides) / np.outer(sigmas, sigmas)
    np.fill_diagonal(matrix, -np.inf)
    row, column = np.unravel_index(
        int(np.argmax(np.where(np.isnan(matrix), np.inf, matrix))), matrix.shape
    )
    return Correlated(
        first=factors.symbols[min(row, column)],
        second=factors.symbols[max(row, column)],
        correlation=float(matrix[row, column]),
    )
