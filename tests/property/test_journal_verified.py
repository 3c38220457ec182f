"""The law of the audit: no change to a sealed and anchored journal goes unnoticed."""

from __future__ import annotations

import math
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infra.journal.anchors import Anchor
from infra.journal.chain import GENESIS, chain
from infra.journal.reader import read_chain
from infra.journal.sqlite import SqliteJournal
from infra.journal.verify import Fault, Verified, verify
from market.errors import JournalError
from market.events import AgentAbstained
from tests.tampering import Row, rewritten, stored, tampered

KEY = bytes(range(32))
EVENTS = 12
SEQUENCE, KIND, PAYLOAD, HASH, WRITTEN_AT, SEAL = range(6)
COLUMNS = ("sequence", "kind", "payload", "hash", "written_at", "seal")
MANY = settings(max_examples=40, deadline=None)


def note(number: int) -> AgentAbstained:
    return AgentAbstained(sequence=number, time=number, agent="frog", reason=f"rain {number}")


class Noted:
    """Anchors every commit."""

    def __init__(self) -> None:
        self.anchors: list[Anchor] = []

    def offer(self, count: int, head: bytes, seal: bytes | None) -> None:
        told = None if seal is None else seal.hex()
        self.anchors.append(Anchor(count=count, head=head.hex(), seal=told, at=0.0))

    close = offer


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Anchor]]:
    """A sealed journal with two snapshots, and its anchors."""
    noted = Noted()
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    journal = SqliteJournal(path, durable=True, key=KEY, anchors=noted)
    for number in range(EVENTS):
        journal.append(note(number))
        if number in (3, 7):
            journal.keep(f"up to {number}".encode())
    journal.close()
    return path, noted.anchors


@contextmanager
def copy_of(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copy(path, folder))


def first(path: Path, anchors: list[Anchor], key: bytes | None = KEY) -> int | None:
    """The event that the first fault names."""
    found = verify(path, key, anchors)
    assert not found.holds
    return found.faults[0].event


def with_bit_flipped(value: Any, data: st.DataObject) -> Any:
    """One byte of a stored value, as it lies on the disk, is another."""
    raw = (
        struct.pack(">q", value)
        if isinstance(value, int)
        else struct.pack(">d", value)
        if isinstance(value, float)
        else value.encode("utf-8")
        if isinstance(value, str)
        else value
    )
    changed = bytearray(raw)
    changed[data.draw(st.integers(0, len(raw) - 1), "byte")] ^= data.draw(
        st.integers(1, 255), "mask"
    )
    if isinstance(value, int):
        return struct.unpack(">q", changed)[0]
    if isinstance(value, float):
        (number,) = struct.unpack(">d", changed)
        return "not a number" if math.isnan(number) else number  # SQLite has no NaN
    return bytes(changed)


def test_what_nobody_touched_holds(original: tuple[Path, list[Anchor]]) -> None:
    path, anchors = original
    seen: list[tuple[int, int]] = []
    found = verify(path, KEY, anchors, lambda done, total: seen.append((done, total)))
    assert (found.holds, found.events, found.sealed_from) == (True, EVENTS, 0)
    assert found.head.hex() == anchors[-1].head
    assert found.anchors == len(anchors) >= 3
    assert verify(path).holds, "without key and anchors there is less to check, and that holds"
    assert not verify(path).keyed


@MANY
@given(data=st.data())
def test_any_flipped_byte_of_any_field_is_found_and_its_event_named(
    original: tuple[Path, list[Anchor]], data: st.DataObject
) -> None:
    path, anchors = original
    event = data.draw(st.integers(0, EVENTS - 1), "event")
    column = data.draw(st.sampled_from(range(6)), "column")
    with copy_of(path) as copy:
        value = with_bit_flipped(stored(copy)[event][column], data)
        assume(column != SEQUENCE or value not in range(EVENTS))
        expression = "CAST(? AS TEXT)" if column == KIND else "?"
        tampered(
            copy,
            lambda database: database.execute(
                f"UPDATE events SET {COLUMNS[column]} = {expression} WHERE sequence = ?",
                (value, event),
            ),
        )
        named = first(copy, anchors)
        if column == SEQUENCE:  # a number below all others is met before the hole it leaves
            assert named == (0 if value < 0 else event)
        else:
            assert named == event


@MANY
@given(data=st.data())
def test_any_flipped_byte_of_a_snapshot_is_found(
    original: tuple[Path, list[Anchor]], data: st.DataObject
) -> None:
    path, anchors = original
    columns = ("sequence", "payload", "head", "digest", "seal")
    column = data.draw(st.sampled_from(range(5)), "column")
    row = data.draw(st.integers(0, 1), "row")
    with copy_of(path) as copy:
        kept = stored(copy, "snapshots")[row]
        value = with_bit_flipped(kept[column], data)
        tampered(
            copy,
            lambda database: database.execute(
                f"UPDATE snapshots SET {columns[column]} = ? WHERE sequence = ?", (value, kept[0])
            ),
        )
        found = verify(copy, KEY, anchors)
        assert [fault.event for fault in found.faults] == [None]
        assert "snapshot" in found.faults[0].what


@MANY
@given(data=st.data())
def test_a_removed_swapped_or_inserted_event_is_found_also_without_a_key(
    original: tuple[Path, list[Anchor]], data: st.DataObject
) -> None:
    path, anchors = original
    way = data.draw(st.sampled_from(["removed", "closed up", "swapped", "repeated", "invented"]))
    event = data.draw(st.integers(0, EVENTS - 2), "event")
    with copy_of(path) as copy:
        rows = stored(copy)
        if way == "removed":
            del rows[event]
        elif way == "closed up":
            del rows[event]
            rows = renumbered(rows)
        elif way == "swapped":
            other = data.draw(st.integers(event + 1, EVENTS - 1), "other")
            rows[event], rows[other] = rows[other], rows[event]
            rows = renumbered(rows)
        else:
            again = rows[event] if way == "repeated" else (0, "TradingHalted", b"x", *rows[0][3:])
            rows.insert(event + 1, again)
            rows = renumbered(rows)
            event += 1
        rewritten(copy, rows)
        assert first(copy, [], None) == event
        assert first(copy, anchors) == event


@MANY
@given(kept=st.integers(0, EVENTS - 1))
def test_a_journal_that_was_cut_off_is_found_by_its_anchors(
    original: tuple[Path, list[Anchor]], kept: int
) -> None:
    path, anchors = original
    with copy_of(path) as copy:
        rewritten(copy, stored(copy)[:kept])
        rewritten(copy, [row for row in stored(copy, "snapshots") if row[0] < kept], "snapshots")
        assert verify(copy).holds, "the chain alone cannot tell how long it was"
        assert first(copy, anchors, None) == kept
        assert first(copy, anchors) == kept


@MANY
@given(event=st.integers(0, EVENTS - 1), strip=st.sampled_from(["keep", "from there", "all"]))
def test_a_chain_that_was_written_anew_holds_but_for_its_seals(
    original: tuple[Path, list[Anchor]], event: int, strip: str
) -> None:
    path, anchors = original
    with copy_of(path) as copy:
        head, rows = GENESIS, []
        for number, kind, payload, _, at, sealed in stored(copy):
            told = payload.replace(b"rain", b"hail") if number == event else payload
            head = chain(head, number, kind, told)
            gone = strip == "all" or (strip == "from there" and number >= event)
            rows.append((number, kind, told, head, at, None if gone else sealed))
        rewritten(copy, rows)
        rewritten(copy, [], "snapshots")
        without_key = verify(copy)
        assert without_key.holds or strip == "from there"
        expected = 0 if strip == "all" or (strip == "from there" and event == 0) else event
        assert first(copy, []) == expected
        assert first(copy, anchors[-1:], None) is not None


def test_a_key_of_somebody_else_does_not_fit(original: tuple[Path, list[Anchor]]) -> None:
    path, _ = original
    assert first(path, [], bytes(32)) == 0


def test_an_anchor_that_was_changed_is_found(original: tuple[Path, list[Anchor]]) -> None:
    path, anchors = original
    last = anchors[-1]
    for changed in (
        Anchor(count=last.count + 1, head=last.head, seal=last.seal, at=last.at),
        Anchor(count=last.count - 1, head=last.head, seal=last.seal, at=last.at),
        Anchor(count=last.count, head="00" * 32, seal=last.seal, at=last.at),
        Anchor(count=last.count, head=last.head, seal=None, at=last.at),
        Anchor(count=-1, head=last.head, seal=last.seal, at=last.at),
    ):
        assert not verify(path, KEY, [*anchors, changed]).holds


@MANY
@given(data=st.data())
def test_whatever_byte_of_the_file_is_flipped_either_it_is_found_or_no_event_differs(
    original: tuple[Path, list[Anchor]], data: st.DataObject
) -> None:
    path, anchors = original
    with copy_of(path) as copy:
        content = bytearray(copy.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1), "place")
        content[place] ^= data.draw(st.integers(1, 255), "mask")
        copy.write_bytes(content)
        if holds(copy, anchors):
            assert list(read_chain(copy)) == list(read_chain(path))


def holds(path: Path, anchors: list[Anchor]) -> bool:
    try:
        return verify(path, KEY, anchors).holds
    except JournalError:
        return False


def test_sealing_may_begin_in_the_middle_and_vouches_for_what_was_before(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path, durable=True)
    journal.append_all(map(note, range(3)))
    journal.close()
    journal = SqliteJournal.resume(path, key=KEY)
    journal.append_all(map(note, range(3, 6)))
    journal.close()
    found: Verified = verify(path, KEY)
    assert (found.holds, found.sealed_from) == (True, 3)
    with copy_of(path) as copy:
        rewritten(copy, [(*row[:SEAL], None) if row[0] < 4 else row for row in stored(copy)])
        assert first(copy, []) == 4, "a seal that was taken away is missed by the next"


def renumbered(rows: list[Row]) -> list[Row]:
    return [(number, *row[1:]) for number, row in enumerate(rows)]


def test_a_fault_is_a_sentence_about_an_event(original: tuple[Path, list[Anchor]]) -> None:
    path, _ = original
    with copy_of(path) as copy:
        rewritten(copy, [row for row in stored(copy) if row[0] not in (4, 5)])
        assert verify(copy).faults[0] == Fault(
            event=4, what="is missing; the one that follows is numbered 6"
        )
