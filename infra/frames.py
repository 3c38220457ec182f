"""Frames: messages as they travel over a socket, those of `multiprocessing.connection`.

A length, then the message as `market.flat` has it. What is read of a socket ends where it ends: a
message, half of one, or several at once; `Frames` makes whole messages of it, so that most cost a
single read.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import time
from collections import deque
from multiprocessing.connection import Connection

from market.flat import Payload, decoded, encoded

CHUNK = 1 << 16
MOST_READ = 1 << 20
"""Of a long message, at once."""
LONG = -1
CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
"""Where nobody can tell how many there are, nobody is kept awake."""


def frame(message: object) -> bytes:
    """A message as it travels."""
    payload = encoded(message)
    if len(payload) > 0x7FFFFFFF:
        return struct.pack("!iQ", LONG, len(payload)) + payload
    return struct.pack("!i", len(payload)) + payload


class Frames:
    """Cuts what is read into messages, encoded as they came."""

    def __init__(self) -> None:
        self._read = bytearray()

    def take(self, chunk: bytes) -> list[Payload]:
        """The messages that end in this chunk, the next of the stream.

        Raises OSError where it is no stream of frames.
        """
        read = self._read
        if not read and len(chunk) >= 4:
            (size,) = struct.unpack_from("!i", chunk)
            if size == len(chunk) - 4:  # as most: one message, and all of it
                return [memoryview(chunk)[4:]]
        read += chunk
        messages: list[Payload] = []
        begin = 0
        while (bounds := _bounds(read, begin)) is not None and bounds[1] <= len(read):
            whole = memoryview(bytes(memoryview(read)[bounds[0] - 4 : bounds[1]]))
            messages.append(whole[4:])  # behind four bytes, as its arrays are laid out for
            begin = bounds[1]
        del read[:begin]
        return messages

    @property
    def wanted(self) -> int:
        """How many bytes to ask for: what the message that has begun lacks, or those of some."""
        bounds = _bounds(self._read, 0)
        lacking = 0 if bounds is None else bounds[1] - len(self._read)
        return min(max(lacking, CHUNK), MOST_READ)


def _bounds(read: bytearray, begin: int) -> tuple[int, int] | None:
    """Where the message that begins here lies; None where not even its length is there."""
    if len(read) < begin + 4:
        return None
    (size,) = struct.unpack_from("!i", read, begin)
    if size < LONG:
        raise OSError(f"{size} is no length of a message")
    if size != LONG:
        return begin + 4, begin + 4 + size
    if len(read) < begin + 12:
        return None
    (size,) = struct.unpack_from("!Q", read, begin + 4)
    return begin + 12, begin + 12 + size


def stay_awake(descriptor: int, until: float) -> bool:
    """Whether something can be read by `until` (monotonic), asked again and again without sleep.

    To be woken takes a process longer than many an answer takes. Where there is one core only
    nothing is waited for: it is the other side's to work on.
    """
    if CORES < 2:
        return False
    waited = (descriptor,)
    while not select.select(waited, (), (), 0)[0]:
        if time.monotonic() >= until:
            return False
        os.sched_yield()
    return True


class WaitingEnd:
    """An end of a connection that waits for as long as it takes; takes the connection over."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._descriptor = connection.fileno()
        self._frames = Frames()
        self._unheard: deque[Payload] = deque()

    def receive(self) -> object:
        """The next message. Raises OSError, or EOFError where the other side has hung up."""
        unheard = self._unheard
        while not unheard:
            chunk = os.read(self._descriptor, self._frames.wanted)
            if not chunk:
                raise EOFError
            unheard.extend(self._frames.take(chunk))
        return decoded(unheard.popleft())

    def expect(self, for_s: float) -> None:
        """Wait, awake, until something can be received, for so long at most."""
        if not self._unheard:
            stay_awake(self._descriptor, time.monotonic() + for_s)

    def send(self, message: object) -> None:
        """Send all of it. Raises OSError where the other side is gone."""
        framed = frame(message)
        sent = os.write(self._descriptor, framed)
        while sent < len(framed):
            sent += os.write(self._descriptor, memoryview(framed)[sent:])

    def close(self) -> None:
        """Hang up."""
        self._descriptor = -1
        self._connection.close()
