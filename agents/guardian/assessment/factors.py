"""What the losses of a book are made of, taken once for every book of the same instruments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.exposure import stop_risk
from agents.guardian.measures.covariance import shrunk_covariance
from agents.guardian.scenarios.episodes import EpisodePath
from agents.guardian.stress import crash_shocks
from market.bars import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The H positions that are held, and how each loses.

    values, stop_losses, half_spreads, margin: (H,) account currency, at the size of today.
    covariance: (H, H) of a day's returns. returns: (T, H) of a period, from the first row in which
    all are known; day_root: what makes a loss of a period one of a day. legs: (C, H) +1 long, −1
    short of each currency; classes: (K, H) membership. episodes: paths of the H columns.
    """

    symbols: tuple[str, ...]
    currencies: tuple[str, ...]
    classes: tuple[str, ...]
    account: int
    equity: float
    drawdown: float
    values: Floats
    stop_losses: Floats
    half_spreads: Floats
    margin: Floats
    covariance: Floats
    returns: Floats
    day_root: float
    legs: Floats
    membership: Floats
    crash: Floats
    episodes: tuple[EpisodePath, ...]
    limits: AssessmentLimits

    def left(self, amounts: Floats, kept: Floats) -> Floats:
        """(H,) amounts of which each position's part `kept` is left; 0 where none is, even of what
        is unknown.
        """
        return np.where(kept > 0.0, amounts * kept, 0.0)

    @property
    def day_sigmas(self) -> Floats:
        """(H,) daily standard deviations of returns."""
        return np.asarray(np.sqrt(self.covariance.diagonal()))


def factors_of(portfolio: Portfolio, drawdown: float) -> Factors:
    """Measure what is held; NaN where it cannot be. drawdown: of equity, now."""
    held = np.flatnonzero(portfolio.units != 0.0)
    traded = [portfolio.instruments[column] for column in held]
    values = portfolio.values[held]
    returns = _known(portfolio.returns[:, held])
    covariance = np.full((len(held), len(held)), np.nan)
    if len(held) and np.isfinite(returns).all():
        covariance = shrunk_covariance(returns)[0] * portfolio.periods_a_day
    currencies = tuple(
        sorted({leg for i in traded for leg in (i.base, i.quote)} | {portfolio.account_currency})
    )
    classes = tuple(sorted({i.asset_class for i in traded}))
    spread, rate = portfolio.spread[held], portfolio.rate[held]
    stop_losses = [
        stop_risk(*row)
        for row in zip(
            portfolio.units[held], portfolio.mid[held], spread, portfolio.stop_price[held], rate,
            strict=True,
        )
    ]  # fmt: skip
    half_spreads = np.where(spread >= 0.0, 0.5 * spread * rate, np.nan)
    return Factors(
        symbols=tuple(i.symbol for i in traded),
        currencies=currencies,
        classes=classes,
        account=currencies.index(portfolio.account_currency),
        equity=portfolio.equity if portfolio.equity > 0.0 else np.nan,
        drawdown=drawdown,
        values=values,
        stop_losses=np.where(np.isnan(values), np.nan, np.array(stop_losses, dtype=np.float64)),
        half_spreads=np.abs(portfolio.units[held]) * half_spreads,
        margin=np.abs(values) * np.array([i.margin_rate for i in traded]),
        covariance=covariance,
        returns=returns,
        day_root=float(np.sqrt(portfolio.periods_a_day)),
        legs=np.array(
            [[float(i.base == c) - float(i.quote == c) for i in traded] for c in currencies]
        ).reshape(len(currencies), len(held)),
        membership=np.array(
            [[float(i.asset_class == kind) for i in traded] for kind in classes]
        ).reshape(len(classes), len(held)),
        crash=crash_shocks(traded),
        episodes=tuple(
            EpisodePath(episode=p.episode, time=p.time, profit=p.profit[:, held])
            for p in portfolio.episodes
        ),
        limits=portfolio.limits,
    )


def _known(returns: Floats) -> Floats:
    """From the first row in which every return is known; what is missing later stays missing."""
    complete = ~np.isnan(returns).any(axis=1)
    first = int(np.argmax(complete)) if complete.any() else len(returns)
    return np.ascontiguousarray(returns[first:])
