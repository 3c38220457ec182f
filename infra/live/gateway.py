"""`LiveGateway`: prices and transactions in, approved orders out, everything on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from infra.live.account_watch import AccountWatch
from infra.live.books import Books
from infra.live.breakers import GatewayBreakers
from infra.live.broker_watch import BrokerHealth, WatchedBroker
from infra.live.cancel_budget import CancelBudget, CancelLimits
from infra.live.dispatch import Dispatch
from infra.live.marking import Marking, account_seen, settled, shown
from infra.live.measuring import Measuring
from infra.live.overriding import Overriding
from infra.live.ports import Board, Silence
from infra.live.staging import Staging
from infra.live.stopping import halted_to_stop, taken_up
from infra.live.undecided import UndecidedBars
from infra.live.whole_bars import WholeBars
from infra.logs import Tell
from infra.metrics import NO_METERS, Meters
from market.accounts import OrderState, StreamUpdate
from market.bar_window import BarSlice
from market.breaker_rules import BreakerLimits
from market.errors import (
    ApprovalRejected,
    ConfigError,
    Fenced,
    InvalidError,
    LedgerMismatch,
)
from market.events import (
    AlertRaised,
    Event,
    TradingHalted,
    TradingRearmed,
)
from market.instruments import Instrument
from market.live_events import (
    BarClosed,
    CoordinatorAttached,
    ModeChanged,
    TradingOpened,
)
from market.live_messages import (
    COMMITTEE_EVENTS,
    Attached,
    BarReady,
    Decided,
    Dispatched,
    Marked,
    RearmAsked,
)
from market.marks import Marks
from market.messages import Settlement
from market.modes import Mode
from market.overrides import NONE_OVERRIDABLE, OverrideRules
from market.ports import LiveBroker, OrdersUnderWay
from market.quotes import PriceKind
from market.stage_grants import StageGrant
from market.stage_needs import LEAST_NEEDED, StageNeeds
from market.stages import CapitalStage
from market.unsent import decision_said, unsent_said
from market.verdicts import SignedApprovals

WORKS = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
SECOND_NS = 1_000_000_000
BREAKER = "breaker"

Differs = Callable[[], str]


def nothing_differs() -> str:
    """Of a broker whose account is made by the desk's own plan."""
    return ""


class LiveGateway:
    """Knows no sockets: a loop gives it what came and the time, and sends what it answers.

    real, grant, wall: as of `Staging`. absent_after_s: how long the broker may not show what it
    has done: as of `Dispatch`, and `lags_s` of `AccountWatch`. differs: why the account is not the
    one that the desk was planned for, empty where it is. asks_history: whether the broker's history
    is a quick answer: see `WholeBars`.

    Every method may raise JournalUnwritable, after which nothing may be traded any more.
    """

    def __init__(
        self,
        *,
        broker: LiveBroker,
        books: Books,
        board: Board,
        instruments: Sequence[Instrument],
        account_currency: str,
        key: bytes,
        versions: tuple[tuple[str, str], ...],
        history_bars: int,
        silence: Silence | None = None,
        needs: StageNeeds = LEAST_NEEDED,
        override_rules: OverrideRules = NONE_OVERRIDABLE,
        breakers: BreakerLimits = BreakerLimits(),  # noqa: B008  (frozen)
        guardian_limits: Mapping[str, float] | None = None,
        real: bool = False,
        grant: StageGrant | None = None,
        wall: Callable[[], int] = lambda: 0,
        absent_after_s: float = 0.0,
        differs: Differs = nothing_differs,
        cancels: CancelLimits = CancelLimits(),  # noqa: B008  (frozen)
        asks_history: bool = False,
        tell: Tell,
        meters: Meters = NO_METERS,
    ) -> None:
        self.books = books
        books.meters = meters
        self.now = books.state.time
        health = BrokerHealth()
        self.cancels = CancelBudget(cancels, urgent=lambda: self.urgent, tell=tell)
        self._broker = WatchedBroker(broker, health, self.cancels)
        self._board = board
        self._versions = versions
        self._history_bars = history_bars
        self._silence = silence
        self._looked = 0
        self.opened = False
        self._tell = tell
        self.staging = Staging(books, needs, tell, real=real, grant=grant, wall=wall)
        self.overriding = Overriding(books, override_rules, lambda: self.staging.given, self.alert)
        self._measuring = Measuring(meters, tell, books.state.started.initial_balance)
        self._watch = AccountWatch(
            self._broker, books, self.staging, self, tell, lags_s=absent_after_s
        )
        self._marking = Marking(books.state, board, instruments, account_currency)
        self._undecided = UndecidedBars(self._measuring.missed)
        interval_s = books.state.started.interval_s
        self._whole = WholeBars(
            self._broker, interval_s, history_bars if asks_history else 0, self.alert
        )
        self.breakers = GatewayBreakers(
            breakers,
            books,
            health,
            equity=self.equity,
            silent=lambda: () if silence is None else silence.silent,
            act=self,
            unknown=lambda: self.dispatch.unknown,
            tell=tell,
        )
        self.guardian_limits = guardian_limits or {}
        self.dispatch = Dispatch(
            self._broker,
            books,
            books.state.started.session,
            key,
            sent=self._measuring.sent,
            blocked=lambda: self.staging.barred or self.breakers.blocked or self.unproved,
            absent_after_s=absent_after_s,
        )
        self._differs = differs
        self.unproved = ""
        self._seen: Settlement | None = None
        self._unsent: dict[str, str] = {}
        self._moved = False
        self._skipped = 0
        self._told_stage = ""

    def open(
        self, description: str, prices: PriceKind = PriceKind.UNSTATED, speed: float = 1.0
    ) -> None:
        """Take the desk's trading up: book what the broker did meanwhile, look up what is unknown.

        prices, speed: what the broker's prices are, and how fast its time runs. Raises
        TransientError or OutcomeUnknown where the broker cannot be reached now, ConfigError where a
        new desk was planned for another account; one that is taken up again is halted.
        """
        state = self.books.state
        first = state.openings == 0
        differs = self._differs()
        if first and differs:
            raise ConfigError(differs)
        account = self._broker.account()
        if first and (account.units.any() or account.working.any()):
            raise LedgerMismatch(
                "the account holds positions or working orders that this desk did not open; close "
                "them, or resume the desk that did"
            )
        last = account.last_transaction if first else state.last_transaction
        history = self._broker.history(state.started.interval_s, self._history_bars)
        if len(history):
            self.staging.saw(int(history.time[-1]))
        since = state.window.last_time
        fresh = history.rows(int(np.searchsorted(history.time, since, side="right")), len(history))
        values = np.stack(
            [fresh.open, fresh.high, fresh.low, fresh.close, fresh.spread, fresh.volume], axis=1
        )
        self.books.record(
            TradingOpened(
                time=self.now,
                broker=description,
                last_transaction=last,
                versions=self._versions,
                history_time=fresh.time.copy(),
                history_values=values,
                prices=prices.value,
                speed=speed,
            )
        )
        self.staging.begin(self.now)
        self._take_up()
        self._marking.know(state.window.bars())
        self.catch_up()
        self.dispatch.resolve(self.now)
        self.catch_up()
        self.unproved = self.compare()
        if self.unproved:
            self.alert("warning", f"nothing is opened until the books are proved: {self.unproved}")
        if differs:
            self.alert("critical", differs)
            self.halt(differs)
        self.books.durable()
        self.opened = True

    @property
    def awaited(self) -> OrdersUnderWay | None:
        """Readable once orders that are under way may be heard of; None where none are."""
        return self.dispatch.awaited

    def heard_anew(self) -> None:
        """The broker's stream is there, and may not have been for a while."""
        self._whole.missed()

    def hear_answers(self) -> None:
        """Book what became of orders under way, where that is known; does not wait."""
        self.dispatch.hear()

    def attach(self) -> Attached:
        """A coordinator takes its place; approvals of every older epoch are refused from here."""
        state = self.books.state
        self.books.record(CoordinatorAttached(time=self.now, epoch=state.epoch + 1))
        self.books.durable()
        self._undecided.clear()
        self._told_stage = ""
        return Attached(epoch=state.epoch, desk=state.snapshot())

    def take(self, update: StreamUpdate, *, heard: bool = True) -> None:
        """What the broker's stream brought. heard: that the broker itself was, at all."""
        self.now = max(self.now, update.time)
        self._watch.book(update.transactions)
        if update.missed:
            self._whole.missed()
        self._skipped += update.skipped
        for quote in update.quotes:
            self._board.put(quote, self.now)
        for symbol in update.closed:
            self._board.close(symbol)
        self._moved = self._moved or bool(update.quotes)
        if heard:
            self.breakers.heard()
        self.breakers.quoted(update.quotes, self.now)
        closed = self._board.close_due(self.now)
        for bar in self._whole.whole(closed, self.books.state.window.last_time, self.now):
            self._close(bar)
        self._look_for_silence()
        self.overriding.look(self.now)
        self.breakers.look(self.now)
        self.books.soon()

    def bar_ready(self) -> BarReady | None:
        """The newest bar that nobody has decided on; each is given once, and only on the account
        that it settled.
        """
        state = self.books.state
        ready = self._undecided.take(state)
        if ready is None:
            return None
        self._seen = shown(ready.settlement, state)
        if self._seen is not ready.settlement:
            self.books.record(account_seen(self._seen, ready.bar.time))
        self.books.pay()  # what the coordinator decides on is known after a crash
        self._told_stage = self.staging.name
        self.staging.given = ready.sequence
        return replace(
            ready,
            settlement=self._seen,
            mode=state.mode.value,
            stage=self.staging.name,
            overrides=self.overriding.known,
        )

    def marked(self) -> Marked | None:
        """The account at the newest prices, where they or the stage moved since the last call."""
        if not (self._moved or self.stage_untold) or self.books.state.sequence < 0:
            return None
        self._moved = False
        equity = self.equity()
        if not np.isfinite(equity):
            return None  # a position without a price says nothing of losses
        self._measuring.account(equity)
        self._told_stage = self.staging.name
        return Marked(
            sequence=self.books.state.sequence,
            time=self.now,
            equity=equity,
            stage=self.staging.name,
        )

    def rearm_asked(self, by: str) -> RearmAsked:
        """What the coordinator is told when a person allows new risk again."""
        return RearmAsked(by=by, equity=self.equity(), stage=self.staging.name)

    @property
    def stage_untold(self) -> bool:
        """Whether the coordinator has not been told of the present stage."""
        return self._told_stage != self.staging.name

    @property
    def only_reduces(self) -> bool:
        """Whether nothing may work that opens a position."""
        state = self.books.state
        return state.mode is Mode.HALTED or bool(self.staging.barred)

    @property
    def urgent(self) -> bool:
        """Whether no cancel may wait: everything is closed, or the desk stands at an emergency
        stop, or nothing can be recorded any more."""
        state = self.books.state
        stopped = state.stage is CapitalStage.EMERGENCY_STOP
        return state.mode is Mode.FLATTENING or stopped or self.breakers.unwritable

    def execute(self, decided: Decided) -> Dispatched:
        """Record a decision and dispatch what was approved.

        Nothing of one that would put on record what is not a committee's to say. Raises Fenced for
        a coordinator of an older epoch: another has taken its place.
        """
        state = self.books.state
        if decided.epoch != state.epoch:
            raise Fenced(
                f"a coordinator of epoch {decided.epoch} was fenced: epoch {state.epoch} trades"
            )
        strange = [type(event) for event in decided.records if type(event) not in COMMITTEE_EVENTS]
        if strange:
            why = f"a committee records no {strange[0].__name__}"
            self._refused(decided.sequence, why)
            return Dispatched(
                sequence=decided.sequence, sent=0, unsent=_each_unsent(decided.signed, why)
            )
        self.books.record(*decided.records)
        self.staging.look(self.now, decided.records)
        if any(isinstance(event, TradingHalted | TradingRearmed) for event in decided.records):
            self.books.durable()  # a halt is not forgotten by a crash
        sent = 0
        unsent: tuple[tuple[str, str], ...] = ()
        if decided.signed is not None and decided.signed.approved:
            try:
                sent, unsent = self.dispatch.send(decided.signed, self.now, self._seen)
            except ApprovalRejected as error:
                self._refused(decided.sequence, str(error))
                unsent = _each_unsent(decided.signed, str(error))
            else:
                self._tell_unsent(decided.sequence, sent, unsent)
        self.books.soon()
        return Dispatched(sequence=decided.sequence, sent=sent, unsent=unsent)

    def _refused(self, sequence: int, why: str) -> None:
        """Nothing of a decision is sent."""
        self.alert("error", unsent_said(decision_said(sequence), why), sequence)

    def _tell_unsent(self, sequence: int, sent: int, unsent: tuple[tuple[str, str], ...]) -> None:
        """Alert people of what was not sent, and for one reason once until something is sent."""
        if sent:
            self._unsent.clear()
        for symbol, why in unsent:
            if self._unsent.get(symbol) != why:
                self._unsent[symbol] = why
                self.alert("warning", unsent_said(symbol, why), sequence)

    def change_mode(self, mode: Mode, by: str, reason: str) -> None:
        """A person or a breaker changes what the desk may do; durable before it returns."""
        self._unsent.clear()
        self.books.record(ModeChanged(time=self.now, mode=mode.value, by=by, reason=reason))
        self.books.durable()
        self._tell(f"{mode.value} by {by}: {reason}", level="warning", mode=mode.value, by=by)

    def halt(self, why: str, by: str = "reconciliation") -> None:
        """No new risk, on the desk's own account; also once a desk that stops is taken up again."""
        state = self.books.state
        if state.mode is Mode.TRADING or halted_to_stop(state.mode, state.mode_reason):
            self.change_mode(Mode.HALTED, by, why)

    def give_up(self, why: str) -> None:
        """Nobody serves this desk any more: whoever takes it up again finds it halted, or being
        closed, and why. One that has never traded has nothing to halt. Raises JournalUnwritable.
        """
        if self.books.state.openings:
            self.alert("critical", f"the gateway stops: {why}")
            self.halt(why, by="gateway")

    def closing(self) -> Iterator[None]:
        """One step of closing everything; HALTED once nothing is left.

        A broker that hangs lets every request wait for its time-out: the step pauses after each,
        for others to be heard.
        """
        state = self.books.state
        self.catch_up()
        yield
        self.dispatch.resolve(self.now)
        yield
        if self._watch.in_doubt:
            self.dispatch.end_untold(self.now)
            yield
        held = self._watch.held()
        yield
        yield from self.dispatch.closing(self.now, held)
        self.catch_up()
        yield
        if not state.orders and self._watch.flat():
            self.change_mode(Mode.HALTED, state.mode_by, f"flat; {state.mode_reason}")

    def flatten_for(self, why: str) -> None:
        """Close everything, because a breaker says so; the loop does it step by step."""
        if self.books.state.mode is not Mode.FLATTENING:
            self.change_mode(Mode.FLATTENING, BREAKER, why)

    def cancel_openings(self) -> None:
        """Cancel what would open risk, because a breaker says so."""
        self.dispatch.cancel_openings()

    def cancel_unrecorded(self) -> bool:
        """Ask to cancel what the broker says still works; whether anything did, or may yet: an
        order that was not answered may be shown later. For books that cannot be written, or that
        nobody carries on, which do not hear of its end.
        """
        state, works = self.books.state, False
        for name in state.orders:
            found = self._broker.find(name)
            if found is None:
                works = works or state.is_unsettled(name)
            elif found.state in WORKS:
                works = True
                with suppress(InvalidError):  # it has ended meanwhile
                    self._broker.cancel(name)
        return works

    def catch_up(self) -> None:
        """Book every transaction that the stream has not brought."""
        self._watch.catch_up()

    def compare(self) -> str:
        """Why the books are not proved to be the broker's, empty where they are; where they differ
        no new risk is taken, and the record says what.

        `unproved` is why not since the desk was taken up, empty once they were: until then nothing
        opens a position.
        """
        self.dispatch.settle()
        why = self._watch.compare()
        self.unproved = why and self.unproved
        return why

    def equity(self) -> float:
        """Of the desk's own books at the newest prices, account currency."""
        self._marking.mark(self.now)
        return self._marking.equity()

    @property
    def dropped(self) -> Mapping[str, int]:
        """Quotes of the broker that were no price, or no news, by reason."""
        return self._board.dropped

    @property
    def marks(self) -> Marks:
        """Prices as they were last marked."""
        return self._marking.marks

    def _take_up(self) -> None:
        """A desk that was stopped goes on as it was when it was asked to stop."""
        state = self.books.state
        if state.mode is not Mode.STOPPED:
            return
        mode, why = taken_up(state.mode_reason)
        self.change_mode(mode, state.mode_by, why or "taken up again")

    def _close(self, bar: BarSlice) -> None:
        self.dispatch.settle()  # a bar's account is the one after what was sent before it
        state = self.books.state
        sequence = state.sequence + 1
        skipped, self._skipped = self._board.take_skipped() + self._skipped, 0
        self.books.record(
            BarClosed(sequence=sequence, time=bar.time, values=bar.values, skipped=skipped)
        )
        self._marking.mark(self.now)
        settlement = self._marking.settle(self._watch.account())
        self.books.record(settled(settlement, bar.time), account_seen(settlement, bar.time))
        self.staging.look(self.now)
        self.breakers.bar_closed(self.now)
        self._measuring.account(settlement.equity)
        self._undecided.put(
            BarReady(
                sequence=sequence,
                bar=bar,
                missed=(),
                settlement=settlement,
                mode=state.mode.value,
                stage=self.staging.name,
            )
        )
        self._measuring.bar(skipped)

    def booked(self, events: Sequence[Event]) -> None:
        """These have been recorded of the broker's transactions."""
        self._measuring.booked(events)
        self.books.owe()
        self.keep_groups()

    def keep_groups(self) -> None:
        """Cancel the orders that another of their group leaves nothing to fill."""
        for message in self.dispatch.keep_groups(self.now):
            self.alert("error", message)

    def _look_for_silence(self) -> None:
        """Once a second of the market's clock."""
        if self._silence is None or self.now - self._looked < SECOND_NS:
            return
        self._looked = self.now
        for told in self._silence.look(self.now, self._board.quoted_at(), self._board.closed):
            self.alert("warning", str(told))

    def alert(self, level: str, message: str, decision: int | None = None) -> None:
        """Record that a person must hear of something, and tell it."""
        sequence = self.books.state.sequence if decision is None else decision
        self.books.record(
            AlertRaised(
                sequence=sequence, time=self.now, source="gateway", level=level, message=message
            )
        )
        self._tell(message, level=level, decision=sequence)


def _each_unsent(signed: SignedApprovals | None, why: str) -> tuple[tuple[str, str], ...]:
    """Every approved order, not sent for one reason."""
    return () if signed is None else tuple((order.symbol, why) for order in signed.approved)
