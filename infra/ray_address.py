"""What `RAY_ADDRESS` may say, and whether a Ray head answers there."""

from __future__ import annotations

import contextlib
import os
import socket

from market.errors import ConfigError

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client of HTTP/2, and so of gRPC, begins: a preface and no settings (RFC 9113, 3.4)."""
FRAME_HEAD = 9
SETTINGS = 4


def check_address(address: str, within_s: float = 5.0) -> None:
    """See that a Ray head may answer at a `RAY_ADDRESS`: it speaks gRPC. Ray itself would try for
    minutes where nobody listens, and wait for ever where something else does.

    Raises ConfigError where it is not HOST:PORT or `auto`, OSError where no head answers.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal():
        raise ConfigError(
            f"RAY_ADDRESS: expected HOST:PORT of the head as `ray start` prints it, or auto, on a "
            f"machine of the cluster; found {address!r}. From another machine: ray job submit "
            "--address http://127.0.0.1:8265 --working-dir . -- python -m coordinator replay"
        )
    with socket.create_connection((host.strip("[]"), int(port)), timeout=within_s) as line:
        if os.environ.get("RAY_USE_TLS", "0") not in {"", "0"}:
            return  # it answers to those alone who show a certificate
        line.sendall(GREETING)
        if not _is_settings(_first_bytes(line)):
            raise OSError("what listens there is no Ray head: it does not speak gRPC")


def _first_bytes(line: socket.socket) -> bytes:
    """The head of the first frame, or what came instead."""
    found = b""
    with contextlib.suppress(OSError):  # it is silent, or hung up
        while more := line.recv(FRAME_HEAD - len(found)):
            found += more
    return found


def _is_settings(head: bytes) -> bool:
    """Whether this begins a server's first frame, which holds its settings, of stream 0."""
    return len(head) == FRAME_HEAD and head[3] == SETTINGS and head[5:] == bytes(4)
