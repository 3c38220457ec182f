"""`JournalScribe`: from the kernel's tape to the events that the live desk would have recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coordinator.allocation_alerts import alerts_of
from coordinator.desk import Desk
from coordinator.engines.local import RowsDecided
from coordinator.engines.tape import Tape
from coordinator.engines.untape import fill_log, notices_on, verdicts_on
from infra.brokers.paper.attribution import Attribution
from infra.brokers.paper.broker import size_refusal
from infra.brokers.paper.state import REJECTED_ORDER
from infra.gateway import REJECTED, SESSION_ENDED
from market.bars import Floats
from market.conversion import Indices
from market.events import (
    AgentAbstained,
    BarSettled,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
)
from market.order_life import OrderStage
from market.orders import OrderRequest, cancellation_of
from market.ports import Journal
from market.verdicts import RiskApproved

NONE: Indices = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a tape: its index there, its events' places, and which bar it is."""

    index: int
    sequence: int
    time: int
    fills: slice
    cancels: slice
    verdicts: slice
    notices: slice


class JournalScribe:
    """Writes every event of a replay in the order in which the live desk records them.

    names: of the committee, in the order of the tally.
    """

    def __init__(self, journal: Journal, desk: Desk, names: tuple[str, ...]) -> None:
        self._journal = journal
        self._desk = desk
        self._names = names
        self._column = {symbol: column for column, symbol in enumerate(desk.symbols)}
        self._attribution = Attribution(desk.symbols)
        self._held = np.zeros(len(desk.symbols))
        self._time = 0

    def write(self, rows: RowsDecided) -> None:
        """The events of these rows."""
        for row in _rows_of(rows):
            self._settled(rows.tape, row)
            took_effect = rows.took_effect if row.index == rows.start else ()
            approved = self._decided(rows, row, took_effect)
            self._intended(rows.tape, row, approved)
            self._journal.commit(now=False)
            self._time = row.time

    def end(self) -> None:
        """Say of every order that still waits that no bar will fill it any more."""
        for order in self._attribution.waiting.values():
            self._cancel(order, SESSION_ENDED, self._time)
        self._attribution.waiting.clear()

    def _settled(self, tape: Tape, row: Row) -> None:
        append, attribution = self._journal.append, self._attribution
        if row.fills.start < row.fills.stop:
            log = fill_log(tape.fills, row.fills)
            for fill in attribution.fills(
                row.sequence, (row.time,) * int(log.size[0]), log, self._held
            ):
                append(OrderFilled(fill=fill))
        columns, reasons = _cancels(tape, row, rejected=False)
        if len(columns):
            cancelled = np.zeros(len(self._held), dtype=np.int64)
            cancelled[columns] = reasons
            for cancellation in attribution.cancellations(row.sequence, row.time, cancelled):
                append(OrderCancelled(cancellation=cancellation))
        attribution.waiting.clear()
        details, account, index = tape.details, tape.account, row.index
        append(
            BarSettled(
                sequence=row.sequence,
                time=row.time,
                units=details.units[index],
                mid=details.mid[index],
                spread=details.spread[index],
                rate=details.rate[index],
                financing=details.financing[index],
                equity=float(account.equity[index]),
                cash=float(account.cash[index]),
                margin_used=float(account.margin_used[index]),
            )
        )

    def _decided(
        self, rows: RowsDecided, row: Row, took_effect: tuple[Event, ...]
    ) -> tuple[RiskApproved, ...]:
        append, tape, chunk, index = self._journal.append, rows.tape, rows.chunk, row.index
        for abstention in self._abstentions(rows, row):
            append(abstention)
        for event in took_effect:
            append(event)
            for alert in alerts_of(event):
                append(alert)
        limits = self._desk.limits
        for notice in notices_on(tape.notices, row.notices, limits, row.sequence, row.time):
            append(notice)
        approved, refused = verdicts_on(tape.verdicts, row.verdicts, self._desk.symbols)
        details = tape.details
        evidence: Floats = chunk.committee.evidence[:, index - chunk.lead]
        append(
            DecisionTaken(
                sequence=row.sequence,
                time=row.time,
                scores=chunk.panel.scores[index],
                evidence=np.ascontiguousarray(evidence),
                score=tape.score[index],
                buy=details.buy[index],
                sell=details.sell[index],
                turnout=details.turnout[index],
                outcome=tape.outcome[index],
                multiplier=rows.multiplier,
                bound=details.bound[index],
                approved=approved,
                refused=refused,
            )
        )
        return approved

    def _abstentions(self, rows: RowsDecided, row: Row) -> list[AgentAbstained]:
        failures = rows.chunk.committee.failures
        if not failures:
            return []
        found = [
            (name, failures.get((row.index - rows.chunk.lead, member)))
            for member, name in enumerate(self._names)
        ]
        return [
            AgentAbstained(sequence=row.sequence, time=row.time, agent=name, reason=reason)
            for name, reason in found
            if reason is not None
        ]

    def _intended(self, tape: Tape, row: Row, approved: tuple[RiskApproved, ...]) -> None:
        if not approved:
            return
        orders = [approval.order(self._desk.session, row.sequence) for approval in approved]
        for order in orders:
            self._journal.append(OrderIntended(order=order))
        rejected, _ = _cancels(tape, row, rejected=True)
        for order in orders:
            column = self._column[order.symbol]
            if column not in rejected:
                self._attribution.waiting[column] = order
                continue
            increment = float(self._desk.traits.unit_increment[column])
            said = size_refusal(order.client_order_id, order.units, increment)
            self._cancel(order, f"{REJECTED}: {said}", row.time)

    def _cancel(self, order: OrderRequest, reason: str, time: int) -> None:
        refused = reason.startswith(REJECTED)
        ending = OrderStage.REJECTED if refused else OrderStage.CANCELLED
        self._journal.append(
            OrderCancelled(cancellation=cancellation_of(order, reason, time), ending=ending.value)
        )


def _rows_of(rows: RowsDecided) -> list[Row]:
    """The rows with the places of their events on the tape."""
    tape, edges = rows.tape, np.arange(rows.start, rows.stop + 1)
    fills, cancels, verdicts, notices = (
        np.searchsorted(events.row[: events.size[0]], edges).tolist()
        for events in (tape.fills, tape.cancels, tape.verdicts, tape.notices)
    )
    times = rows.chunk.panel.time[rows.start : rows.stop].tolist()
    return [
        Row(
            index=index,
            sequence=rows.sequence + n,
            time=times[n],
            fills=slice(fills[n], fills[n + 1]),
            cancels=slice(cancels[n], cancels[n + 1]),
            verdicts=slice(verdicts[n], verdicts[n + 1]),
            notices=slice(notices[n], notices[n + 1]),
        )
        for n, index in enumerate(range(rows.start, rows.stop))
    ]


def _cancels(tape: Tape, row: Row, *, rejected: bool) -> tuple[Indices, Indices]:
    """Columns and reasons of a row's cancellations: the broker's refusals, or all others."""
    if row.cancels.start == row.cancels.stop:
        return NONE, NONE
    columns, reasons = tape.cancels.column[row.cancels], tape.cancels.reason[row.cancels]
    chosen = (reasons == REJECTED_ORDER) == rejected
    return columns[chosen], reasons[chosen]
