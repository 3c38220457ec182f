"""A line with deadlines: a member that is slow, frozen or dying never makes its caller wait."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import pytest

from infra.deadlines import MOST_UNSENT, DeadlineLine, answered, readable
from infra.frames import frame
from market.errors import StreamLost
from market.flat import PROPOSED

WITHIN_S = 20.0
Ends = tuple[DeadlineLine, Connection]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The caller's line, and the member's end of it."""
    one, other = Pipe()
    line = DeadlineLine("member", one)
    yield line, other
    if not line.closed:
        line.close()
    other.close()


def taken(line: DeadlineLine) -> list[object]:
    """The next messages; they must come in time."""
    until = time.monotonic() + WITHIN_S
    while readable([line], until):
        messages = line.take()
        if messages:
            return messages
    raise AssertionError("nothing came")


class Reader(threading.Thread):
    """A member that reads so many messages, in a thread of its own."""

    def __init__(self, member: Connection, count: int) -> None:
        super().__init__(daemon=True)
        self.got: list[Any] = []
        self._member, self._count = member, count
        self.start()

    def run(self) -> None:
        while len(self.got) < self._count:
            self.got.append(self._member.recv())

    def everything_from(self, line: DeadlineLine) -> list[Any]:
        """What it has read once the line has sent all."""
        while not line.flush():
            select.select([], [line], [], WITHIN_S)
        self.join(WITHIN_S)
        return self.got


@pytest.mark.parametrize("size", [0, 1, 20_000, 300_000])
def test_what_is_posted_arrives_as_it_is_and_so_does_the_answer(ends: Ends, size: int) -> None:
    line, member = ends
    line.post(bytes(size))
    assert Reader(member, 1).everything_from(line) == [bytes(size)]
    member.send([size, "answer"])
    assert taken(line) == [[size, "answer"]]


def test_a_member_that_says_nothing_costs_no_more_than_was_allowed(ends: Ends) -> None:
    line, _ = ends
    assert readable([line], time.monotonic()) == []
    assert line.take() == []


@pytest.mark.parametrize("awake_s", [-1.0, 0.0, 1e-3])
def test_an_answer_is_waited_for_awake_and_then_asleep_until_its_deadline(
    ends: Ends, awake_s: float
) -> None:
    line, member = ends
    assert not answered(line, time.monotonic() + 2e-3, awake_s)
    assert not answered(line, time.monotonic() - 1.0, awake_s)
    answering = threading.Timer(0.01, member.send, args=("here",))
    answering.start()
    assert answered(line, time.monotonic() + WITHIN_S, awake_s)
    assert line.take() == ["here"]
    answering.join(WITHIN_S)


def test_what_is_unsent_leaves_while_its_answer_is_waited_for_awake(ends: Ends) -> None:
    line, member = ends
    line.post(bytes(3_000_000))
    assert line.unsent
    answering = threading.Thread(target=lambda: member.send(len(member.recv())), daemon=True)
    answering.start()
    assert answered(line, time.monotonic() + WITHIN_S, WITHIN_S)
    assert line.take() == [3_000_000]
    answering.join(WITHIN_S)


def test_half_a_frame_is_kept_until_the_rest_comes(ends: Ends) -> None:
    line, member = ends
    whole = frame("in two parts")
    os.write(member.fileno(), whole[:7])
    assert readable([line], time.monotonic() + WITHIN_S) == [line]
    assert line.take() == []
    os.write(member.fileno(), whole[7:] + frame("and another"))
    assert taken(line) == ["in two parts", "and another"]


def test_a_long_message_leaves_while_its_answer_is_waited_for(ends: Ends) -> None:
    line, member = ends
    line.post(bytes(3_000_000))
    assert line.unsent

    def answer() -> None:
        member.send(len(member.recv()))

    answering = threading.Thread(target=answer, daemon=True)
    answering.start()
    assert taken(line) == [3_000_000]
    assert not line.unsent
    answering.join(WITHIN_S)


@pytest.mark.parametrize(
    "payload",
    [b"", b"hello", b"\x80hello", b"\x01short", bytes([PROPOSED]) + bytes(11) + b"\xff" * 8],
    ids=["nothing", "no kind", "no pickle", "half a head", "a length below none"],
)
def test_what_cannot_be_understood_ends_the_line_and_nothing_else(
    ends: Ends, payload: bytes
) -> None:
    line, member = ends
    os.write(member.fileno(), len(payload).to_bytes(4, "big") + payload)
    assert readable([line], time.monotonic() + WITHIN_S)
    with pytest.raises(StreamLost, match="member cannot be understood"):
        line.take()


def test_a_member_that_does_not_read_is_not_waited_for_and_loses_whole_messages_only(
    ends: Ends,
) -> None:
    line, member = ends
    sent = 0
    while line.post((sent, bytes(100_000))):
        sent += 1
    assert sent >= MOST_UNSENT // 100_000
    got = Reader(member, sent).everything_from(line)
    assert [number for number, _ in got] == list(range(sent))
    assert line.post("again")


def test_the_death_of_a_member_is_noticed_after_its_last_words(ends: Ends) -> None:
    line, member = ends
    member.send("last words")
    member.close()
    assert taken(line) == ["last words"]
    assert readable([line], time.monotonic() + WITHIN_S)
    with pytest.raises(StreamLost, match="member hung up"):
        line.take()


def test_a_line_that_was_closed_says_so_and_closes_twice(ends: Ends) -> None:
    line, _ = ends
    line.close()
    line.close()
    assert line.closed
    with pytest.raises(StreamLost, match="member is gone"):
        line.post("too late")
    with pytest.raises(StreamLost, match="member is gone"):
        line.take()
