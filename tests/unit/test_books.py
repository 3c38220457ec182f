"""The journal, and the state folded from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.journal.reader import read_events
from infra.journal.sqlite import SqliteJournal
from infra.live.books import Books
from market.desk_state import DeskState
from market.events import Event
from market.live_events import CoordinatorAttached
from tests.live_gateways import ROWS, started


class BreaksOff(DeskState):
    """A state that cannot fold one epoch."""

    def apply(self, event: Event) -> None:
        if event == attached(2):
            raise MemoryError
        super().apply(event)


def attached(epoch: int) -> CoordinatorAttached:
    return CoordinatorAttached(time=epoch, epoch=epoch)


def test_of_a_state_in_which_a_fold_broke_off_no_snapshot_is_taken(tmp_path: Path) -> None:
    kept: list[int] = []
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path, durable=True)
    books = Books(journal, BreaksOff(started(), ROWS), lambda state: kept.append(state.epoch))
    books.record(attached(1))
    books.keep()
    with pytest.raises(MemoryError):
        books.record(attached(2), attached(3))
    books.record(attached(4))
    books.close()
    assert kept == [1]
    assert list(read_events(path)) == [attached(epoch) for epoch in (1, 2, 3, 4)], "all is there"
