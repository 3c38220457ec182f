"""Something that listens at an address and is no Ray head, or begins to answer as one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

WITHIN_S = 20.0
OF_A_SERVER = bytes.fromhex("000018040000000000")
"""The first bytes of a gRPC server: the head of its settings."""


@contextmanager
def somebody_answers(answer: bytes | None) -> Iterator[str]:
    """The address of one who hears a caller and answers so, then hangs up; None: is silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(1024)
                if answer is None:
                    caller.recv(1024)  # until the caller hangs up
                elif answer:
                    caller.sendall(answer)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        serving.join(WITHIN_S)
        assert not serving.is_alive()
