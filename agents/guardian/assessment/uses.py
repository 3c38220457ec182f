"""How much of every limit a book uses, and which positions use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agents.guardian.assessment.factors import Factors
from agents.guardian.measures.tail import ROUNDING
from agents.guardian.scenarios.episodes import EpisodeLoss, episode_loss
from agents.guardian.stress import NORMAL_95, StressLosses, stress_losses
from market.bars import Floats

POSITION_SIGMAS = 2.0
HISTORICAL_CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """A limit, what is allowed and what was measured, in account currency (a count, or a fraction
    where the code says so).

    bound: what set it. of: the instrument or currency that it is measured on, empty for the whole
    book. contribution: (H,) which positions to reduce, the largest first; empty where no reduction
    helps.
    """

    code: str
    bound: str
    allowed: float
    measured: float
    of: str
    contribution: Floats

    @property
    def used(self) -> float:
        """Part of the limit that is used: above 1 it is breached; NaN where it is unknown.

        Where nothing is allowed it is 0 of nothing, and infinite of anything.
        """
        if self.allowed == 0.0:
            return np.inf if self.measured > 0.0 else 0.0 * self.measured
        return self.measured / self.allowed if self.allowed > 0.0 else np.nan

    @property
    def is_inside(self) -> bool:
        """Whether it is known and not above the limit, rounding aside."""
        return self.used <= 1.0 + ROUNDING


def stress_of(factors: Factors, kept: Floats) -> StressLosses:
    """The five named shocks on the book of which each position's part `kept` (H,) is left."""
    values = factors.left(factors.values, kept)
    losses = stress_losses(
        float((values * factors.crash).sum()),
        _deviation(factors, values),
        float((np.abs(values) * factors.day_sigmas).sum()),
        float(factors.left(factors.half_spreads, kept).sum()),
        float(np.abs(factors.legs @ values).max(initial=0.0)),
    )
    return StressLosses(*(float(loss) + 0.0 for loss in losses))  # no loss is 0, never −0


def episodes_of(factors: Factors, kept: Floats) -> list[EpisodeLoss]:
    """Every episode of history on the book of which the part `kept` (H,) is left."""
    values = factors.left(factors.values, kept)
    return [episode_loss(path, values, factors.symbols) for path in factors.episodes]


def limit_uses(factors: Factors, kept: Floats) -> list[LimitUse]:
    """Every limit on the book of which each position's part `kept` (H,), 0 to 1, is left.

    An episode that the data do not hold is no limit: nothing is known to be measured.
    """
    return [
        *_sizes(factors, kept),
        *_losses_of_a_day(factors, kept),
        *_stress(factors, kept),
        *_episodes(factors, kept),
    ]


def use_of(factors: Factors, kept: Floats, code: str) -> LimitUse:
    """One of `limit_uses`, without measuring all the others."""
    measure = _sizes
    if code.startswith("STRESS_"):
        measure = _stress
    elif code.startswith("EPISODE_"):
        measure = _episodes
    elif code.endswith("_VAR"):
        measure = _losses_of_a_day
    return next(use for use in measure(factors, kept) if use.code == code)


def _sizes(factors: Factors, kept: Floats) -> Iterator[LimitUse]:
    limits, equity = factors.limits, factors.equity
    values = factors.left(factors.values, kept)
    sizes = np.abs(values)
    gross = float(sizes.sum())
    yield _use(factors, "GROSS_LEVERAGE", limits.max_gross_leverage * equity, gross, sizes)
    yield _largest(factors, "POSITION", limits.max_position * equity, sizes)
    lost = POSITION_SIGMAS * sizes * factors.day_sigmas
    yield _largest(factors, "POSITION_LOSS", limits.max_position_loss * equity, lost)
    if len(factors.classes) > 1:
        by_class = factors.membership @ sizes
        row = _worst(by_class)
        allowed = limits.max_asset_class * equity
        chosen = sizes * factors.membership[row]
        yield _use(factors, "ASSET_CLASS", allowed, by_class[row], chosen, factors.classes[row])
    exposure = factors.legs @ values
    exposure[factors.account] = 0.0
    row = _worst(np.abs(exposure))
    side = np.sign(exposure[row]) * factors.legs[row] * values
    allowed = limits.max_currency_exposure * equity
    currency = factors.currencies[row]
    yield _use(factors, "CURRENCY_EXPOSURE", allowed, abs(float(exposure[row])), side, currency)
    at_stops = factors.left(factors.stop_losses, kept)
    yield _use(
        factors, "OPEN_RISK", limits.max_portfolio_risk * equity, float(at_stops.sum()), at_stops
    )
    margin = factors.left(factors.margin, kept)
    allowed = (1.0 - limits.margin_reserve) * equity
    yield _use(factors, "MARGIN", allowed, float(margin.sum()), margin)
    count = float(np.count_nonzero(kept))
    smallest = np.where(kept > 0.0, 1.0 / (1.0 + np.nan_to_num(sizes)), 0.0)
    yield _use(factors, "OPEN_POSITIONS", limits.max_open_positions, count, smallest)
    yield _use(factors, "DRAWDOWN", limits.max_drawdown, factors.drawdown, np.empty(0))


def _losses_of_a_day(factors: Factors, kept: Floats) -> Iterator[LimitUse]:
    limits, equity = factors.limits, factors.equity
    values = factors.left(factors.values, kept)
    sigma = _deviation(factors, values)
    yield _use(
        factors,
        "DAILY_VAR",
        limits.max_daily_var * equity,
        NORMAL_95 * sigma,
        _by_deviation(factors, kept),
    )
    loss, row = historical_row(factors, values)
    moved = -values * factors.returns[row] if len(factors.returns) else np.zeros_like(values)
    yield _use(factors, "PORTFOLIO_VAR", limits.max_portfolio_var * equity, loss, moved)


def _stress(factors: Factors, kept: Floats) -> Iterator[LimitUse]:
    losses, values = stress_of(factors, kept), factors.left(factors.values, kept)
    spreads = _by_deviation(factors, kept) + factors.left(factors.half_spreads, kept)
    exposure = factors.legs @ values
    row = _worst(np.abs(exposure))
    contributions = (
        -values * factors.crash,
        _by_deviation(factors, kept),
        np.abs(values) * factors.day_sigmas,
        spreads,
        np.sign(exposure[row]) * factors.legs[row] * values,
    )
    for name, loss, contribution in zip(losses._fields, losses, contributions, strict=True):
        allowed = getattr(factors.limits.stress, name) * factors.equity
        yield _use(factors, f"STRESS_{name.upper()}", allowed, loss, contribution)


def _episodes(factors: Factors, kept: Floats) -> Iterator[LimitUse]:
    values = factors.left(factors.values, kept)
    for path in factors.episodes:  # one at a time: who looks for one need not replay all
        found = episode_loss(path, values, factors.symbols)
        if not found.missing:
            allowed = factors.limits.max_episode_loss * factors.equity
            yield _use(factors, f"EPISODE_{found.name}", allowed, found.loss, found.contribution)


def historical_row(factors: Factors, values: Floats) -> tuple[float, int]:
    """Historical VaR of a day at 99 %, as `historical_tail` has it, and the row that sets it.

    NaN with fewer than 100 returns, or where one is missing; 0 for a book that is empty.
    """
    if not np.count_nonzero(values):
        return 0.0, 0
    losses = -(factors.returns @ values)
    beyond = losses.size * (1.0 - HISTORICAL_CONFIDENCE)
    if beyond < 1.0 - ROUNDING or not np.isfinite(losses).all():
        return np.nan, 0
    place = losses.size - int(np.ceil(beyond - ROUNDING))
    row = int(np.argpartition(losses, place)[place])
    return max(float(losses[row]), 0.0) * factors.day_root, row


def _deviation(factors: Factors, values: Floats) -> float:
    if not np.count_nonzero(values):
        return 0.0
    variance = float(values @ factors.covariance @ values)
    return float(np.sqrt(max(variance, 0.0))) if not np.isnan(variance) else np.nan


def _by_deviation(factors: Factors, kept: Floats) -> Floats:
    """(H,) parts of the book's daily standard deviation, which add up to it."""
    values = factors.left(factors.values, kept)
    sigma = _deviation(factors, values)
    if not sigma > 0.0:
        return np.zeros_like(values)
    return np.asarray(values * (factors.covariance @ values) / sigma)


def _largest(factors: Factors, code: str, allowed: float, measured: Floats) -> LimitUse:
    """A limit on each position: that of the largest."""
    if not len(measured):
        return _use(factors, code, allowed, 0.0, np.empty(0))
    row = _worst(measured)
    alone = np.zeros_like(measured)
    alone[row] = measured[row]
    return _use(factors, code, allowed, measured[row], alone, factors.symbols[row])


def _worst(measured: Floats) -> int:
    """The largest; one that is unknown before all."""
    return int(np.argmax(np.where(np.isnan(measured), np.inf, measured)))


def _use(
    factors: Factors,
    code: str,
    allowed: float,
    measured: float,
    contribution: Floats,
    of: str = "",
) -> LimitUse:
    return LimitUse(
        code=code,
        bound=factors.limits.bound(code),
        allowed=float(allowed),
        measured=float(measured),
        of=of,
        contribution=contribution,
    )
