"""An HTTP server on loopback that answers as a test wrote it, and keeps what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came. path: as on the wire, without its query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer. body: JSON where it is no bytes. cut: hang up instead of answering. short:
    promise more than comes, then hang up. silent: answer nothing until the server stops. trickle:
    the body comes a byte at a time, so many seconds apart. chunks: a stream's lines, sent before
    the end; `silent` keeps it open after them.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    short: bool = False
    silent: bool = False
    trickle_s: float = 0.0
    chunks: tuple[bytes, ...] = ()


class ScriptedServer:
    """Replies are given by "METHOD path", the path beginning after the account; the last of a list
    again and again, and first of all those said to `next`.
    """

    def __init__(self, prefix: str = "") -> None:
        self.asked: list[Asked] = []
        self.strange: list[str] = []
        self.connections = 0
        self._prefix = prefix
        self._next: list[Reply] = []
        self._replies: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def next(self, *replies: Reply) -> None:
        """What to answer next, whatever is asked."""
        self._next += replies

    def on(self, request: str, *replies: Reply) -> None:
        """What to answer to this from now on."""
        self._replies[request] = list(replies)

    def paths(self, method: str = "") -> list[str]:
        """What was asked so far, as "METHOD path"."""
        return [
            f"{one.method} {one.path.removeprefix(self._prefix)}"
            for one in self.asked
            if method in ("", one.method)
        ]

    def is_scripted(self, request: str) -> bool:
        """Whether a test has said what to answer to this."""
        return bool(self._next or self._replies.get(request))

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join(WITHIN_S)
        assert not self._thread.is_alive()
        with self._lock:
            sockets = list(self._sockets)
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._server.server_close()

    def reply_to(self, asked: Asked) -> Reply:
        request = f"{asked.method} {asked.path.removeprefix(self._prefix)}"
        with self._lock:
            self.asked.append(asked)
            if self._next:
                return self._next.pop(0)
            replies = self._replies.get(request)
            if not replies:
                self.strange.append(request)
                return Reply(status=404, body={"errorMessage": f"not scripted: {request}"})
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def came(self, one: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self._sockets.add(one)

    def went(self, one: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(one)

    def wait(self, seconds: float) -> bool:
        """Whether the server stops meanwhile."""
        return self._stopping.wait(seconds)


@contextmanager
def scripted(prefix: str = "") -> Iterator[ScriptedServer]:
    server = ScriptedServer(prefix)
    try:
        yield server
    finally:
        server.stop()


def lines(*messages: object) -> tuple[bytes, ...]:
    """Messages as a stream sends them."""
    return tuple(json.dumps(message).encode() + b"\n" for message in messages)


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # the body follows the head at once

        def setup(self) -> None:
            super().setup()
            server.came(self.connection)

        def finish(self) -> None:
            server.went(self.connection)
            super().finish()

        def log_message(self, *_: object) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            parts = urlsplit(self.path)
            reply = server.reply_to(
                Asked(
                    method=self.command,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query)),
                    headers=dict(self.headers.items()),
                    body=json.loads(sent) if sent else None,
                )
            )
            if reply.cut:
                self.close_connection = True
                return
            if reply.silent and not reply.chunks:
                server.wait(WITHIN_S)
                self.close_connection = True
                return
            self._say(reply)

        do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815

        def _say(self, reply: Reply) -> None:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response_only(reply.status)
            headers = {"Date": formatdate(time.time(), usegmt=True), **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            if reply.chunks:
                self._stream(reply)
                return
            self.send_header("Content-Length", str(len(body) + (10 if reply.short else 0)))
            self.end_headers()
            if reply.trickle_s:
                for place in range(len(body)):
                    self.wfile.write(body[place : place + 1])
                    if server.wait(reply.trickle_s):
                        break
            else:
                self.wfile.write(body)
            self.close_connection |= reply.short or bool(reply.trickle_s)

        def _stream(self, reply: Reply) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in reply.chunks:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if reply.silent:
                server.wait(WITHIN_S)
            else:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True

    return Handler
