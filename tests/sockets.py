"""Lines to a member that echoes, in its own process and across sockets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from infra.transport import SocketChannel, SocketLine, Switchboard
from market.lines import Line, LocalLine, serve

KEY = b"the key of the lines"
WITHIN_S = 20.0
FAMILIES = [None, "127.0.0.1"]


@dataclass(slots=True)
class Echo:
    """Answers what it is told; raises what it finds in a `Raise`."""

    heard: list[object] = field(default_factory=list)

    def answer(self, message: object) -> object:
        self.heard.append(message)
        if isinstance(message, Raise):
            raise message.make()
        return message


@dataclass(frozen=True, slots=True)
class Raise:
    """Asks a member to raise an error, by its type and what it says."""

    kind: type[Exception]
    text: str

    def make(self) -> Exception:
        return self.kind(self.text)


class Unpicklable(Exception):
    """Holds what cannot be pickled, as many exceptions of libraries do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


@contextmanager
def switchboard(host: str | None = None) -> Iterator[Switchboard]:
    board = Switchboard(KEY, host)
    try:
        yield board
    finally:
        board.close()


@contextmanager
def line_to(member: Echo, host: str | None = None) -> Iterator[SocketLine]:
    """A line to a member that serves in a thread of its own."""
    with switchboard(host) as board:
        serving = threading.Thread(
            target=lambda: serve(SocketChannel.dial(board.address, KEY, "echo"), member),
            daemon=True,
        )
        serving.start()
        line = board.lines({"echo"}, WITHIN_S)["echo"]
        try:
            yield line
        finally:
            line.close()
            serving.join(WITHIN_S)
            assert not serving.is_alive()


def asked(line: Line, message: object) -> object:
    line.post(message)
    return line.reply()


@contextmanager
def some_line(kind: str, member: Echo | None = None) -> Iterator[Line]:
    member = member or Echo()
    if kind == "local":
        yield LocalLine(member)
    else:
        with line_to(member, "127.0.0.1" if kind == "tcp" else None) as line:
            yield line
