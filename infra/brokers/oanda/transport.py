"""`Line`: one kept-alive session of oandapyV20's client, and what was heard on it.

The client forgets headers, and of an answer that it does not expect it raises what comes first: a
wrong status, text that is no JSON, bytes that are no text. So each answer is noted before the
client looks at it, and what it means is decided from the note.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from oandapyV20 import API
from requests.auth import AuthBase

from infra.brokers.oanda.credentials import redacted
from infra.brokers.oanda.environment import Environment
from infra.brokers.oanda.failures import MOST_BYTES, TooMuch, in_words
from infra.brokers.oanda.wire import Wire

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
        self._wire = Wire(pace)
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
            broken = in_words(error, self._timeout)
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
        return in_words(error, self._timeout)

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        received = self._wall()  # before the body, however long that takes
        headers = response.headers
        body, broken = b"", ""
        if not self._streaming or response.status_code != 200:
            try:
                body = self._body(response)
            except Exception as error:
                broken = in_words(error, self._timeout)
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
            sent_at=received - round(response.elapsed.total_seconds() * 1e9),
            received_at=received,
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
                raise TooMuch
        return b"".join(pieces)


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _silence() -> None:
    """The client logs URLs and bodies; the desk's own logs say what happened."""
    logger = logging.getLogger("oandapyV20")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
