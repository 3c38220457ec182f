"""`AssessingGuardian`: the guardian of a live desk, which measures the whole book when asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from agents.guardian.assessment.assess import RiskAssessment, assess
from agents.guardian.assessment.in_force import limits_in_force
from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.guardian import RiskGuardian
from agents.guardian.scenarios.episodes import EpisodePath, episode_paths
from market.bars import Floats, Times
from market.instruments import Instrument
from market.live_events import RiskAssessed
from market.live_messages import AssessRisk
from market.overrides import in_force

WEEKDAYS_A_YEAR = 260.0
DAY_S = 86_400.0
STRESSES = 5
History = Callable[[], tuple[Times, Floats]]
"""Times (T,) and closes (T, M) of all instruments, for episodes of the past."""


class AssessingGuardian:
    """Reviews as the guardian does; `AssessRisk` it answers with `RiskAssessed`, whatever happens:
    what goes wrong in a measure must not cost a review.

    limits: as configured; what a book is held to follows from its stage and overrides. start:
    equity at the beginning. interval_s: of the bars whose returns it is given.
    """

    def __init__(
        self,
        guardian: RiskGuardian,
        instruments: Sequence[Instrument],
        *,
        account_currency: str,
        start: float,
        interval_s: int,
        limits: AssessmentLimits,
        episodes: tuple[EpisodePath, ...],
    ) -> None:
        self._guardian = guardian
        self._instruments = tuple(instruments)
        self._account_currency = account_currency
        self._start = start
        self._periods_a_day = DAY_S / interval_s
        self._limits = limits
        self._episodes = episodes

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, AssessRisk):
            return self.assess(message)
        return self._guardian.answer(message)

    def warm_up(self) -> None:
        """Compile what a first review and a first assessment would compile; leaves no trace."""
        self._guardian.warm_up()
        ones = np.ones(len(self._instruments))
        moves = 1e-3 * np.random.default_rng(0).standard_normal((101, len(ones)))
        self.assess(
            AssessRisk(
                sequence=-1, time=0, equity=1.0, units=ones, mid=ones, spread=1e-4 * ones,
                rate=ones, stop_price=0.99 * ones, returns=moves,
            )
        )  # fmt: skip

    def assess(self, asked: AssessRisk) -> RiskAssessed:
        """Measure the book; a failure is told in the answer."""
        try:
            return _compact(asked, assess(self._portfolio(asked)))
        except Exception as error:
            return _failed(asked, f"{type(error).__name__}: {error}")

    def _portfolio(self, asked: AssessRisk) -> Portfolio:
        # What a position earns differs from the return of its price by the move of the conversion
        # rate times that return: a few parts in a thousand of it.
        return Portfolio(
            instruments=self._instruments,
            account_currency=self._account_currency,
            time=asked.time,
            equity=asked.equity,
            start=self._start,
            equity_curve=np.array([max(self._guardian.peak, self._start)]),
            units=asked.units,
            mid=asked.mid,
            spread=asked.spread,
            rate=asked.rate,
            stop_price=asked.stop_price,
            daily_volume=np.full(len(self._instruments), np.nan),
            returns=asked.returns,
            periods_a_day=self._periods_a_day,
            days_a_year=WEEKDAYS_A_YEAR,
            episodes=self._episodes,
            limits=limits_in_force(
                self._limits,
                self._guardian.stage_of(asked.stage),
                in_force(asked.overrides, asked.time),
            ),
        )


def assessing_guardian(
    build: Callable[[], RiskGuardian],
    instruments: Sequence[Instrument],
    *,
    traded: int,
    account_currency: str,
    start: float,
    interval_s: int,
    limits: AssessmentLimits,
    history: History,
) -> AssessingGuardian:
    """Build both where they run; `history` is read there, once.

    instruments: (M,) the traded ones first; the others only convert.
    """
    time, closes = history()
    paths = episode_paths(time, closes, instruments, account_currency)
    return AssessingGuardian(
        build(),
        instruments[:traded],
        account_currency=account_currency,
        start=start,
        interval_s=interval_s,
        limits=limits,
        episodes=tuple(replace(path, profit=path.profit[:, :traded]) for path in paths),
    )


def _compact(asked: AssessRisk, found: RiskAssessment) -> RiskAssessed:
    nearest = found.parts[0]
    normal = next(
        tail
        for tail in found.portfolio.tails
        if tail.method == "normal" and tail.confidence == 0.95
    )
    return RiskAssessed(
        sequence=asked.sequence,
        time=asked.time,
        score=found.score,
        nearest=nearest.code,
        bound=nearest.bound,
        used=nearest.used,
        leverage=found.portfolio.leverage,
        daily_var=normal.value_at_risk,
        expected_shortfall=normal.expected_shortfall,
        stress=np.array([scenario.loss for scenario in found.stress]),
        alerts=tuple((alert.level, alert.code) for alert in found.alerts),
        reductions=tuple((action.symbol, action.units) for action in found.actions),
        failure="",
    )


def _failed(asked: AssessRisk, why: str) -> RiskAssessed:
    return RiskAssessed(
        sequence=asked.sequence,
        time=asked.time,
        score=0.0,
        nearest="ASSESSMENT",
        used=math.nan,
        leverage=math.nan,
        daily_var=math.nan,
        expected_shortfall=math.nan,
        stress=np.full(STRESSES, np.nan),
        alerts=(("critical", "ASSESSMENT"),),
        reductions=(),
        failure=why,
    )
