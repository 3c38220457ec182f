"""Calling somebody, never for longer than one is willing to wait."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge

TCP_OPTIONS = {"TCP_NODELAY": 1, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}
"""A peer whose node has vanished is given up after ten seconds; Nagle's algorithm is off, for a
question waits for its answer anyway.
"""


def prepare(line: socket.socket, heard_within_s: float | None = None) -> None:
    """On TCP: send at once, and ask a silent peer's kernel whether it is still there.

    heard_within_s: give up a peer whose kernel does not take what was sent for so long; keepalive
    asks only while nothing is under way. None for a peer that may be too busy to read.
    """
    if line.family not in (socket.AF_INET, socket.AF_INET6):
        return
    options = dict(TCP_OPTIONS)
    if heard_within_s is not None:
        options["TCP_USER_TIMEOUT"] = int(heard_within_s * 1e3)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        if hasattr(socket, name):  # not every system has all of them
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def limit(line: socket.socket, timeout_s: float) -> None:
    """Let the kernel end each read and write after so long; 0 for never.

    For `multiprocessing.connection`, which knows no time-outs itself.
    """
    timeval = struct.pack("ll", int(timeout_s), int(timeout_s % 1.0 * 1e6))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


@contextlib.contextmanager
def socket_of(connection: Connection) -> Iterator[socket.socket]:
    """The socket under a connection, to set its options."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        yield line


def call(address: str | tuple[str, int], key: bytes, name: str, timeout_s: float) -> Connection:
    """A connection on which both sides have proved the key and the caller has said its name.

    Raises OSError or EOFError where nobody answers in time, AuthenticationError where the key is
    another. Whoever uses the connection afterwards makes it non-blocking, or waits no longer than
    that for each read.
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    calling = socket.socket(family, socket.SOCK_STREAM)
    connection: Connection | None = None
    try:
        calling.settimeout(timeout_s)
        calling.connect(address)
        calling.settimeout(None)
        prepare(calling)
        limit(calling, timeout_s)
        connection = Connection(calling.detach())
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
        connection.send(name)
    except (OSError, EOFError, AuthenticationError) as error:
        calling.close()
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()
        if isinstance(error, BlockingIOError):
            raise TimeoutError(f"no answer within {timeout_s:g} s") from None
        raise
    return connection
