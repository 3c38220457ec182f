"""`GatewayBreakers`: the breakers that stop new risk when coordinator and guardian are dead."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from infra.live.book_correlation import book_correlation
from infra.live.books import Books
from infra.live.broker_watch import ORDERS, STREAM, BrokerHealth
from infra.live.price_moves import PriceMoves
from infra.logs import Tell
from market.accounts import MARGIN_CALL
from market.breaker_rules import (
    CORRELATION,
    DRAWDOWN_FLATTEN,
    FAILURES,
    JOURNAL,
    LATENCY,
    PRICE_FALL,
    SILENCE,
    UNKNOWN_ORDERS,
    VOLATILITY,
    BreakerLimits,
    breaker_rules,
)
from market.breakers import (
    COOL_DOWN,
    BreakerAction,
    BreakerMemory,
    BreakerRule,
    Change,
    Trip,
    observe,
    released,
    trip_of,
)
from market.events import AlertRaised
from market.live_events import BreakerReset, BreakerTripped
from market.modes import Mode
from market.orders import OrderRequest
from market.quotes import Quote

SECOND_NS = 1_000_000_000
CONFIRMED_NS = 5 * SECOND_NS
LOOK_EVERY_S = 0.2
"""Wall time between two looks at what changes without a price; one that trips is looked at so."""


class Act(Protocol):
    """What a breaker does to the desk beside blocking it."""

    def cancel_openings(self) -> None: ...

    def flatten_for(self, why: str) -> None: ...


class GatewayBreakers:
    """Measures, trips, remembers. The record holds every trip and reset; memory is what it folds to
    and goes first, so that a trip which cannot be recorded blocks all the same.

    equity: account currency, NaN where it cannot be measured. silent: instruments without prices
    in open hours. unknown: orders of which nobody knows what became of them. Methods may raise
    JournalUnwritable.
    """

    def __init__(
        self,
        limits: BreakerLimits,
        books: Books,
        health: BrokerHealth,
        *,
        equity: Callable[[], float],
        silent: Callable[[], Sequence[str]],
        act: Act,
        unknown: Callable[[], Sequence[OrderRequest]],
        tell: Tell,
    ) -> None:
        self.rules = breaker_rules(limits)
        self._limits = limits
        self._books = books
        self._health = health
        self._equity = equity
        self._silent = silent
        self._act = act
        self._unknown = unknown
        self._tell = tell
        state = books.state
        self.memory: dict[str, BreakerMemory] = {
            name: BreakerMemory(
                trip=trip,
                measured=math.nan if trip is None else trip.measured,
                seen=state.time if trip is None else max(state.time, trip.time),
            )
            for name, trip in ((name, state.tripped.get(name)) for name in self.rules)
        }
        self._traded = frozenset(state.symbols[: state.started.traded])
        self._moves = PriceMoves(tuple(self._traded))
        self._correlation: float | None = None
        self._unknown_since: dict[str, float] = {}
        self._equities: deque[tuple[int, float]] = deque()
        self._looked_at = -math.inf
        self._flattened = False

    @property
    def blocked(self) -> str:
        """Which breakers block new risk, empty where none does."""
        names = [name for name, memory in self.memory.items() if memory.trip is not None]
        names += [name for name in self._books.state.tripped if name not in self.rules]
        if not names:
            return ""
        return f"tripped: {', '.join(names)}; `quorum breakers` tells more"

    @property
    def cancelling(self) -> bool:
        """Whether orders that wait are to be cancelled."""
        return any(
            memory.trip is not None and memory.trip.action != BreakerAction.BLOCK
            for memory in self.memory.values()
        )

    def quoted(self, quotes: Sequence[Quote], now: int) -> None:
        """Prices came. now: market time, ns."""
        for quote in quotes:
            moved = self._moves.put(quote)
            if moved is not None:
                fall, volatility = moved
                if self.rules[PRICE_FALL].reached_by(fall):
                    self._take(PRICE_FALL, fall, now, quote.symbol)
                if self.rules[VOLATILITY].reached_by(volatility):
                    self._take(VOLATILITY, volatility, now, quote.symbol)

    def heard(self) -> None:
        """The broker's stream brought something."""
        self._health.settled(STREAM)

    def lost(self) -> None:
        """The broker's stream ended, or cannot be had."""
        self._health.failed(STREAM)

    def bar_closed(self, now: int) -> None:
        """A bar is in the window: positions are compared anew."""
        state = self._books.state
        self._correlation = book_correlation(
            state.window.bars().close, state.ledger.units, self._limits.correlation_bars
        )
        self._take(CORRELATION, self._correlation, now)

    def look(self, now: int) -> None:
        """Everything that changes without a price, a few times a second of wall time."""
        at = self._health.clock()
        if at - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = at
        self._go_on_flattening()
        for name, measured in self._measures(at, now).items():
            self._take(name, measured, now)

    def _go_on_flattening(self) -> None:
        """A trip that closes everything does so, also where a crash came between it and the act."""
        if self._flattened or not self._books.state.openings:
            return
        self._flattened = True
        state = self._books.state
        holds = state.mode is Mode.HALTED and bool(state.ledger.units.any())
        if not (state.mode is Mode.TRADING or holds):
            return
        for name, memory in self.memory.items():
            if memory.trip is not None and memory.trip.action == BreakerAction.FLATTEN:
                self._act.flatten_for(f"breaker {name}")

    @property
    def unwritable(self) -> bool:
        """Whether the journal could not be written."""
        return self.memory[JOURNAL].trip is not None

    def unrecorded(self, now: int) -> None:
        """The journal cannot be written: this alone stands in no record."""
        memory = self.memory[JOURNAL]
        if memory.trip is None:
            self.memory[JOURNAL] = replace(
                memory, trip=trip_of(self.rules[JOURNAL], 1.0, now), measured=1.0
            )

    def reset(self, by: str, reason: str, now: int) -> tuple[str, ...]:
        """A named person arms everything again, but for a margin call, which is the broker's; what
        tripped again because it still holds.
        """
        tripped = [name for name, memory in self.memory.items() if memory.trip and name != JOURNAL]
        kept = (*self.rules, MARGIN_CALL)
        strangers = [name for name in self._books.state.tripped if name not in kept]
        for name in tripped:
            self.memory[name] = released(self.memory[name])
        self._books.record(
            *(
                BreakerReset(time=now, breaker=name, by=by, reason=reason, equity=self._equity())
                for name in (*tripped, *strangers)
            )
        )
        self._books.durable()
        measures = self._measures(self._health.clock(), now)
        for name in tripped:
            self._take(name, measures.get(name, 0.0), now)
        return tuple(name for name in tripped if self.memory[name].trip is not None)

    def _measures(self, at: float, now: int) -> Mapping[str, float]:
        """at: wall clock, s. Only an equity that nobody can measure is left out: the guardian takes
        no risk on it, and it is no loss to flatten for.
        """
        fall, volatility = self._moves.largest(now)
        silent = self._traded.intersection(self._silent())
        measures = {
            VOLATILITY: volatility,
            PRICE_FALL: fall,
            LATENCY: self._health.latency(),
            UNKNOWN_ORDERS: self._unknown_for(at),
            FAILURES: float(self._health.failures),
            SILENCE: len(silent) / len(self._traded),
        }
        if self._correlation is not None:  # after a start it is measured on the first bar
            measures[CORRELATION] = self._correlation
        equity = self._equity()
        if math.isfinite(equity) and self._books.state.openings:
            measures[DRAWDOWN_FLATTEN] = self._drawdown(equity, now)
        return measures

    def _drawdown(self, equity: float, now: int) -> float:
        """From the peak to the best equity of the last seconds: one wrong tick closes no book."""
        if self._equities and self._equities[-1][0] >= now:
            self._equities.pop()  # the market's clock stands still: one sample a moment
        self._equities.append((now, equity))
        # The newest sample that is old enough stays: without one nothing is confirmed yet.
        while len(self._equities) > 1 and self._equities[1][0] <= now - CONFIRMED_NS:
            self._equities.popleft()
        if self._equities[0][0] > now - CONFIRMED_NS:
            return 0.0
        best = max(seen for _, seen in self._equities)
        peak = self._books.state.peak
        return 1.0 - best / max(peak, best) if peak > 0.0 else 0.0

    def _unknown_for(self, at: float) -> float:
        """Seconds since this gateway first saw the oldest unknown order so."""
        names = {order.client_order_id for order in self._unknown()}
        if not names:
            self._unknown_since.clear()
            self._health.settled(ORDERS)
            return 0.0
        self._unknown_since = {name: self._unknown_since.get(name, at) for name in names}
        return at - min(self._unknown_since.values())

    def _take(self, name: str, measured: float, now: int, what: str = "") -> None:
        rule = self.rules[name]
        memory, change = observe(rule, self.memory[name], measured, now)
        self.memory[name] = memory
        if change is Change.TRIPPED and memory.trip is not None:
            self._tripped(rule, memory.trip, memory.seen, what)
        elif change is Change.ARMED:
            self._tell(f"breaker {name} is armed again", level="warning", breaker=name)
            self._books.record(
                BreakerReset(
                    time=memory.seen,
                    breaker=name,
                    by=COOL_DOWN,
                    reason=f"below its limit for {rule.cool_down_s:g} s",
                )
            )
            self._books.durable()

    def _tripped(self, rule: BreakerRule, trip: Trip, now: int, what: str) -> None:
        """Tell, record, act, in this order: nobody waits for a disk to hear of it."""
        where = f" in {what}" if what else ""
        said = (
            f"breaker {rule.name} tripped{where}: {trip.measured:.4g} {rule.unit}, limit "
            f"{rule.threshold:g}; {rule.about}. {DOES[rule.action]}"
        )
        self._tell(said, level="critical", breaker=rule.name)
        self._books.record(
            BreakerTripped(
                time=now,
                breaker=rule.name,
                measured=trip.measured,
                limit=rule.threshold,
                action=rule.action.value,
                repeats=trip.repeats,
            ),
            AlertRaised(
                sequence=self._books.state.sequence,
                time=now,
                source="gateway",
                level="critical",
                message=said,
            ),
        )
        self._books.durable()
        if rule.action is BreakerAction.FLATTEN:
            self._flattened = True
            self._act.flatten_for(f"breaker {rule.name}")
        elif rule.action is BreakerAction.CANCEL:
            self._act.cancel_openings()


DOES = {
    BreakerAction.BLOCK: "No new risk.",
    BreakerAction.CANCEL: "No new risk; orders that open risk are cancelled.",
    BreakerAction.FLATTEN: "Every position is being closed.",
}
