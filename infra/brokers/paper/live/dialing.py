"""Calling a paper exchange, never for longer than one is willing to wait."""

from __future__ import annotations

import socket
import struct
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge

from infra.deadlines import DeadlineLine
from infra.transport import Address
from market.errors import InvalidError, TransientError


def dial(address: Address, key: bytes, purpose: str, timeout_s: float) -> DeadlineLine:
    """A line to the exchange; both sides have proved the key.

    purpose: REQUESTS or STREAM. Raises TransientError where nobody answers in time, InvalidError
    where the key is another.
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
        connection.send(purpose)
    except AuthenticationError:
        _hang_up(calling, connection)
        raise InvalidError(
            f"the paper exchange at {address} has another key; give both the same key file"
        ) from None
    except (OSError, EOFError) as error:
        _hang_up(calling, connection)
        raise TransientError(
            f"the paper exchange at {address} cannot be reached: {error or 'it hung up'}; "
            "is it running?"
        ) from None
    return DeadlineLine("the paper exchange", connection)


def _hang_up(calling: socket.socket, connection: Connection | None) -> None:
    calling.close()
    if connection is not None:
        connection.close()
