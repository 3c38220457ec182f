"""Sockets between the coordinator and its members: Unix-domain on one node, TCP across nodes.

Framing, authentication (a keyed challenge in both directions) and address families are those of
`multiprocessing.connection`; messages are plain numbers (`market.flat`) or pickled, as Ray itself
does inside the same cluster, and nobody without the session's key gets as far as sending one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import tempfile
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path

from infra.deadlines import DeadlineLine
from infra.dialing import call, limit, prepare, socket_of
from infra.frames import WaitingEnd
from market.errors import MemberLost, StreamLost
from market.lines import taken

Address = str | tuple[str, int]
GREET_WITHIN_S = 10.0
"""For each word of a greeting, on either side."""
HEARD_WITHIN_S = 10.0
"""A live desk's members call anew where the coordinator's node has vanished for so long."""
EXPECT_S = 5e-4
"""How long a member stays awake for what is about to come: a ballot, the tally and the sizes."""
MOST_GREETINGS = 64
"""Callers who have not proved the key yet; the oldest is hung up on for one more."""


class SocketChannel:
    """The member's end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._end = WaitingEnd(connection)

    def with_deadlines(self, name: str) -> DeadlineLine:
        """The same connection as a line to `name` that is never waited for, before anything was
        received; this channel is not to be used any more.
        """
        return DeadlineLine(name, self._connection)

    @classmethod
    def dial(
        cls,
        address: Address,
        key: bytes,
        name: str,
        *,
        within_s: float = GREET_WITHIN_S,
        heard_within_s: float | None = None,
    ) -> SocketChannel:
        """Call the coordinator and say who is calling. Raises StreamLost where it cannot.

        within_s: for each word of the greeting; afterwards this end waits as long as it takes.
        heard_within_s: on TCP, hang up where the other side's kernel does not take what was sent
        for so long. None for a coordinator that may be busy for longer than that, as in a replay.
        """
        try:
            connection = call(address, key, name, within_s)
            with socket_of(connection) as line:
                prepare(line, heard_within_s)
                limit(line, 0.0)
        except (OSError, EOFError, AuthenticationError) as error:
            why = str(error) or "it hung up"
            raise StreamLost(f"{name} cannot reach the coordinator at {address}: {why}") from None
        return cls(connection)

    def receive(self) -> object:
        """The next message."""
        try:
            return self._end.receive()
        except (OSError, EOFError) as error:
            raise StreamLost(f"the coordinator hung up: {error}") from None

    def send(self, message: object) -> None:
        """Send an answer. Raises StreamLost when the coordinator is gone."""
        try:
            self._end.send(message)
        except OSError as error:
            raise StreamLost(f"the coordinator hung up: {error}") from None

    def expect(self) -> None:
        """Be awake for the next message, which is about to come."""
        with contextlib.suppress(OSError, ValueError):  # hung up: to receive says so
            self._end.expect(EXPECT_S)

    def close(self) -> None:
        """Hang up; the coordinator's line says that the member is gone."""
        self._end.close()


class SocketLine:
    """The coordinator's end of the line to one member."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self._connection = connection
        self._end = WaitingEnd(connection)

    def post(self, message: object) -> None:
        """Send without waiting for the answer."""
        try:
            self._end.send(message)
        except OSError as error:
            raise StreamLost(f"{self.name} is gone: {error}") from None

    def reply(self) -> object:
        """The next answer."""
        try:
            reply = self._end.receive()
        except (OSError, EOFError) as error:
            raise StreamLost(f"{self.name} is gone: {error}") from None
        return taken(reply)

    def with_deadlines(self) -> DeadlineLine:
        """The same line, never waited for, before any answer was; this one is not to be used any
        more.
        """
        return DeadlineLine(self.name, self._connection)

    def close(self) -> None:
        """Hang up; the member's `serve` returns."""
        self._end.close()


class Switchboard:
    """Where members call in; belongs to the coordinator.

    host: None for a Unix-domain socket in a private folder, else the address to listen on. at: a
    fixed address instead, which survives its owner: a path, or host and port; a socket that a dead
    owner left is taken over. greet_within_s: what a caller has for each word of the greeting.
    """

    def __init__(
        self,
        key: bytes,
        host: str | None = None,
        *,
        at: Address | None = None,
        greet_within_s: float = GREET_WITHIN_S,
    ) -> None:
        self._key = key
        self._greet_within_s = greet_within_s
        self._folder: Path | None = None
        if isinstance(at, str):
            Path(at).unlink(missing_ok=True)
            self._listener = Listener(at, backlog=64)
            Path(at).chmod(0o600)
        elif at is not None:
            self._listener = Listener(at, backlog=64)
        elif host is None:
            self._folder = Path(tempfile.mkdtemp(prefix="quorum-"))
            self._listener = Listener(str(self._folder / "lines"), backlog=64)
        else:
            self._listener = Listener((host, 0), backlog=64)
        self._arrived: queue.SimpleQueue[SocketLine] = queue.SimpleQueue()
        self._heard, self._bell = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._bell, False)
        self._closed = False
        self._door = threading.Lock()
        self._greeting: dict[Connection, None] = {}
        self._answering = threading.Thread(target=self._accept, name="switchboard", daemon=True)
        self._answering.start()

    @property
    def address(self) -> Address:
        """What members dial."""
        address: Address = self._listener.address
        return address

    def lines(self, names: set[str], within_s: float) -> dict[str, SocketLine]:
        """The lines to these members once all have called in.

        Who calls twice is heard on the newer line; who is not asked for is hung up on. Raises
        MemberLost, naming who is missing, when one has not called within the time.
        """
        until = time.monotonic() + within_s
        lines: dict[str, SocketLine] = {}
        while names - lines.keys():
            try:
                line = self._arrived.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                missing = ", ".join(sorted(names - lines.keys()))
                for arrived in lines.values():
                    arrived.close()
                raise MemberLost(
                    f"{missing} did not call in within {within_s:g} s; "
                    "look at the logs of these actors (`ray list actors`, `ray logs`)"
                ) from None
            if line.name not in names:
                line.close()
                continue
            if line.name in lines:
                lines[line.name].close()
            lines[line.name] = line
        return lines

    def fileno(self) -> int:
        """Readable once someone has called in, for `select`."""
        return self._heard

    def arrivals(self) -> list[SocketLine]:
        """Who has called in since the last time, without waiting."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._heard, 4096)
        arrived = []
        with contextlib.suppress(queue.Empty):
            while True:
                arrived.append(self._arrived.get_nowait())
        return arrived

    def close(self) -> None:
        """Stop listening, remove the socket, hang up on callers whom nobody asked for."""
        with self._door:
            self._closed = True
            while not self._arrived.empty():
                self._arrived.get().close()
            for caller in self._greeting:
                _interrupt(caller)
        with contextlib.suppress(OSError):
            Client(self.address).close()  # wakes the accepting thread
        self._answering.join(timeout=5.0)
        self._listener.close()
        with self._door:
            os.close(self._heard)
            os.close(self._bell)
            self._bell = -1
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    def _accept(self) -> None:
        while not self._closed:
            with contextlib.suppress(OSError):
                caller = self._listener.accept()
                with self._door:
                    if len(self._greeting) >= MOST_GREETINGS:
                        oldest = next(iter(self._greeting))
                        del self._greeting[oldest]
                        _interrupt(oldest)
                    self._greeting[caller] = None
                # In a thread of its own: a caller who says nothing keeps nobody else waiting.
                threading.Thread(target=self._greet, args=(caller,), daemon=True).start()

    def _greet(self, caller: Connection) -> None:
        """Let in a caller who proves the key and says its name; hang up on any other."""
        try:
            with socket_of(caller) as line:
                prepare(line)
                limit(line, self._greet_within_s)
                deliver_challenge(caller, self._key)
                answer_challenge(caller, self._key)
                name = str(caller.recv())
                limit(line, 0.0)
            with self._door:
                if self._closed or caller not in self._greeting:
                    raise EOFError
                del self._greeting[caller]
                self._arrived.put(SocketLine(name, caller))
                with contextlib.suppress(BlockingIOError):
                    os.write(self._bell, b".")
        except (OSError, EOFError, AuthenticationError):
            with self._door:
                self._greeting.pop(caller, None)
                caller.close()


def _interrupt(caller: Connection) -> None:
    """End a greeting: the thread that waits for the caller's next word hears that it hung up."""
    with contextlib.suppress(OSError), socket_of(caller) as line:
        line.shutdown(socket.SHUT_RDWR)
