"""`Stamped`: every answer under the server's own time, which may be ahead or behind."""

from __future__ import annotations

import re
from email.utils import formatdate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.brokers.v20.times import SECOND_NS, nanoseconds_of, rfc3339, unix
from infra.brokers.v20_server.account import V20Account

_TIMES = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z|\d{9,11}\.\d{9})"')


class Stamped:
    """Middleware. The `Date` of an answer is the market's time.

    skew: ns by which every time that is told, the `Date` included, is ahead; negative for behind.
    Only what is told is shifted: what is kept, and what clients ask about, is not.
    """

    def __init__(self, app: ASGIApp, account: V20Account) -> None:
        self.skew = 0
        self._app = app
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = (self._account.clock + self.skew) // SECOND_NS
                date = (b"date", formatdate(now, usegmt=True).encode())
                message = {**message, "headers": [*message.get("headers", ()), date]}
            elif self.skew and message.get("body"):
                message = {**message, "body": _TIMES.sub(self._shifted, message["body"])}
            await send(message)

        await self._app(scope, receive, stamped)

    def _shifted(self, found: re.Match[bytes]) -> bytes:
        text = found[1].decode()
        write = rfc3339 if text.endswith("Z") else unix
        return f'"{write(nanoseconds_of(text) + self.skew)}"'.encode()
