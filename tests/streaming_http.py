"""A server of v20 whose streams and answers are in the test's hands, over real HTTP."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECOND = 1_000_000_000
WITHIN_S = 20.0
Answer = Callable[[dict[str, str]], dict[str, Any]]


@dataclass(slots=True)
class OpenStream:
    """One stream that a client has opened: a test sends, stalls, ends or cuts it.

    query: what it asked for. A stall is to send nothing.
    """

    query: dict[str, str]
    _socket: socket.socket = field(repr=False)

    def send(self, *messages: dict[str, Any]) -> None:
        """Whole lines, all in one chunk."""
        self.raw(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def raw(self, text: bytes) -> None:
        """A chunk of anything, such as half a line."""
        self._write(f"{len(text):x}\r\n".encode() + text + b"\r\n")

    def end(self) -> None:
        """A clean end."""
        self._write(b"0\r\n\r\n")
        self.cut()

    def cut(self) -> None:
        """The connection is gone."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def hung_up(self) -> bool:
        """Whether the client hangs up by the deadline."""
        self._socket.settimeout(WITHIN_S)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a client that is gone hears nothing
            self._socket.sendall(data)


class StreamingServer:
    """answers: by the end of a path, what a request for it is answered. refusing: paths, by their
    ends, that are answered 503 instead; a stream too.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.refusing: set[str] = set()
        self.asked: list[str] = []
        self._opened: dict[str, queue.Queue[OpenStream]] = {
            kind: queue.Queue() for kind in ("pricing/stream", "transactions/stream")
        }
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def prices(self) -> OpenStream:
        """The next price stream that a client opens."""
        return self._opened["pricing/stream"].get(timeout=WITHIN_S)

    def transactions(self) -> OpenStream:
        """The next transaction stream that a client opens."""
        return self._opened["transactions/stream"].get(timeout=WITHIN_S)

    def close(self) -> None:
        """Let go of everyone and wait for the threads."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(WITHIN_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(accepted)
            serving = threading.Thread(target=self._serve, args=(accepted,), daemon=True)
            self._threads.append(serving)
            serving.start()

    def _serve(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            lines = accepted.makefile("rb")
            while request := lines.readline():
                while lines.readline().strip():
                    pass
                if not self._answer(accepted, request.decode().split()[1]):
                    return

    def _answer(self, to: socket.socket, target: str) -> bool:
        """Whether the connection is kept for another request."""
        parts = urlsplit(target)
        self.asked.append(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if any(parts.path.endswith(one) for one in self.refusing):
            _whole(to, "503 Service Unavailable", {"errorMessage": "away"})
            return True
        for kind, opened in self._opened.items():
            if parts.path.endswith(kind):
                to.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n"
                )
                opened.put(OpenStream(query, to))
                return False
        for ending, answer in self.answers.items():
            if parts.path.endswith(ending):
                _whole(to, "200 OK", answer(query))
                return True
        _whole(to, "404 Not Found", {"errorMessage": "no such thing"})
        return True


def _whole(to: socket.socket, status: str, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    to.sendall(f"{head}\r\n\r\n".encode() + text)


@contextmanager
def streaming_server() -> Iterator[StreamingServer]:
    """A server that is closed in the end."""
    server = StreamingServer()
    try:
        yield server
    finally:
        server.close()
