"""The laws of frames: whatever the pieces, the messages are those that were sent."""

from __future__ import annotations

import os
import pickle
import threading
from multiprocessing import Pipe

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.frames import CHUNK, Frames, WaitingEnd, frame
from tests.streams import heard_in_pieces

MESSAGES = st.lists(st.one_of(st.binary(max_size=40), st.integers(), st.none()), max_size=8)


@settings(max_examples=200, deadline=None)
@given(MESSAGES, st.lists(st.integers(1, 30), min_size=1, max_size=30))
def test_messages_come_whole_and_in_order_however_the_stream_is_cut(
    messages: list[object], pieces: list[int]
) -> None:
    assert heard_in_pieces(messages, pieces) == messages


@given(st.integers(1, 2**31 - 1))
def test_a_length_below_none_is_no_frame(below: int) -> None:
    frames = Frames()
    with pytest.raises(OSError, match="is no length of a message"):
        frames.take((-1 - below).to_bytes(4, "big", signed=True) + b"anything")


def test_a_frame_with_a_long_length_is_read_as_any_other() -> None:
    payload = pickle.dumps("however long")
    long = (-1).to_bytes(4, "big", signed=True) + len(payload).to_bytes(8, "big") + payload
    frames = Frames()
    assert frames.take(long[:10]) == []
    got = frames.take(long[10:] + frame("next"))
    assert [pickle.loads(one) for one in got] == ["however long", "next"]


def test_of_a_long_message_more_is_asked_for_at_once_but_never_all_of_it() -> None:
    frames = Frames()
    assert frames.wanted == CHUNK
    frames.take((300_000).to_bytes(4, "big") + bytes(100_000))
    assert frames.wanted == 200_000
    endless = Frames()
    endless.take((2**31 - 1).to_bytes(4, "big"))
    assert endless.wanted == 1 << 20


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_one_end_is_understood_by_a_connection_and_understands_it(size: int) -> None:
    ours, theirs = Pipe()
    end = WaitingEnd(ours)
    sending = threading.Thread(target=end.send, args=(bytes(size),), daemon=True)
    sending.start()
    assert theirs.recv() == bytes(size)
    sending.join(20.0)
    answering = threading.Thread(target=theirs.send, args=([size, bytes(size)],), daemon=True)
    answering.start()
    assert end.receive() == [size, bytes(size)]
    answering.join(20.0)
    end.close()
    theirs.close()


def test_messages_that_came_together_are_heard_one_after_the_other_to_the_last() -> None:
    ours, theirs = Pipe()
    end = WaitingEnd(ours)
    os.write(theirs.fileno(), frame(1) + frame(2) + frame(3)[:6])
    assert [end.receive(), end.receive()] == [1, 2]
    os.write(theirs.fileno(), frame(3)[6:])
    theirs.close()
    assert end.receive() == 3
    with pytest.raises(EOFError):
        end.receive()
    end.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        end.receive()
