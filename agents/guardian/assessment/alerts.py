"""What a person should know of a book."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.guardian.assessment.limits import CONFIGURED, AssessmentLimits
from agents.guardian.assessment.measures import PortfolioRisk
from agents.guardian.assessment.positions import PositionRisk
from agents.guardian.assessment.uses import LimitUse
from agents.guardian.scenarios.episodes import EpisodeLoss

Level = Literal["info", "warning", "error", "critical"]
LEVELS: tuple[Level, ...] = ("critical", "error", "warning", "info")
NEAR, FAR_BEYOND = 0.8, 1.25
"""Part of a limit from which it is warned of, and from which its breach is critical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAlert:
    """code: of the limit, or what else was seen. limit, measured: in the unit of the limit, NaN
    where there is none.
    """

    level: Level
    code: str
    message: str
    limit: float
    measured: float


def alerts_of(
    uses: Sequence[LimitUse],
    positions: Sequence[PositionRisk],
    measured: PortfolioRisk,
    episodes: Sequence[EpisodeLoss],
    limits: AssessmentLimits,
) -> tuple[RiskAlert, ...]:
    """Everything worth telling, the gravest first."""
    alerts = [
        *(alert for use in uses for alert in _of_use(use)),
        *_of_correlation(measured, limits.correlation_threshold),
        *_of_positions(positions),
        *_of_episodes(episodes),
    ]
    return tuple(sorted(alerts, key=lambda alert: LEVELS.index(alert.level)))


def _of_use(use: LimitUse) -> Iterator[RiskAlert]:
    of = f" ({use.of})" if use.of else ""
    name = use.code.replace("_", " ").lower()
    if math.isnan(use.used):
        told = f"{name}{of} cannot be measured: a price, a rate, a return or equity is missing"
        yield RiskAlert(
            level="critical", code=use.code, message=told, limit=use.allowed, measured=use.measured
        )
        return
    if use.used < NEAR:
        return
    level: Level = "warning"
    if not use.is_inside:
        level = "critical" if use.used >= FAR_BEYOND else "error"
    told = f"{name}{of} uses {100.0 * use.used:.0f}% of its limit"
    if math.isinf(use.used):
        told = f"{name}{of}: nothing is allowed"
    if use.bound != CONFIGURED:
        told += f", set by {use.bound}"
    yield RiskAlert(
        level=level, code=use.code, message=told, limit=use.allowed, measured=use.measured
    )


def _of_correlation(measured: PortfolioRisk, threshold: float) -> Iterator[RiskAlert]:
    pair = measured.correlated
    if pair is not None and not pair.correlation <= threshold:
        told = (
            f"{pair.first} and {pair.second} are nearly one position: "
            f"correlation {pair.correlation:.2f}"
        )
        yield RiskAlert(
            level="warning",
            code="CORRELATION",
            message=told,
            limit=threshold,
            measured=pair.correlation,
        )


def _of_positions(positions: Sequence[PositionRisk]) -> Iterator[RiskAlert]:
    bare = [one for one in positions if not one.has_stop]
    if bare:
        named = ", ".join(one.symbol for one in bare)
        told = f"no stop protects {named}: the whole notional counts as open risk"
        yield RiskAlert(
            level="warning", code="NO_STOP", message=told, limit=0.0, measured=float(len(bare))
        )
    unknown = [one.symbol for one in positions if math.isnan(one.unwind_days)]
    if unknown:
        told = f"time to unwind is unknown without a volume: {', '.join(unknown)}"
        yield RiskAlert(
            level="info", code="NO_VOLUME", message=told, limit=math.nan, measured=math.nan
        )


def _of_episodes(episodes: Sequence[EpisodeLoss]) -> Iterator[RiskAlert]:
    for found in episodes:
        if found.missing:
            told = f"{found.name}: the data do not hold {', '.join(found.missing)} through it"
            yield RiskAlert(
                level="info",
                code="EPISODE_NOT_HELD",
                message=told,
                limit=math.nan,
                measured=math.nan,
            )
