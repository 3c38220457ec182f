"""`Session`: the loop of the desk, one bar at a time, through whichever lines it is given."""

from __future__ import annotations

import contextlib
from typing import TypeVar

import numpy as np

from agents.guardian.exposure import Book, empty_book
from agents.guardian.review import Exposed, Proposals, no_proposals
from agents.guardian.volatility import bar_volatility
from coordinator.allocation import AllocationInForce
from coordinator.allocation_alerts import alerts_of
from coordinator.committee import Committee
from coordinator.desk import Desk
from coordinator.ledger import DeskLedger
from coordinator.progress import Progress
from coordinator.sizing import propose
from coordinator.tally import Decision, Outcome, tally, tally_halves, undecided
from market.bar_window import BarSlice, BarWindow
from market.bars import Bars, Floats
from market.errors import MemberLost, QuorumError, StreamLost
from market.events import AllocationApplied, DecisionTaken, Event, SessionEnded
from market.lines import Line
from market.marks import Marks
from market.messages import (
    CloseJournal,
    Execute,
    Executed,
    JournalClosed,
    Reviewed,
    RiskContext,
    SettleBar,
    Settlement,
)

Answer = TypeVar("Answer")


class Session:
    """Feeds bars to the committee, decides, asks the guardian, dispatches through the gateway.

    The gateway and the guardian cannot be done without: MemberLost ends the session when one is
    gone. An agent or the optimizer can: what they owe is recorded as missing.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        committee: Committee,
        guardian: Line,
        gateway: Line,
        allocation: AllocationInForce,
    ) -> None:
        self._desk = desk
        self._committee = committee
        self._guardian = guardian
        self._gateway = gateway
        self._allocation = allocation
        self._ledger = DeskLedger(desk.symbols, desk.initial_balance)
        rows = max(desk.volatility.lookback, desk.limits.correlation_window + 1)
        self._window = BarWindow(
            desk.symbols[: desk.traded], rows, desk.interval_s, desk.has_extremes
        )
        self._decision: Decision = undecided(desk.traded)
        self._proposals: Proposals = no_proposals(len(desk.symbols))
        self._book: Book = empty_book(len(desk.symbols), desk.paths.currencies)
        self._sigma = np.full(desk.traded, np.nan)
        self._sequence = -1
        self._time = 0
        self._peak = desk.initial_balance
        self._equity = desk.initial_balance
        self._fills = 0
        self._refusals = 0
        self._last_decision = "none yet"
        self._completed = 0
        self._executing = False

    def open(self, history: Bars) -> None:
        """Give everyone the bars before the first one to decide on (traded instruments)."""
        self._committee.prime(0, history)
        self._window.extend(history)
        self._time = self._window.last_time

    @property
    def evidence(self) -> dict[str, tuple[str, ...]]:
        """By agent, the names of its evidence rows."""
        return self._committee.evidence

    def record(self, *events: Event) -> None:
        """Have the gateway record events that no bar brought."""
        message = Execute(
            sequence=self._sequence, time=self._time, records=tuple(events), signed=None
        )
        self._ask("gateway", self._gateway, message, Executed)

    def step(self, bar: BarSlice) -> None:
        """One bar through the whole desk."""
        self._sequence += 1
        self._time = bar.time
        sequence = self._sequence
        traded = bar.columns(self._desk.traded)
        self._post("gateway", self._gateway, SettleBar(sequence=sequence, bar=bar))
        self._committee.ask(sequence, traded)
        settlement = self._settled()
        self._ledger.book(settlement)
        records: list[Event] = []
        returns = self._measure(traded)
        scores, evidence, failures = self._committee.gather(sequence, bar.time)
        records += failures
        desk = self._desk
        tally(scores, desk.weights, desk.decision_threshold, desk.quorum, self._decision)
        tally_halves(scores, desk.weights, self._decision)
        allocated = self._allocation.take_effect(sequence, bar.time)
        if allocated is not None:
            records.append(allocated)
        records += alerts_of(allocated)
        multiplier = self._allocation.multiplier.copy()
        self._propose(settlement, returns, isinstance(allocated, AllocationApplied))
        context = self._context(settlement, returns, bar.time)
        reviewed = self._ask("risk_guardian", self._guardian, context, Reviewed)
        self._allocation.observe(self._decision.score[None], returns[-1:])
        self._allocation.ask(sequence)
        records += reviewed.notices
        records.append(self._decided(scores, evidence, multiplier, reviewed))
        execute = Execute(
            sequence=sequence, time=bar.time, records=tuple(records), signed=reviewed.signed
        )
        self._post("gateway", self._gateway, execute)
        self._executing = True
        self._watch(settlement, reviewed)

    def close(self, outcome: str) -> JournalClosed:
        """End the session and its journal. outcome: completed, interrupted or failed."""
        self._executed()
        self.record(
            SessionEnded(
                sequence=self._sequence,
                time=self._time,
                outcome=outcome,
                bars=self._sequence + 1,
            )
        )
        return self._ask("gateway", self._gateway, CloseJournal(), JournalClosed)

    @property
    def progress(self) -> Progress:
        """Where the session stands."""
        units = self._ledger.units
        return Progress(
            bars=self._completed,
            time=self._time,
            equity=self._equity,
            drawdown=1.0 - self._equity / self._peak,
            positions=tuple(
                (self._desk.symbols[column], float(units[column]))
                for column in np.flatnonzero(units)
            ),
            last_decision=self._last_decision,
            fills=self._fills,
            refusals=self._refusals,
        )

    def _settled(self) -> Settlement:
        """The gateway's account of the bar, after its answer to the decision before it.

        The gateway answers in order. It dispatches and journals one decision while the agents
        already look at the next bar; whether that went well is known before anything is booked.
        """
        try:
            self._executed()
        except QuorumError:
            with contextlib.suppress(QuorumError):
                self._gateway.reply()  # the answer to SettleBar; it must not be taken for another
            raise
        return self._reply("gateway", self._gateway, Settlement)

    def _executed(self) -> None:
        """Wait until the gateway has dispatched and recorded the last decision."""
        if self._executing:
            self._executing = False
            self._reply("gateway", self._gateway, Executed)

    def _measure(self, bar: BarSlice) -> Floats:
        """Take the bar into the window; returns (T, N), newest last, and fresh volatilities."""
        self._window.push(bar)
        close = self._window.bars().close
        rules = self._desk.volatility
        self._sigma = bar_volatility(close[-rules.lookback :], rules)[-1]
        rows = self._desk.limits.correlation_window
        if close.shape[0] <= rows:  # the first row of the data has no return, but counts as one
            close = np.vstack([np.full(close.shape[1], np.nan), close])
        window: Floats = close[-rows - 1 :]
        returns: Floats = window[1:] / window[:-1] - 1.0
        return returns

    def _exposed(self, settlement: Settlement, returns: Floats) -> Exposed:
        return Exposed(
            units=settlement.units,
            working=settlement.working,
            stop_price=settlement.stop_price,
            margin_rate=self._desk.margin_rate,
            unit_increment=self._desk.unit_increment,
            equity=settlement.equity,
            halt=0,
            returns=returns,
            row=len(returns) - 1,
        )

    def _propose(self, settlement: Settlement, returns: Floats, rebalancing: bool) -> None:
        propose(
            self._decision,
            self._allocation.multiplier,
            rebalancing,
            self._sigma,
            self._exposed(settlement, returns),
            Marks(settlement.mid, settlement.spread, settlement.rate, settlement.age),
            self._desk.paths,
            self._desk.limits,
            self._desk.sizing,
            self._book,
            self._proposals,
        )

    def _context(self, settlement: Settlement, returns: Floats, time: int) -> RiskContext:
        proposals = self._proposals
        return RiskContext(
            session=self._desk.session,
            epoch=self._desk.epoch,
            sequence=self._sequence,
            time=time,
            expires=time + self._desk.interval_s * 1_000_000_000,
            equity=settlement.equity,
            units=settlement.units,
            working=settlement.working,
            stop_price=settlement.stop_price,
            mid=settlement.mid,
            spread=settlement.spread,
            rate=settlement.rate,
            age=settlement.age,
            returns=returns,
            order_units=proposals.units,
            score=proposals.score,
            stop_distance=proposals.stop_distance,
            take_profit_distance=proposals.take_profit_distance,
            trailing_distance=proposals.trailing_distance,
            sigma=proposals.sigma,
            bound=proposals.bound,
        )

    def _decided(
        self, scores: Floats, evidence: Floats, multiplier: Floats, reviewed: Reviewed
    ) -> DecisionTaken:
        decision = self._decision
        return DecisionTaken(
            sequence=self._sequence,
            time=self._time,
            scores=scores,
            evidence=evidence,
            score=decision.score.copy(),
            buy=decision.buy.copy(),
            sell=decision.sell.copy(),
            turnout=decision.turnout.copy(),
            outcome=decision.outcome.copy(),
            multiplier=multiplier,
            bound=self._proposals.bound[: self._desk.traded].copy(),
            approved=reviewed.approved,
            refused=reviewed.refused,
        )

    def _watch(self, settlement: Settlement, reviewed: Reviewed) -> None:
        self._completed += 1
        self._equity = settlement.equity
        self._peak = max(self._peak, settlement.equity)
        self._fills += len(settlement.fills)
        self._refusals += len(reviewed.refused)
        if reviewed.approved:
            order = reviewed.approved[0]
            side = Outcome(1 if order.units > 0.0 else -1).name
            self._last_decision = (
                f"{side} {abs(order.units):,.0f} {order.symbol} (score {order.score:+.2f})"
            )

    def _post(self, name: str, line: Line, message: object) -> None:
        try:
            line.post(message)
        except StreamLost as error:
            raise MemberLost(f"{name} is gone; the desk stops without it ({error})") from None

    def _reply(self, name: str, line: Line, kind: type[Answer]) -> Answer:
        try:
            reply = line.reply()
        except StreamLost as error:
            raise MemberLost(f"{name} is gone; the desk stops without it ({error})") from None
        if not isinstance(reply, kind):
            raise MemberLost(f"{name} answered {type(reply).__name__}, expected {kind.__name__}")
        return reply

    def _ask(self, name: str, line: Line, message: object, kind: type[Answer]) -> Answer:
        self._post(name, line, message)
        return self._reply(name, line, kind)
