"""`RiskGuardian`: reviews proposals, watches losses, signs what may pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agents.guardian.bar import review_bar
from agents.guardian.breakers import (
    armed_breakers,
    by_drawdown,
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
from agents.guardian.overridden import overridden
from agents.guardian.pace import (
    ENABLED,
    enable,
    memory_lengths,
    pace_row,
    resume_pace,
    take_approval,
    take_reduction,
    unhurried,
)
from agents.guardian.proposals import Exposed, Proposals, no_verdicts
from agents.guardian.returns_window import ReturnsWindow
from agents.guardian.review import is_proven_reduction
from agents.guardian.staged import limits_at
from agents.guardian.tail import empty_tail
from agents.guardian.traits import Traits
from market.account_shown import AccountShown, Proposed
from market.bars import Floats
from market.conversion import conversion
from market.errors import FatalError, InvalidError
from market.events import TradingRearmed
from market.instruments import Instrument
from market.lines import NO_ANSWER
from market.live_messages import EquityWatched, GuardianResumed, ResumeGuardian, WatchEquity
from market.marks import Marks
from market.messages import Rearm, Reviewed, RiskContext
from market.orders import Bracket
from market.overrides import Override, in_force
from market.stages import TIGHTEST
from market.verdicts import RiskApproved, RiskRefused, sign

LIMIT_NAMES = tuple(limit.name for limit in Limit)
HALTS = frozenset(
    {int(Limit.DRAWDOWN_HALT), int(Limit.DAILY_LOSS_HALT), int(Limit.DRAWDOWN_FLATTEN)}
)
NEVER = -1
THROTTLED = Limit.EXECUTION_THROTTLE.name
"""What the guardian says of itself where it halts nothing, but an agent's orders are disabled."""

Wishes = RiskContext | Proposed


class RiskGuardian:
    """Answers each decision's proposals with verdicts by type; nothing reaches a broker without.

    instruments, traits: the M columns of the panel. agents: of the committee, how many. equity: at
    the start. key: signs approvals.
    rearm_after: bars after which a scripted supervisor re-arms a drawdown halt; None live,
    where a person must (`Rearm`). staged: live, where a desk stands at a capital stage: without
    one the tightest holds.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        account_currency: str,
        traits: Traits,
        agents: int,
        limits: RiskLimits,
        equity: float,
        key: bytes,
        rearm_after: int | None,
        staged: bool = False,
    ) -> None:
        self._symbols = tuple(instrument.symbol for instrument in instruments)
        self._paths = conversion(instruments, account_currency)
        self._traits = traits
        self._limits = self._configured = limits
        self._without = TIGHTEST.value if staged else ""
        self._stage = ""
        self._overrides: tuple[Override, ...] = ()
        self._breakers = armed_breakers(equity)
        self._key = key
        self._rearm_after = NEVER if rearm_after is None else rearm_after
        self._returns = ReturnsWindow()
        self._shown: AccountShown | None = None
        count = len(self._symbols)
        self._verdicts = no_verdicts(count)
        self._book = empty_book(count, self._paths.currencies)
        self._tail = empty_tail(count, limits)
        self._pace = unhurried(count, agents, limits.pace)

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        shown, self._shown = self._shown, None
        if isinstance(message, RiskContext):
            return self.review(message)
        if isinstance(message, AccountShown):
            self._shown = message
            return NO_ANSWER
        if isinstance(message, Proposed):
            if shown is None or shown.sequence != message.sequence:
                raise FatalError(
                    f"the guardian was given the proposals of decision {message.sequence} without "
                    "its account, which must come before them"
                )
            return self._review(shown, message)
        if isinstance(message, Rearm):
            return self.rearm(message)
        if isinstance(message, WatchEquity):
            return self.watch(message)
        if isinstance(message, ResumeGuardian):
            self.resume(message.memory)
            return GuardianResumed(halt=self.halt_name)
        raise FatalError(f"the guardian does not know messages of type {type(message).__name__}")

    def warm_up(self) -> None:
        """Compile what a first review, and a first watch, would compile; leaves no trace."""
        memory, kept = self.memory, self._returns
        self._returns = ReturnsWindow()
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
                filled=none.copy(),
                returns=np.full((self._limits.returns_window, len(none)), np.nan),
                order_units=none.copy(),
                score=unknown.copy(),
                stop_distance=unknown.copy(),
                take_profit_distance=unknown.copy(),
                trailing_distance=unknown.copy(),
                bound=np.zeros(len(none), dtype=np.int64),
                group=np.zeros(len(none), dtype=np.int64),
                sigma=unknown.copy(),
                sigma_before=unknown.copy(),
            )
        )
        self.watch(WatchEquity(sequence=0, time=0, equity=float(self._breakers.last[0])))
        self.resume(memory)
        self._returns = kept

    @property
    def halt(self) -> Halt:
        """Why no new risk is taken now."""
        return Halt(int(self._breakers.halt[0]))

    @property
    def peak(self) -> float:
        """The highest equity that its breakers have seen."""
        return float(self._breakers.peak[0])

    @property
    def halt_name(self) -> str:
        """The halt in force; EXECUTION_THROTTLE where there is none, but an agent is disabled."""
        throttled = any(bars != ENABLED for bars in self._pace.disabled.tolist())
        return THROTTLED if throttled and self.halt is Halt.NONE else self.halt.name

    @property
    def memory(self) -> Floats:
        """Everything that it remembers between two reviews beside the returns window."""
        return np.concatenate([remembered(self._breakers), pace_row(self._pace)])

    def resume(self, memory: Floats) -> None:
        """Go on from a `memory`, to the last bit; an older version's is taken as far as it goes.

        Raises InvalidError, and changes nothing, where it is not that of such a desk.
        """
        own = len(self._breakers)
        expected = [own + length for length in memory_lengths(self._pace)]
        if memory.ndim != 1 or len(memory) not in expected:
            raise InvalidError(
                f"the guardian remembers {expected[-1]} numbers, found an array of shape "
                f"{memory.shape}; the journal was written by another version or with other "
                "instruments, agents or limits on the pace of orders"
            )
        resume_breakers(self._breakers, memory[:own])
        resume_pace(self._pace, memory[own:])

    def review(self, context: RiskContext) -> Reviewed:
        """Verdicts on the context's proposals, after taking in its equity."""
        return self._review(context, context)

    def _review(self, context: AccountShown, proposals: Wishes) -> Reviewed:
        overrides = in_force(context.overrides, context.time)
        self._stand_at(context.stage, overrides)
        returns = self._returns.take(context.returns)
        proposed = _copied(proposals)
        watched = review_bar(
            self._breakers,
            context.filled,
            context.time,
            self._rearm_after,
            proposed,
            Exposed(
                units=context.units,
                working=context.working,
                stop_price=context.stop_price,
                traits=self._traits,
                equity=context.equity,
                halt=int(Halt.NONE),
                returns=returns,
                row=len(returns) - 1,
                sigma=context.sigma,
                sigma_before=context.sigma_before,
                time=float(context.time),
            ),
            Marks(mid=context.mid, spread=context.spread, rate=context.rate, age=context.age),
            self._paths,
            self._limits,
            self._book,
            self._tail,
            self._pace,
            self._verdicts,
        )
        notices = watch_notices(watched, self._limits, context.sequence, context.time)
        approved, refused = self._by_type(context.mid, proposed)
        return Reviewed(
            sequence=context.sequence,
            signed=sign(
                self._key,
                session=context.session,
                epoch=context.epoch,
                sequence=context.sequence,
                expires=context.expires,
                approved=approved,
                stage=context.stage,
                overrides=overrides,
            ),
            refused=tuple(refused),
            notices=notices,
            memory=self.memory,
            halt=self.halt_name,
        )

    def watch(self, asked: WatchEquity) -> EquityWatched:
        """Take in the account between two bars: losses halt at once, not at the next bar.

        Nothing is closed for one price between two bars, which may be wrong; the gateway's own
        breaker closes, on the best equity of some seconds.
        """
        self._stand_at(asked.stage)
        halted_bars = self._breakers.halted_bars
        before = int(halted_bars[0])
        limits = self._limits._replace(flatten_drawdown=np.inf)
        watched = watch_equity(self._breakers, limits, asked.time, asked.equity, self._rearm_after)
        halted_bars[0] = min(int(halted_bars[0]), before)  # no bar has passed
        return EquityWatched(
            sequence=asked.sequence,
            notices=watch_notices(watched, limits, asked.sequence, asked.time),
            memory=self.memory,
            halt=self.halt_name,
        )

    def rearm(self, request: Rearm) -> TradingRearmed:
        """End a drawdown halt, from where drawdown is measured anew, and enable disabled agents.

        Raises InvalidError where there is neither: a daily-loss halt ends with its day, and
        without a halt nothing is forgotten on request.
        """
        self._stand_at(request.stage)
        halted, bars = self.halt, int(self._breakers.halted_bars[0])
        disabled = np.flatnonzero(self._pace.disabled != ENABLED)
        fallen = by_drawdown(halted)
        if not fallen and not len(disabled):
            raise InvalidError(
                f"{request.by} asked to re-arm trading, expected a drawdown halt in force, found "
                f"{halted.name}; a daily-loss halt ends with the UTC day"
            )
        for agent in disabled:
            enable(self._pace, int(agent))
        if fallen:
            rearm(self._breakers, self._limits)
        return TradingRearmed(
            sequence=request.sequence,
            time=request.time,
            halt=halted.name if fallen else THROTTLED,
            by=request.by,
            after_bars=bars if fallen else 0,
        )

    def recall(self, context: RiskContext, approved: Sequence[RiskApproved]) -> None:
        """Take in a bar whose review is on record: what it would remember, without judging again.

        context: of that bar, with who carried each decision; nothing in it is reviewed.
        """
        nothing = np.zeros(len(self._symbols))
        self.review(replace(context, order_units=nothing))
        for order in approved:
            column = self._symbols.index(order.symbol)
            bare = float(context.units[column])
            held = bare + float(context.working[column])
            if is_proven_reduction(held, bare, order.units) or held + order.units == 0.0:
                take_reduction(self._pace, float(context.time))
            else:
                take_approval(
                    self._pace,
                    self._limits.pace,
                    column,
                    int(context.group[column]),
                    order.units,
                    float(context.time),
                    order.reference_price,
                )

    def stage_of(self, stage: str) -> str:
        """The capital stage whose limits hold where it is told this one; empty: none does."""
        return stage or self._without

    def _stand_at(self, stage: str, overrides: tuple[Override, ...] = ()) -> None:
        """Keep the limits of this capital stage and overrides, as the gateway's record has them.

        Between two bars none is given: what is watched there cannot be overridden.
        """
        stage = self.stage_of(stage)
        if (stage, overrides) != (self._stage, self._overrides):
            self._limits = limits_at(overridden(self._configured, overrides), stage)
            self._stage, self._overrides = stage, overrides

    def _by_type(
        self, mid: Floats, proposed: Proposals
    ) -> tuple[list[RiskApproved], list[RiskRefused]]:
        """The verdicts in the order of the review; a halt is measured on the account."""
        verdicts, halted = self._verdicts, self.halt is not Halt.NONE
        loss = float(halting_loss(self._breakers)) if halted else np.nan
        approved: list[RiskApproved] = []
        refused: list[RiskRefused] = []
        ranked = verdicts.ranked[: int(verdicts.reviewed[0])]
        judged = (
            verdicts.units,
            verdicts.limit,
            verdicts.allowed,
            verdicts.measured,
            proposed.units,
            proposed.score,
            proposed.bound,
        )
        told = zip(ranked.tolist(), *(part[ranked].tolist() for part in judged), strict=True)
        for column, units, limit, allowed, measured, wished, score, bound in told:
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
                    bracket=_bracket(proposed, column),
                    reference_price=mid.item(column),
                    lowest_price=verdicts.lowest_price.item(column),
                    highest_price=verdicts.highest_price.item(column),
                    bound=LIMIT_NAMES[bound],
                    limit=LIMIT_NAMES[limit],
                    allowed=allowed,
                    measured=found,
                )
            )
        return approved, refused


def _copied(wishes: Wishes) -> Proposals:
    """What is proposed; a halt that flattens writes its own orders over it."""
    return Proposals(
        wishes.order_units.copy(),
        wishes.score.copy(),
        wishes.stop_distance.copy(),
        wishes.take_profit_distance.copy(),
        wishes.trailing_distance.copy(),
        wishes.bound,
        wishes.group,
    )


def _bracket(proposed: Proposals, column: int) -> Bracket:
    trailing = proposed.trailing_distance.item(column)
    return Bracket(
        stop=proposed.stop_distance.item(column),
        take_profit=proposed.take_profit_distance.item(column),
        trailing=trailing if trailing > 0.0 else None,
    )
