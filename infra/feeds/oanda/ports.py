"""What the streams ask of a connection to the broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Messages(Protocol):
    """One open stream; it is opened by the first `next`, and read by one thread."""

    def __next__(self) -> dict[str, Any]:
        """The next message. Raises StreamLost at the end of the stream, whatever ended it."""
        ...

    def close(self) -> None:
        """Hang up, from any thread: a reader that waits is told StreamLost at once."""
        ...


class Connection(Protocol):
    """An account at the broker (`infra.brokers.oanda.connection`)."""

    @property
    def account(self) -> str:
        """Its id, as it stands in paths."""
        ...

    def ask(self, endpoint: Any) -> dict[str, Any]:
        """The answer to a request of oandapyV20's. Raises QuorumError."""
        ...

    def new_stream(
        self, endpoint: Any, read_timeout_s: float, *, opened: Callable[[], None] | None = None
    ) -> Messages:
        """A stream of its own connection. opened: called by the reader's thread once the broker
        has begun to send, before the first message. A silence of `read_timeout_s` ends it.
        """
        ...
