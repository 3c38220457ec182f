"""The laws of the journal: the same events give the same digest, and no change goes unnoticed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from infra.journal.codec import decode, encode
from infra.journal.reader import read_events
from infra.journal.sqlite import SqliteJournal
from market.errors import JournalError
from market.events import (
    EVENT_TYPES,
    AgentAbstained,
    AlertRaised,
    AllocationApplied,
    AllocationMissed,
    BarSettled,
    CalibrationFitted,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    OrdersFilled,
    OrdersIntended,
    SessionEnded,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
)
from market.live_events import (
    AccountSeen,
    AgentJoined,
    AgentLeft,
    AgentReweighted,
    BarClosed,
    BreakerReset,
    BreakersMoved,
    BreakerTripped,
    CashMoved,
    CoordinatorAttached,
    ForecastMade,
    LimitOverridden,
    MismatchFound,
    ModeChanged,
    OrderAccepted,
    OrderResolved,
    OrdersAccepted,
    OrderUnknown,
    OverrideEnded,
    RiskAssessed,
    RulesTakenUp,
    StageChanged,
    TradingOpened,
    TransactionsBooked,
)
from market.lots import singly
from market.orders import Bracket, Cancellation, Fill, OrderRequest
from market.seats import AgentSeated
from market.verdicts import RiskApproved, RiskRefused

QUICK = settings(max_examples=50, deadline=None)
INT = st.integers(-(2**62), 2**62)
FLOAT = st.floats(width=64)
TEXT = st.text(max_size=6)
ROW = hnp.arrays(np.float64, st.integers(0, 4), elements=FLOAT)
TABLE = hnp.arrays(np.float64, st.tuples(st.integers(0, 3), st.integers(0, 3)), elements=FLOAT)
CODES = hnp.arrays(np.int64, st.integers(0, 4), elements=INT)

st.register_type_strategy(Bracket, st.builds(Bracket, stop=FLOAT, trailing=st.none() | FLOAT))
APPROVED = st.lists(st.builds(RiskApproved, symbol=TEXT), max_size=2).map(tuple)
REFUSED = st.lists(st.builds(RiskRefused, symbol=TEXT), max_size=2).map(tuple)
FILLED = st.builds(OrderFilled, fill=st.builds(Fill, sequence=INT, time=INT))
INTENDED = st.builds(OrderIntended, order=st.builds(OrderRequest, sequence=INT))
ACCEPTED = st.builds(OrderAccepted, time=INT, transaction=INT)
EVENTS: dict[type[Event], st.SearchStrategy[Event]] = {
    SessionStarted: st.builds(
        SessionStarted,
        traded=INT,
        interval_s=INT,
        first_time=INT,
        last_time=INT,
        bars=INT,
        symbols=st.lists(TEXT, max_size=2).map(tuple),
        currencies=st.lists(TEXT, max_size=2).map(tuple),
        agents=st.lists(st.builds(AgentSeated, lookback=INT), max_size=2).map(tuple),
        versions=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
    ),
    BarSettled: st.builds(
        BarSettled,
        sequence=INT,
        time=INT,
        units=ROW,
        mid=ROW,
        spread=ROW,
        rate=ROW,
        financing=ROW,
    ),
    OrderFilled: FILLED,
    OrderCancelled: st.builds(
        OrderCancelled, cancellation=st.builds(Cancellation, sequence=INT, time=INT)
    ),
    DecisionTaken: st.builds(
        DecisionTaken,
        sequence=INT,
        time=INT,
        scores=TABLE,
        evidence=TABLE,
        score=ROW,
        buy=ROW,
        sell=ROW,
        turnout=ROW,
        outcome=CODES,
        multiplier=ROW,
        approved=APPROVED,
        refused=REFUSED,
    ),
    OrderIntended: INTENDED,
    AgentAbstained: st.builds(AgentAbstained, sequence=INT, time=INT),
    AllocationApplied: st.builds(
        AllocationApplied,
        sequence=INT,
        time=INT,
        requested=INT,
        weights=ROW,
        multiplier=ROW,
        warm_starts=ROW,
    ),
    AllocationMissed: st.builds(AllocationMissed, sequence=INT, time=INT),
    CalibrationFitted: st.builds(
        CalibrationFitted,
        sequence=INT,
        time=INT,
        fitted=INT,
        learned_until=INT,
        probability=TABLE,
        lower_bound=TABLE,
        payoff_ratio=ROW,
        loss=ROW,
        calibrated=CODES,
        outcomes=CODES,
        effective=ROW,
        foretold=TABLE,
    ),
    AlertRaised: st.builds(AlertRaised, sequence=INT, time=INT),
    TradingHalted: st.builds(TradingHalted, sequence=INT, time=INT),
    TradingRearmed: st.builds(TradingRearmed, sequence=INT, time=INT, after_bars=INT),
    SessionEnded: st.builds(SessionEnded, sequence=INT, time=INT, bars=INT),
    OrdersFilled: st.builds(OrdersFilled, each=st.lists(FILLED, max_size=3).map(tuple)),
    OrdersIntended: st.builds(OrdersIntended, each=st.lists(INTENDED, max_size=3).map(tuple)),
    TradingOpened: st.builds(
        TradingOpened,
        time=INT,
        last_transaction=INT,
        versions=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
        history_time=CODES,
        history_values=TABLE,
    ),
    RulesTakenUp: st.builds(
        RulesTakenUp,
        sequence=INT,
        time=INT,
        agents=st.lists(st.builds(AgentSeated, lookback=INT), max_size=2).map(tuple),
    ),
    CoordinatorAttached: st.builds(CoordinatorAttached, time=INT, epoch=INT),
    BarClosed: st.builds(BarClosed, sequence=INT, time=INT, values=TABLE, skipped=INT),
    AccountSeen: st.builds(
        AccountSeen, sequence=INT, time=INT, stop_price=ROW, age=ROW, filled=ROW
    ),
    BreakersMoved: st.builds(BreakersMoved, sequence=INT, time=INT, memory=ROW),
    RiskAssessed: st.builds(RiskAssessed, sequence=INT, time=INT, stress=ROW),
    ForecastMade: st.builds(
        ForecastMade,
        sequence=INT,
        time=INT,
        side=ROW,
        confidence=ROW,
        leader=CODES,
        probability=ROW,
    ),
    BreakerTripped: st.builds(BreakerTripped, time=INT, repeats=INT),
    BreakerReset: st.builds(BreakerReset, time=INT, equity=FLOAT),
    OrderAccepted: st.builds(OrderAccepted, time=INT, transaction=INT),
    OrdersAccepted: st.lists(ACCEPTED, min_size=1, max_size=3).map(OrdersAccepted.of),
    OrderUnknown: st.builds(OrderUnknown, time=INT),
    OrderResolved: st.builds(OrderResolved, time=INT),
    TransactionsBooked: st.builds(TransactionsBooked, time=INT, last=INT),
    CashMoved: st.builds(CashMoved, time=INT, transaction=INT),
    MismatchFound: st.builds(MismatchFound, time=INT),
    ModeChanged: st.builds(ModeChanged, time=INT),
    StageChanged: st.builds(
        StageChanged,
        sequence=INT,
        time=INT,
        evidence=st.lists(st.tuples(TEXT, FLOAT), max_size=2).map(tuple),
    ),
    LimitOverridden: st.builds(LimitOverridden, sequence=INT, time=INT, value=FLOAT, until=INT),
    OverrideEnded: st.builds(OverrideEnded, sequence=INT, time=INT),
    AgentReweighted: st.builds(AgentReweighted, time=INT),
    AgentJoined: st.builds(AgentJoined, time=INT),
    AgentLeft: st.builds(AgentLeft, time=INT),
}
SOME = st.lists(st.one_of(*EVENTS.values()), min_size=2, max_size=5)


def same(one: object, other: object) -> bool:
    """Equal to the last bit, NaN included."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and (
            one.tobytes() == other.tobytes()
        )  # fmt: skip
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or repr(one) == repr(other) == "nan")


def singles(entries: list[Event]) -> list[Event]:
    """The events that a reader gets of these entries."""
    return [event for entry in entries for event in singly(entry)]


def written(events: list[Event], path: Path) -> str:
    """The digest of a journal of these events."""
    journal = SqliteJournal(path)
    for event in events:
        journal.append(event)
    journal.close()
    return journal.digest


def tampered(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Change a journal as somebody could who knows SQLite."""
    with sqlite3.connect(path) as database:
        for trigger in ("only_appended", "never_changed", "never_removed"):
            database.execute("DROP TRIGGER events_are_" + trigger)
        change(database)
    database.close()


def test_there_is_a_strategy_for_every_event() -> None:
    assert tuple(EVENTS) == EVENT_TYPES


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_event_comes_back_as_it_was_and_always_as_the_same_bytes(
    kind: type[Event], data: st.DataObject
) -> None:
    event = data.draw(EVENTS[kind])
    name, payload = encode(event)
    back = decode(name, payload)
    assert same(event, back)
    assert encode(back) == (name, payload)


@QUICK
@given(SOME)
def test_the_same_events_give_the_same_digest_and_read_back_in_order(
    events: list[Event],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder) / "one", Path(folder) / "other"
        assert written(events, one) == written(events, other)
        back, told = list(read_events(one)), singles(events)
        assert len(back) == len(told)
        assert all(map(same, told, back))


@QUICK
@given(SOME)
def test_events_in_another_order_or_number_have_another_digest(events: list[Event]) -> None:
    distinct = len({encode(event) for event in events}) > 1
    with tempfile.TemporaryDirectory() as folder:
        whole = written(events, Path(folder) / "whole")
        assert written(events[:-1], Path(folder) / "shorter") != whole
        rotated = [*events[1:], events[0]]
        assert (written(rotated, Path(folder) / "rotated") != whole) == (
            distinct and [encode(e) for e in rotated] != [encode(e) for e in events]
        )


@QUICK
@given(SOME, st.data())
def test_any_changed_byte_is_found_and_so_is_a_removed_or_swapped_event(
    events: list[Event], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(events) - 1))
    _, payload = encode(events[row])
    position = data.draw(st.integers(0, len(payload) - 1))
    mask = data.draw(st.integers(1, 255))
    changed = bytearray(payload)
    changed[position] ^= mask
    other = data.draw(st.integers(0, len(events) - 1).filter(lambda n: n != row))
    ways: dict[str, tuple[str, tuple[object, ...]]] = {
        "byte": ("UPDATE events SET payload = ? WHERE sequence = ?", (bytes(changed), row)),
        "kind": ("UPDATE events SET kind = 'SessionEnd' WHERE sequence = ?", (row,)),
        "hash": ("UPDATE events SET hash = ? WHERE sequence = ?", (bytes(32), row)),
        "text": ("UPDATE events SET payload = 'text' WHERE sequence = ?", (row,)),
        "number": ("UPDATE events SET hash = 7 WHERE sequence = ?", (row,)),
        "moved": ("UPDATE events SET sequence = -1 - sequence WHERE sequence = ?", (row,)),
    }
    way = data.draw(st.sampled_from([*ways, "removed", "swapped"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        written(events, path)
        if way == "removed":
            row = min(row, len(events) - 2)
            tampered(path, lambda d: d.execute("DELETE FROM events WHERE sequence = ?", (row,)))
        elif way == "swapped":
            steps = [(row, -9), (other, row), (-9, other)]
            tampered(
                path,
                lambda d: d.executemany(
                    "UPDATE events SET sequence = ?2 WHERE sequence = ?1", steps
                ),
            )
        else:
            tampered(path, lambda d: d.execute(*ways[way]))
        with pytest.raises(JournalError, match="does not continue the chain"):
            list(read_events(path))


@QUICK
@given(SOME)
def test_a_last_event_that_was_moved_before_the_first_is_found(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        written(events, path)
        move = "UPDATE events SET sequence = -1 - sequence WHERE sequence = ?"
        tampered(path, lambda d: d.execute(move, (len(events) - 1,)))
        with pytest.raises(JournalError, match="does not continue the chain"):
            list(read_events(path))


@QUICK
@given(SOME)
def test_a_cut_off_end_shows_in_the_digest(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, cut = Path(folder) / "journal", Path(folder) / "cut"
        digest = written(events, path)
        shutil.copy(path, cut)
        last = len(events) - 1
        tampered(cut, lambda d: d.execute("DELETE FROM events WHERE sequence = ?", (last,)))
        kept, told = list(read_events(cut)), singles(events[:last])
        assert len(kept) == len(told)
        assert all(map(same, told, kept))
        assert written(events[:last], Path(folder) / "again") != digest
