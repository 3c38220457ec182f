"""`RiskGuardian`: reviews proposals, watches losses, signs what may pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.guardian.breakers import (
    armed_breakers,
    halting_loss,
    rearm,
    remembered,
    resume_breakers,
    watch_equity,
)
from agents.guardian.codes import Halt, Limit
from agents.guardian.exposure import empty_book
from agents.guardian.limits import RiskLimits
from agents.guardian.notices import watch_notices
from agents.guardian.review import (
    Exposed,
    Proposals,
    no_verdicts,
    review,
)
from market.bars import Floats
from market.conversion import conversion
from market.errors import FatalError, InvalidError
from market.events import Event, TradingRearmed
from market.instruments import Instrument
from market.live_messages import EquityWatched, GuardianResumed, ResumeGuardian, WatchEquity
from market.marks import Marks
from market.messages import Rearm, Reviewed, RiskContext
from market.orders import Bracket
from market.verdicts import RiskApproved, RiskRefused, sign

LIMIT_NAMES = tuple(limit.name for limit in Limit)
HALTS = frozenset({int(Limit.DRAWDOWN_HALT), int(Limit.DAILY_LOSS_HALT)})


class RiskGuardian:
    """Answers each decision's proposals with verdicts by type; nothing reaches a broker without.

    instruments: the M columns of the panel. equity: at the start. key: signs approvals.
    rearm_after: bars after which a scripted supervisor re-arms a drawdown halt; None live,
    where a person must (`Rearm`).
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        account_currency: str,
        limits: RiskLimits,
        equity: float,
        key: bytes,
        rearm_after: int | None,
    ) -> None:
        self._symbols = tuple(instrument.symbol for instrument in instruments)
        self._paths = conversion(instruments, account_currency)
        self._limits = limits
        self._margin_rate = np.array([instrument.margin_rate for instrument in instruments])
        self._increment = np.array([instrument.unit_increment for instrument in instruments])
        self._breakers = armed_breakers(equity)
        self._key = key
        self._rearm_after = rearm_after
        self._returns: Floats = np.empty((0, 0))
        count = len(self._symbols)
        self._verdicts = no_verdicts(count)
        self._book = empty_book(count, self._paths.currencies)

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, RiskContext):
            return self.review(message)
        if isinstance(message, Rearm):
            return self.rearm(message)
        if isinstance(message, WatchEquity):
            return self.watch(message)
        if isinstance(message, ResumeGuardian):
            resume_breakers(self._breakers, message.memory)
            return GuardianResumed(halt=self.halt.name)
        raise FatalError(f"the guardian does not know messages of type {type(message).__name__}")

    def warm_up(self) -> None:
        """Compile what a first review would compile; leaves no trace."""
        memory, kept = remembered(self._breakers), self._returns
        none = np.zeros(len(self._symbols))
        unknown = np.full(len(self._symbols), np.nan)
        self.review(
            RiskContext(
                session="",
                epoch=0,
                sequence=0,
                time=0,
                expires=0,
                equity=float(self._breakers.last[0]),
                units=none,
                working=none.copy(),
                stop_price=unknown,
                mid=unknown.copy(),
                spread=unknown.copy(),
                rate=unknown.copy(),
                age=none.copy(),
                returns=np.full((self._limits.correlation_window, len(none)), np.nan),
                order_units=none.copy(),
                score=unknown.copy(),
                stop_distance=unknown.copy(),
                take_profit_distance=unknown.copy(),
                trailing_distance=unknown.copy(),
                sigma=unknown.copy(),
                bound=np.zeros(len(none), dtype=np.int64),
            )
        )
        resume_breakers(self._breakers, memory)
        self._returns = kept

    @property
    def halt(self) -> Halt:
        """Why no new risk is taken now."""
        return Halt(int(self._breakers.halt[0]))

    @property
    def peak(self) -> float:
        """The highest equity that its breakers have seen."""
        return float(self._breakers.peak[0])

    def review(self, context: RiskContext) -> Reviewed:
        """Verdicts on the context's proposals, after taking in its equity."""
        notices = self._observe(context.sequence, context.time, context.equity)
        returns = self._window(context.returns)
        review(
            Proposals(
                units=context.order_units,
                score=context.score,
                stop_distance=context.stop_distance,
                take_profit_distance=context.take_profit_distance,
                trailing_distance=context.trailing_distance,
                sigma=context.sigma,
                bound=context.bound,
            ),
            Exposed(
                units=context.units,
                working=context.working,
                stop_price=context.stop_price,
                margin_rate=self._margin_rate,
                unit_increment=self._increment,
                equity=context.equity,
                halt=int(self._breakers.halt[0]),
                returns=returns,
                row=len(returns) - 1,
            ),
            Marks(mid=context.mid, spread=context.spread, rate=context.rate, age=context.age),
            self._paths,
            self._limits,
            self._book,
            self._verdicts,
        )
        approved, refused = self._by_type(context)
        return Reviewed(
            sequence=context.sequence,
            signed=sign(
                self._key,
                session=context.session,
                epoch=context.epoch,
                sequence=context.sequence,
                expires=context.expires,
                approved=approved,
            ),
            refused=tuple(refused),
            notices=notices,
            memory=remembered(self._breakers),
            halt=self.halt.name,
        )

    def watch(self, asked: WatchEquity) -> EquityWatched:
        """Take in the account between two bars: losses halt at once, not at the next bar."""
        halted_bars = self._breakers.halted_bars
        before = int(halted_bars[0])
        notices = self._observe(asked.sequence, asked.time, asked.equity)
        halted_bars[0] = min(int(halted_bars[0]), before)  # no bar has passed
        return EquityWatched(
            sequence=asked.sequence,
            notices=notices,
            memory=remembered(self._breakers),
            halt=self.halt.name,
        )

    def rearm(self, request: Rearm) -> TradingRearmed:
        """End a drawdown halt; drawdown is measured anew from here.

        Raises InvalidError where no drawdown halt is in force: a daily-loss halt ends with its
        day, and without a halt nothing is forgotten on request.
        """
        halted, bars = self.halt, int(self._breakers.halted_bars[0])
        if halted is not Halt.DRAWDOWN:
            raise InvalidError(
                f"{request.by} asked to re-arm trading, expected a drawdown halt in force, found "
                f"{halted.name}; a daily-loss halt ends with the UTC day"
            )
        rearm(self._breakers, self._limits)
        return TradingRearmed(
            sequence=request.sequence,
            time=request.time,
            halt=halted.name,
            by=request.by,
            after_bars=bars,
        )

    def _window(self, returns: Floats) -> Floats:
        """The returns window: the one that is given, or the one before with one row more."""
        if len(returns) == 1 and len(self._returns) > 1:
            returns = np.concatenate([self._returns[1:], returns])
        self._returns = returns
        return returns

    def _observe(self, sequence: int, time: int, equity: float) -> tuple[Event, ...]:
        never = -1
        watched = watch_equity(
            self._breakers,
            self._limits,
            time,
            equity,
            never if self._rearm_after is None else self._rearm_after,
        )
        return watch_notices(watched, self._limits, sequence, time)

    def _by_type(self, context: RiskContext) -> tuple[list[RiskApproved], list[RiskRefused]]:
        """The verdicts in the order of the review; a halt is measured on the account."""
        verdicts = self._verdicts
        loss = float(halting_loss(self._breakers))
        approved: list[RiskApproved] = []
        refused: list[RiskRefused] = []
        columns = verdicts.ranked[: int(verdicts.reviewed[0])]
        for column, units, limit, allowed, measured, wished, score, bound in zip(
            columns.tolist(),
            verdicts.units[columns].tolist(),
            verdicts.limit[columns].tolist(),
            verdicts.allowed[columns].tolist(),
            verdicts.measured[columns].tolist(),
            context.order_units[columns].tolist(),
            context.score[columns].tolist(),
            context.bound[columns].tolist(),
            strict=True,
        ):
            found = loss if limit in HALTS else measured
            if units == 0.0:
                refused.append(
                    RiskRefused(
                        symbol=self._symbols[column],
                        proposed_units=wished,
                        score=score,
                        bound=LIMIT_NAMES[bound],
                        limit=LIMIT_NAMES[limit],
                        allowed=allowed,
                        measured=found,
                    )
                )
                continue
            approved.append(
                RiskApproved(
                    symbol=self._symbols[column],
                    units=units,
                    proposed_units=wished,
                    score=score,
                    bracket=self._bracket(context, column),
                    reference_price=float(context.mid[column]),
                    lowest_price=float(verdicts.lowest_price[column]),
                    highest_price=float(verdicts.highest_price[column]),
                    bound=LIMIT_NAMES[bound],
                    limit=LIMIT_NAMES[limit],
                    allowed=allowed,
                    measured=found,
                )
            )
        return approved, refused

    def _bracket(self, context: RiskContext, column: int) -> Bracket:
        trailing = float(context.trailing_distance[column])
        return Bracket(
            stop=float(context.stop_distance[column]),
            take_profit=float(context.take_profit_distance[column]),
            trailing=trailing if trailing > 0.0 else None,
        )
