"""Calling somebody, never for longer than one is willing to wait."""

from __future__ import annotations

import contextlib
import socket
import struct
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge

from infra.transport import Address


def call(address: Address, key: bytes, name: str, timeout_s: float) -> Connection:
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
        if family == socket.AF_INET:
            calling.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel ends each read and write of the greeting, which knows no time-outs itself.
        limit = struct.pack("ll", int(timeout_s), int(timeout_s % 1.0 * 1e6))
        calling.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        calling.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        connection = Connection(calling.detach())
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
        connection.send(name)
    except (OSError, EOFError, AuthenticationError):
        calling.close()
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()
        raise
    return connection
