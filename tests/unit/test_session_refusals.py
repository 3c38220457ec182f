"""The session when approvals, books or the journal are not what they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.bootstrap import GATEWAY, GUARDIAN
from infra.brokers.paper.broker import PaperBroker
from infra.gateway import Gateway
from infra.journal.sqlite import SqliteJournal
from market.errors import ApprovalRejected, JournalUnwritable, LedgerMismatch
from market.events import OrderFilled, OrderIntended, SessionEnded
from market.instruments import Registry
from market.lines import LocalLine
from market.messages import Executed, Reviewed, Settlement
from market.verdicts import SignedApprovals
from tests.desk import KEY, ended, events_of, kept, plan, replay_altered, replay_here

BARS = 68


@pytest.mark.parametrize(
    "tamper",
    [
        lambda s: replace(s, approved=tuple(replace(a, units=2.0 * a.units) for a in s.approved)),
        lambda s: replace(s, expires=s.expires + 1),
        lambda s: replace(s, sequence=s.sequence + 1),
        lambda s: replace(s, signature=bytes(32)),
        lambda s: replace(s, approved=(*s.approved, *s.approved)),
    ],
    ids=["units", "expiry", "sequence", "signature", "twice"],
)
def test_approvals_that_were_tampered_with_on_their_way_are_never_sent(
    tmp_path: Path, tamper: Callable[[SignedApprovals], SignedApprovals]
) -> None:
    def alter(answer: Any) -> object:
        if not isinstance(answer, Reviewed) or not answer.approved:
            return answer
        return replace(answer, signed=tamper(answer.signed))

    with pytest.raises(ApprovalRejected, match="not the guardian's"):
        replay_altered(plan(), tmp_path / "run", GUARDIAN, alter)
    events = events_of(tmp_path / "run")
    assert kept(events, OrderIntended) == []
    assert kept(events, OrderFilled) == []
    assert ended(events).outcome.startswith("failed: approvals of decision")


def test_an_approval_that_is_presented_again_is_refused(tmp_path: Path) -> None:
    first: list[Reviewed] = []

    def alter(answer: Any) -> object:
        if isinstance(answer, Reviewed) and answer.approved:
            first.append(answer)
        return replace(answer, signed=first[0].signed) if len(first) > 1 else answer

    with pytest.raises(ApprovalRejected, match="taken before"):
        replay_altered(plan(), tmp_path / "run", GUARDIAN, alter)
    intents = kept(events_of(tmp_path / "run"), OrderIntended)
    assert {e.order.sequence for e in intents} == {first[0].sequence}


@pytest.mark.parametrize(
    "alter",
    [
        lambda s: replace(s, units=s.units + np.array([0.0, 1.0, 0.0, 0.0])),
        lambda s: replace(s, cash=s.cash + 0.01),
        lambda s: replace(s, fills=s.fills[1:]),
    ],
    ids=["units", "cash", "a lost fill"],
)
def test_books_that_differ_from_the_brokers_stop_the_desk(
    tmp_path: Path, alter: Callable[[Settlement], Settlement]
) -> None:
    def after_a_fill(answer: Any) -> object:
        touched = isinstance(answer, Settlement) and answer.fills
        return alter(answer) if touched else answer

    with pytest.raises(LedgerMismatch, match="New risk stops"):
        replay_altered(plan(), tmp_path / "run", GATEWAY, after_a_fill)
    assert ended(events_of(tmp_path / "run")).outcome.startswith("failed: bar")


def test_whatever_else_goes_wrong_the_journal_is_closed_with_the_reason(tmp_path: Path) -> None:
    def alter(answer: Any) -> object:
        if isinstance(answer, Settlement) and answer.sequence == 20:
            raise RuntimeError("a defect of ours")
        return answer

    with pytest.raises(RuntimeError, match="a defect of ours"):
        replay_altered(plan(), tmp_path / "run", GATEWAY, alter)
    assert ended(events_of(tmp_path / "run")).outcome == "failed: a defect of ours"


def test_a_last_decision_that_cannot_be_executed_is_no_completed_run(tmp_path: Path) -> None:
    def alter(answer: Any) -> object:
        last = isinstance(answer, Executed) and answer.sequence == BARS - 1
        if last and not failures:
            failures.append(answer)
            raise ApprovalRejected("the last one was not good")
        return answer

    failures: list[object] = []
    with pytest.raises(ApprovalRejected, match="the last one was not good"):
        replay_altered(plan(), tmp_path / "run", GATEWAY, alter)
    events = events_of(tmp_path / "run")
    assert ended(events).outcome == "failed: the last one was not good"
    assert len(kept(events, SessionEnded)) == 1


class SmallJournal(SqliteJournal):
    """A journal on a disk with room for few pages."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._database.execute("PRAGMA max_page_count = 25")


def test_a_disk_that_fills_stops_trading_and_keeps_a_whole_record(tmp_path: Path) -> None:
    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    registry = Registry()
    broker = PaperBroker(
        [registry[symbol] for symbol in settled.desk.symbols],
        account_currency="USD",
        cash=100_000.0,
        slippage=0.5e-4,
    )
    gateway = Gateway(
        broker=broker,
        journal=SmallJournal(folder / "journal.sqlite"),
        session=settled.desk.session,
        key=KEY,
        epoch=settled.desk.epoch,
    )
    with pytest.raises(JournalUnwritable, match="nothing may be traded unrecorded"):
        replay_here(settled, folder, {GATEWAY: LocalLine(gateway)})
    replay_here(settled, tmp_path / "whole")
    found, whole = events_of(folder), events_of(tmp_path / "whole")
    assert 10 < len(found) < len(whole)
    assert [repr(e) for e in found[1:]] == [repr(e) for e in whole[1 : len(found)]]
    recorded = {e.order.client_order_id for e in kept(found, OrderIntended)}
    assert {order.client_order_id for order in broker.working()} <= recorded
