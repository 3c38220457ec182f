"""`Session`: the loop of the desk, one bar at a time, through whichever lines it is given."""

from __future__ import annotations

import contextlib
from typing import TypeVar

import numpy as np

from coordinator.allocation import AllocationInForce
from coordinator.allocation_alerts import alerts_of
from coordinator.committee import Committee
from coordinator.deciding import Deciding
from coordinator.desk import Desk
from coordinator.learning import Learning, rows_of
from coordinator.ledger import DeskLedger
from coordinator.progress import Progress
from coordinator.tally import Outcome
from market.bar_window import BarSlice
from market.bars import Bars
from market.errors import MemberLost, QuorumError, StreamLost
from market.events import AllocationApplied, Event, SessionEnded
from market.lines import Line
from market.messages import (
    CloseJournal,
    Execute,
    Executed,
    JournalClosed,
    Reviewed,
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
        self._deciding = Deciding(desk)
        self._learning = Learning(desk.learning, len(desk.weights), desk.typical_spread)
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
        self._deciding.extend(history)
        self._time = self._deciding.window.last_time

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
        deciding = self._deciding
        deciding.measure(traded)
        scores, evidence, failures = self._committee.gather(sequence, bar.time)
        records += failures
        deciding.count(scores)
        allocated = self._allocation.take_effect(sequence, bar.time)
        if allocated is not None:
            records.append(allocated)
        records += alerts_of(allocated)
        fitted = self._learning.take_effect(sequence, bar.time)
        if fitted is not None:
            records.append(fitted)
        deciding.table = self._learning.table
        multiplier = self._allocation.multiplier.copy()
        deciding.propose(settlement, multiplier, isinstance(allocated, AllocationApplied))
        context = deciding.context(sequence, bar.time, settlement)
        reviewed = self._ask("risk_guardian", self._guardian, context, Reviewed)
        self._allocation.observe(deciding.decision.score[None], deciding.returns[-1:])
        self._allocation.ask(sequence)
        if self._learning.on:
            self._learning.observe(rows_of(deciding.decision, deciding.carried(), traded))
            self._learning.fit(sequence, bar.time)
        records += reviewed.notices
        records.append(deciding.taken(sequence, bar.time, scores, evidence, multiplier, reviewed))
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
