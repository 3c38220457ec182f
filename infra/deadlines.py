"""`DeadlineLine`: a line that never waits longer than it is told, whatever the member does.

The frames are those of `multiprocessing.connection` (a length, then the bytes), so the member's
end is an ordinary `SocketChannel`. Reads and writes never block: a member that is frozen, or dies
in the middle of a frame, costs its deadline and no more.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Protocol, TypeVar

from infra.frames import CHUNK, Frames, frame, stay_awake
from market.errors import StreamLost
from market.flat import decoded


class Readable(Protocol):
    """Anything that `select` can wait for."""

    def fileno(self) -> int: ...


Waited = TypeVar("Waited", bound=Readable)
MOST_UNSENT = 1 << 20


class DeadlineLine:
    """The caller's end of the line to `name`; takes the connection over."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self._connection = connection
        self._descriptor = connection.fileno()
        os.set_blocking(self._descriptor, False)
        self._frames = Frames()
        self._unsent = bytearray()

    def fileno(self) -> int:
        """For `select`."""
        return self._descriptor

    @property
    def unsent(self) -> bool:
        """Whether something that was posted has not left yet."""
        return bool(self._unsent) and not self.closed

    def post(self, message: object) -> bool:
        """Send without waiting; False, and nothing sent, where the member does not keep up.

        Raises StreamLost where it is gone.
        """
        return self.post_frame(frame(message))

    def post_frame(self, framed: bytes) -> bool:
        """`post` of a message that was framed before, for several members at once."""
        if self._unsent and not self.flush():
            if len(self._unsent) + len(framed) > MOST_UNSENT:
                return False
            self._unsent += framed
            return True
        sent = self._write(framed)
        if sent < len(framed):
            self._unsent += framed[sent:]
            self.flush()
        return True

    def flush(self) -> bool:
        """Send what could not be sent before, as far as it goes; whether nothing is left."""
        while self._unsent:
            sent = self._write(self._unsent)
            if not sent:
                return False
            del self._unsent[:sent]
        return True

    def _write(self, framed: bytes | bytearray) -> int:
        """How many bytes the socket took; 0 where it takes none."""
        try:
            return os.write(self._descriptor, framed)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise StreamLost(f"{self.name} is gone: {error}") from None

    def take(self) -> list[object]:
        """Every whole message that is there, without waiting. Raises StreamLost at the end."""
        messages: list[object] = []
        while True:
            try:
                chunk = os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                return messages
            except OSError as error:
                raise StreamLost(f"{self.name} is gone: {error}") from None
            if not chunk and not messages:
                raise StreamLost(f"{self.name} hung up")
            try:
                messages += map(decoded, self._frames.take(chunk))
            except Exception as error:  # of another version, or not one of ours
                raise StreamLost(f"{self.name} cannot be understood: {error}") from None
            if len(chunk) < CHUNK:
                return messages

    @property
    def closed(self) -> bool:
        """Whether this end has hung up."""
        return self._descriptor < 0

    def close(self) -> None:
        """Hang up."""
        self._descriptor = -1
        self._connection.close()


def answered(line: DeadlineLine, until: float, awake_s: float) -> bool:
    """Whether there is something to read by `until`, waited for without sleep at first.

    awake_s: for so long, where nothing else has work to do that this would hold up.
    """
    if line.unsent or not stay_awake(line.fileno(), min(until, time.monotonic() + awake_s)):
        return bool(readable([line], until))
    return True


def readable(lines: Iterable[Waited], until: float) -> list[Waited]:
    """Those of some lines with something to read by `until` (monotonic).

    What lines could not send before goes on its way meanwhile: whoever waits for an answer to
    a long message must not wait for its next one to push it. `select`, not `epoll`: that one rounds
    its time-out to a millisecond.
    """
    waiting = list(lines)
    while True:
        unsent = [line for line in waiting if isinstance(line, DeadlineLine) and line.unsent]
        left = max(0.0, until - time.monotonic())
        ready, writable, _ = select.select(waiting, unsent, [], left)
        for line in writable:
            with contextlib.suppress(StreamLost):  # reading it will say so
                line.flush()
        if ready or not writable:
            return ready
