"""Events that are recorded together are read one by one, as they were and in their order."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path

from infra.journal.codec import decode, encode
from infra.journal.export import export
from infra.journal.reader import read_events
from infra.journal.sqlite import SqliteJournal
from market.events import (
    AlertRaised,
    Event,
    OrderFilled,
    OrderIntended,
    OrdersFilled,
    OrdersIntended,
)
from market.live_events import OrderAccepted, OrdersAccepted
from market.lots import in_lots, singly
from tests.dispatching import fill_of
from tests.exchanges import START, order


def intended(name: str) -> OrderIntended:
    return OrderIntended(order=order(name, 1.0, stop=0.1, take_profit=0.1), group="g")


def accepted(name: str, time: int = START) -> OrderAccepted:
    return OrderAccepted(client_order_id=name, time=time, transaction=len(name))


def filled(name: str) -> OrderFilled:
    fill = replace(fill_of(name, "EUR_USD", 1.0), slippage_bps=0.0)  # a NaN equals nothing
    return OrderFilled(fill=fill, transaction=7)


def alert(message: str) -> AlertRaised:
    return AlertRaised(sequence=1, time=START, source="test", level="info", message=message)


MIXED: list[Event] = [
    intended("a"),
    intended("bb"),
    alert("x"),
    alert("y"),
    accepted("a"),
    accepted("bb"),
    filled("a"),
    alert("z"),
    filled("bb"),
    filled("ccc"),
    intended("d"),
]


def test_what_follows_its_like_becomes_one_entry_and_nothing_changes_its_place() -> None:
    entries = in_lots(MIXED)
    assert [type(entry) for entry in entries] == [
        OrdersIntended,
        AlertRaised,
        AlertRaised,
        OrdersAccepted,
        OrderFilled,
        AlertRaised,
        OrdersFilled,
        OrderIntended,
    ]
    assert [*chain.from_iterable(map(singly, entries))] == MIXED


def test_an_event_alone_is_an_entry_as_it_is() -> None:
    for event in MIXED:
        assert in_lots([event]) == [event]
        assert list(singly(event)) == [event]
    assert in_lots([]) == []


def test_orders_that_the_broker_has_since_different_times_are_not_one_entry() -> None:
    events = [accepted("a"), accepted("b", START + 1), accepted("c", START + 1)]
    entries = in_lots(events)
    assert [type(entry) for entry in entries] == [OrderAccepted, OrdersAccepted]
    assert [*chain.from_iterable(map(singly, entries))] == events


def test_an_entry_is_the_same_after_it_was_bytes() -> None:
    for entry in in_lots(MIXED):
        assert decode(*encode(entry)) == entry


def test_a_journal_of_entries_is_read_resumed_and_exported_event_by_event(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path, durable=True)
    journal.append_all(in_lots(MIXED))
    journal.close()
    assert len(journal) == 8
    assert list(read_events(path)) == MIXED
    resumed: list[Event] = []
    SqliteJournal.resume(path, into=resumed.append).close()
    assert resumed == MIXED
    assert export(path, tmp_path / "out.csv", "csv") == len(MIXED)
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == [type(event).__name__ for event in MIXED]
    assert [line.split(",")[0] for line in lines[:2]] == ["0", "0"], "of one entry"
