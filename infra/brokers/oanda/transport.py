"""`Line`: one kept-alive session of oandapyV20's client, and what was heard on it.

The client forgets headers, and of an answer that it does not expect it raises what comes first: a
wrong status, text that is no JSON, bytes that are no text. So each answer is noted before the
client looks at it, and what it means is decided from the note.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from oandapyV20 import API
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from infra.brokers.oanda.credentials import redacted
from infra.brokers.oanda.environment import Environment

MOST_BYTES = 64 * 2**20
_KINDS = {
    "ConnectionRefused": "the connection was refused",
    "gaierror": "its name could not be resolved",
    "SSL": "no encrypted connection could be made or kept (TLS)",
    "TooMuch": f"an answer above {MOST_BYTES // 2**20} MiB",
}
_PIECE = 2**16
_LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of one request.

    status: 0 where no answer began. body: b"" where it did not come whole, and `broken` says why.
    unsent: nothing left, for there was no connection. date, retry_after, location: its headers.
    """

    status: int = 0
    body: bytes = b""
    broken: str = ""
    unsent: bool = False
    date: str = ""
    retry_after: str = ""
    location: str = ""
    sent_at: int = 0
    received_at: int = 0


class Line:
    """Asks one thing at a time.

    pace: called before a connection is made. wall: UTC nanoseconds. streaming: the body is left to
    be read as it comes. opened: called once an answer of 200 has begun, before its body is read.
    """

    def __init__(
        self,
        environment: Environment,
        token: str,
        *,
        timeout: tuple[float, float],
        pace: Callable[[], None],
        wall: Callable[[], int],
        streaming: bool = False,
        opened: Callable[[], None] | None = None,
    ) -> None:
        _silence()
        self._opened = opened
        self._timeout = timeout
        self._wall = wall
        self._streaming = streaming
        self._heard = Heard()
        self._wire = _Wire(pace)
        self._bearer = _Bearer(token)
        headers = {"Accept-Datetime-Format": "RFC3339"}
        if streaming:
            headers["Accept-Encoding"] = "identity"  # a compressor would hold prices back
        # Without a token of its own: the client would keep it in headers for good.
        self._api = API(
            None,
            environment=environment.registered,
            headers=headers,
            request_params={"timeout": timeout, "allow_redirects": False},
        )
        session: requests.Session = self._api.client
        # Also keeps a .netrc from taking the token's place.
        session.auth = self._bearer
        session.trust_env = environment.name != _LOCAL
        session.hooks["response"].append(self._note)
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._wire)

    def ask(self, endpoint: Any, token: str) -> tuple[Heard, dict[str, Any] | None]:
        """What was heard, and the answer where it is the one that the client expected."""
        self._bearer.token = token
        sent = self._wall()
        self._heard, self._wire.unsent = Heard(), False
        answer, broken = None, ""
        try:
            answer = self._api.request(endpoint)
        except Exception as error:  # the client's own choice of them tells less than the note
            broken = _in_words(error, self._timeout)
        heard = self._heard
        if not heard.status:
            heard = Heard(broken=broken, unsent=self._wire.unsent, sent_at=sent)
        return heard, answer if isinstance(answer, dict) and not heard.broken else None

    def lines(self, endpoint: Any) -> Iterator[Any]:
        """The client's own iterator over a stream; it connects at its first `next`."""
        found: Iterator[Any] = self._api.request(endpoint)
        return found

    @property
    def heard(self) -> Heard:
        """The answer with which a stream began."""
        return self._heard

    def hang_up(self) -> None:
        """End whatever waits on this line, from any thread."""
        self._wire.hang_up()

    def close(self) -> None:
        """Let go of its connections."""
        self._api.close()

    def redacted(self, text: str) -> str:
        """The text without the token."""
        return redacted(text, self._bearer.token)

    def in_words(self, error: Exception) -> str:
        """What happened, without anything of the request."""
        return _in_words(error, self._timeout)

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        headers = response.headers
        body, broken = b"", ""
        if not self._streaming or response.status_code != 200:
            try:
                body = self._body(response)
            except Exception as error:
                broken = _in_words(error, self._timeout)
                self._wire.hang_up()
            # The client must find it read: it would wait for it without an end in time.
            response.raw = io.BytesIO(body)
        self._heard = Heard(
            status=response.status_code,
            body=body,
            broken=broken,
            date=headers.get("Date", ""),
            retry_after=headers.get("Retry-After", ""),
            location=headers.get("Location", ""),
            sent_at=self._wall() - round(response.elapsed.total_seconds() * 1e9),
            received_at=self._wall(),
        )
        if self._opened is not None and response.status_code == 200:
            self._opened()

    def _body(self, response: requests.Response) -> bytes:
        """All of it. A trickle that outlasts the time-out ends it as silence does."""
        until = time.monotonic() + self._timeout[1]
        pieces: list[bytes] = []
        size = 0
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if time.monotonic() > until:
                raise TimeoutError
            if size > MOST_BYTES:
                raise _TooMuch
        return b"".join(pieces)


class _TooMuch(Exception):
    """A body that no answer of OANDA has."""


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class _Wire(HTTPAdapter):
    """Makes connections in their turn, and remembers whether the last could not be made."""

    def __init__(self, pace: Callable[[], None]) -> None:
        self.unsent = False
        self._sockets: list[socket.socket] = []
        self._hung_up = False
        self._lock = threading.Lock()
        wire = self

        def connect(make: Callable[[], None], connection: HTTPConnection) -> None:
            pace()
            try:
                make()
            except BaseException:
                wire.unsent = True
                raise
            wire._connected(connection.sock)

        class Plain(HTTPConnection):
            def connect(self) -> None:
                connect(super().connect, self)

        class Encrypted(HTTPSConnection):
            def connect(self) -> None:
                connect(super().connect, self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self._pools = {"http": PlainPool, "https": EncryptedPool}
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def hang_up(self) -> None:
        with self._lock:
            self._hung_up = True
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            _shut(one)

    def _connected(self, made: socket.socket | None) -> None:
        if made is None:
            return
        with self._lock:
            self._sockets = [one for one in self._sockets if one.fileno() >= 0]
            self._sockets.append(made)
            ended = self._hung_up
        if ended:
            _shut(made)


def _shut(one: socket.socket) -> None:
    """Wakes a thread that reads from it, which closing it would not."""
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _silence() -> None:
    """The client logs URLs and bodies; the desk's own logs say what happened."""
    logger = logging.getLogger("oandapyV20")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)


def _in_words(error: BaseException, timeout: tuple[float, float]) -> str:
    """By its type alone: texts of such errors hold URLs and headers."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {timeout[0]:g} s"
    for one in _chain(error):
        name = type(one).__name__
        if isinstance(one, TimeoutError) or "Timeout" in name:
            return f"no answer within {timeout[1]:g} s"
        for known, words in _KINDS.items():
            if known in name:
                return words
    if isinstance(error, ValueError) and not isinstance(error, requests.RequestException):
        return "an answer that is no JSON"
    return "the connection was cut"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it was made from."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
