"""Connections of clients: held, cut, or kept from queueing what nobody reads."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

TRANSPORT = "quorum.transport"
BUFFERED = 16_384
"""Bytes of a stream that wait for a reader, in the server and in the system each, about."""


class Line(H11Protocol):
    """HTTP over one connection, which the application can lay hands on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Requests carry their connection in the state of their scope."""
        assert isinstance(transport, asyncio.Transport)
        # An answer is several writes: the second would wait for the client's delayed receipt.
        _socket(transport).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


def keep_short(scope: Scope) -> None:
    """Let a stream's connection hold little, so that a slow reader finds new prices, not old."""
    transport = transport_of(scope)
    transport.set_write_buffer_limits(high=BUFFERED)
    _socket(transport).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFERED)


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection at once, and let the other side see that it was no regular end."""
    if not transport.is_closing():
        linger = struct.pack("ii", 1, 0)
        _socket(transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


def transport_of(scope: Scope) -> asyncio.Transport:
    """The connection of a request."""
    found: asyncio.Transport = scope["state"][TRANSPORT]
    return found


async def gone(receive: Receive) -> None:
    """Wait until the client of a request has hung up, or was hung up on."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _socket(transport: asyncio.Transport) -> socket.socket:
    found: socket.socket = transport.get_extra_info("socket")
    return found
