"""`assess`: a portfolio in, one answer out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.guardian.assessment.actions import ReducePosition, recommended
from agents.guardian.assessment.alerts import RiskAlert, alerts_of
from agents.guardian.assessment.factors import factors_of
from agents.guardian.assessment.measures import PortfolioRisk, portfolio_risk
from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.assessment.positions import PositionRisk, position_risks
from agents.guardian.assessment.score import ScorePart, overall_score, score_parts
from agents.guardian.assessment.uses import episodes_of, limit_uses, stress_of
from agents.guardian.measures.drawdown import drawdown_curve

SEED = 20_150_115
"""Of the simulated paths where none is given: the same book has the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioLoss:
    """loss, limit: account currency; loss is NaN where it is unknown: the data lack `missing`."""

    name: str
    loss: float
    limit: float
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAssessment:
    """How a book stood against every limit at one moment.

    time: UTC nanoseconds. score: 0 to 100, the lowest of `parts`. alerts: the gravest first.
    actions: done together, they bring every breached limit inside that a reduction can.
    """

    time: int
    account_currency: str
    equity: float
    positions: tuple[PositionRisk, ...]
    portfolio: PortfolioRisk
    stress: tuple[ScenarioLoss, ...]
    episodes: tuple[ScenarioLoss, ...]
    alerts: tuple[RiskAlert, ...]
    score: float
    parts: tuple[ScorePart, ...]
    actions: tuple[ReducePosition, ...]


def assess(portfolio: Portfolio, rng: np.random.Generator | None = None) -> RiskAssessment:
    """Measure a book against every limit. Pure; rng draws the simulated paths, None: a fixed seed.

    What is missing makes what rests on it unknown: that is a critical alert, and the limit's part
    of the score is 0. An empty book risks nothing and needs no prices.
    """
    drawdown = _drawdown(portfolio)
    factors = factors_of(portfolio, drawdown)
    whole = np.ones(len(factors.values))
    uses = limit_uses(factors, whole)
    positions = position_risks(portfolio, factors)
    measured = portfolio_risk(portfolio, factors, rng or np.random.default_rng(SEED))
    stress, limits = stress_of(factors, whole), portfolio.limits
    episodes = episodes_of(factors, whole)
    parts = score_parts(uses)
    held = portfolio.units != 0.0
    increments = np.array([instrument.unit_increment for instrument in portfolio.instruments])
    return RiskAssessment(
        time=portfolio.time,
        account_currency=portfolio.account_currency,
        equity=portfolio.equity,
        positions=positions,
        portfolio=measured,
        stress=tuple(
            ScenarioLoss(name=name.upper(), loss=loss, limit=allowed * portfolio.equity)
            for name, loss, allowed in zip(stress._fields, stress, limits.stress, strict=True)
        ),
        episodes=tuple(
            ScenarioLoss(
                name=found.name,
                loss=found.loss,
                limit=limits.max_episode_loss * portfolio.equity,
                missing=found.missing,
            )
            for found in episodes
        ),
        alerts=alerts_of(uses, positions, measured, episodes, limits),
        score=overall_score(parts),
        parts=parts,
        actions=recommended(factors, portfolio.units[held], increments[held]),
    )


def _drawdown(portfolio: Portfolio) -> float:
    """Now, from the running peak, the first day included; NaN where the curve is unknown."""
    if not portfolio.start > 0.0 or not np.isfinite(portfolio.equity):
        return np.nan
    path = np.append(portfolio.equity_curve, portfolio.equity)
    return float(drawdown_curve(path, portfolio.start)[-1])
