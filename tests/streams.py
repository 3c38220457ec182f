"""Streams of frames that arrive in pieces."""

from __future__ import annotations

from collections.abc import Sequence

from infra.frames import Frames, frame
from market.flat import decoded


def heard_in_pieces(messages: Sequence[object], pieces: Sequence[int]) -> list[object]:
    """What is understood of messages whose stream arrives in pieces of these sizes, over again."""
    stream, frames, got = b"".join(map(frame, messages)), Frames(), []
    at = turn = 0
    while at < len(stream):
        size = pieces[turn % len(pieces)]
        got += [decoded(one) for one in frames.take(stream[at : at + size])]
        at, turn = at + size, turn + 1
    assert frames.take(b"") == []
    return got
