"""A gateway that cannot go on: the desk is halted on record, and nothing is left at work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from infra.journal.sqlite import SqliteJournal
from infra.live.books import Books
from market.accounts import AccountState, BrokerOrder, Transaction
from market.desk_state import DeskState
from market.errors import FatalError, JournalUnwritable, StreamLost, TransientError
from market.events import AlertRaised, Event
from market.live_events import ModeChanged
from market.orders import OrderRequest
from tests.live import (
    LEVELS,
    ROWS,
    WITHIN_S,
    LiveDesk,
    coordinator_of,
    live_desk,
    session_started,
)
from tests.live_broker import FakeBroker
from tests.served_gateways import served

ANN = {"by": "ann", "reason": "news"}
AT_ONCE = {"reconcile_every_s": 0.0}
Answer = TypeVar("Answer")


class Strange(FakeBroker):
    """Answers for somebody else's account once `strange` is set."""

    strange = False

    def __init__(self) -> None:
        super().__init__()
        for symbol, level in LEVELS.items():
            self.market(symbol, level)

    def account(self) -> AccountState:
        return self._answered(super().account())

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        return self._answered(super().transactions(after))

    def place_all(self, orders: Sequence[OrderRequest]) -> tuple[BrokerOrder, ...]:
        return self._answered(super().place_all(orders))

    def _answered(self, answer: Answer) -> Answer:
        if self.strange:
            raise FatalError("it was answered for another account")
        return answer


def working(desk: LiveDesk) -> None:
    """Have orders wait at the broker."""
    with coordinator_of(desk) as coordinator:
        assert coordinator.order({"EUR_USD": 1_000.0, "GBP_USD": 1_000.0}).sent == 2


def assert_halted(desk: LiveDesk) -> None:
    """It has ended; the journal says why, and the broker has nothing at work."""
    desk.thread.join(WITHIN_S)
    assert isinstance(desk.failure, FatalError)
    desk.gateway.books.close()
    halted, alert = desk.events(ModeChanged)[-1], desk.events(AlertRaised)[-1]
    assert (halted.mode, halted.by) == ("HALTED", "gateway")
    assert halted.reason == "it was answered for another account"
    assert alert.level == "critical"
    assert alert.message == "the gateway stops: it was answered for another account"
    assert desk.broker.working() == ()


def test_it_cancels_what_works_until_nothing_does(tmp_path: Path) -> None:
    broker = Strange()
    with live_desk(tmp_path, broker, loop_options=AT_ONCE) as desk:
        working(desk)
        broker.unheard = 1
        broker.strange = True
        assert_halted(desk)
        assert broker.unheard == 0


def test_what_a_decision_sends_then_is_cancelled_too(tmp_path: Path) -> None:
    broker = Strange()
    with live_desk(tmp_path, broker) as desk:
        working(desk)
        with coordinator_of(desk, born=2) as coordinator:
            broker.strange = True
            with contextlib.suppress(StreamLost, OSError, EOFError):  # it hangs up on everyone
                coordinator.order({"USD_JPY": 1_000.0}, sequence=1)
        assert_halted(desk)


def test_a_persons_command_that_finds_it_ends_it_too(tmp_path: Path) -> None:
    broker = Strange()
    with live_desk(tmp_path, broker) as desk:
        working(desk)
        broker.strange = True
        with pytest.raises(TransientError, match="hung up before it answered"):
            desk.ask("resume", **ANN)
        assert_halted(desk)


class FullOnceStrange(SqliteJournal):
    """On a disk that is full once the broker is strange."""

    broker: Strange

    def append_all(self, events: Iterable[Event]) -> None:
        if self.broker.strange:
            raise JournalUnwritable("the journal cannot be written: the disk is full")
        super().append_all(events)


def test_where_that_cannot_be_recorded_either_what_works_is_cancelled_all_the_same(
    tmp_path: Path,
) -> None:
    broker = Strange()
    journal = FullOnceStrange(tmp_path / "journal.sqlite", durable=True)
    journal.broker = broker
    started = session_started(broker, initial_balance=100_000.0)
    journal.append(started)
    books = Books(journal, DeskState(started, ROWS), lambda _: None)
    with live_desk(
        tmp_path, broker, gateway_options={"books": books}, loop_options=AT_ONCE
    ) as desk:
        working(desk)
        broker.strange = True
        desk.thread.join(WITHIN_S)
        assert isinstance(desk.failure, FatalError)
        assert broker.working() == ()
        desk.gateway.books.close()


def test_a_desk_that_is_taken_up_is_halted_before_it_has_reached_its_account(
    tmp_path: Path,
) -> None:
    broker = Strange()
    with live_desk(tmp_path, broker) as desk:
        working(desk)
        desk.kill()
    broker.strange = True
    with served(tmp_path, broker) as gateway:
        gateway.thread.join(WITHIN_S)
        (failure,) = gateway.failures
        assert isinstance(failure, FatalError)
        assert gateway.modes()[-1][:2] == ("HALTED", "gateway")
    assert broker.working() == ()


def test_a_new_desk_that_never_traded_is_not_halted(tmp_path: Path) -> None:
    with live_desk(tmp_path / "another") as desk:
        working(desk)
        desk.kill()
        with served(tmp_path / "new", desk.broker) as gateway:
            gateway.thread.join(WITHIN_S)
            assert "did not open" in str(gateway.failures[0])
            assert gateway.modes() == []
        assert len(desk.broker.working()) == 2, "another's orders are another's"
