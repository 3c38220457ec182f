"""`StreamLines`: the messages of one of OANDA's streams, until it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from infra.brokers.oanda.errors import error_of
from infra.brokers.oanda.transport import Line
from market.errors import QuorumError, StreamLost


class StreamLines(Iterator[dict[str, Any]]):
    """Connects at its first `next`. Every end is StreamLost: closed by either side, silence for
    longer than its read time-out, what is no message, a refusal.

    denied: called where the token was refused. `close` may be called from another thread and ends
    a read that waits; whoever reads then gets StreamLost.
    """

    def __init__(self, line: Line, endpoint: Any, what: str, denied: Callable[[], None]) -> None:
        self._line = line
        self._lines: Iterator[Any] = line.lines(endpoint)
        self._what = what
        self._denied = denied
        self._closed = False

    def __next__(self) -> dict[str, Any]:
        message, why = self._next()
        if message is not None:
            return message
        self._line.close()
        raise StreamLost(self._line.redacted(f"{self._what} ended: {why}"))

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        self._line.hang_up()

    def _next(self) -> tuple[dict[str, Any] | None, str]:
        if self._closed:
            return None, "closed here"
        try:
            message = next(self._lines)
        except StopIteration:
            return None, "closed here" if self._closed else "closed by the other side"
        except Exception as error:
            return None, "closed here" if self._closed else self._why(error)
        if not isinstance(message, dict):
            return None, "a line that is no message"
        return message, ""

    def _why(self, error: Exception) -> str:
        heard = self._line.heard
        if heard.status in (0, 200):
            return self._line.in_words(error)
        if heard.status in (401, 403):
            self._denied()
        found: QuorumError = error_of(heard, "it", trades=False)
        return str(found)
