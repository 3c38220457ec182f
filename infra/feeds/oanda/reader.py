"""`StreamReader`: reads one of the broker's streams in a thread, and opens it anew when it ends."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.feeds.oanda.backoff import Backoff
from infra.feeds.oanda.ports import Messages
from market.errors import QuorumError

LIVED_S = 5.0
"""A stream that stood as long is opened again at once; one that did not is waited for."""


@dataclass(slots=True)
class StreamState:
    """How a stream is; written by its reader, read by anyone.

    heard, heartbeat: monotonic seconds of the last message and of the last heartbeat. ended: since
    when it has not stood; None while it stands. why: it ended last. openings: how often it stood.
    """

    ended: float | None
    heard: float = float("-inf")
    heartbeat: float = float("-inf")
    why: str = ""
    openings: int = 0

    @property
    def open(self) -> bool:
        """Whether it stands."""
        return self.ended is None


class StreamReader:
    """open_stream: given what to call once it stands; a stream that calls nothing stands with its
    first message. opened: it stands. take: each message, heartbeats too. ended: it does not stand.
    failed: a defect ended the thread. All are called in the reader's thread.
    """

    def __init__(
        self,
        name: str,
        open_stream: Callable[[Callable[[], None]], Messages],
        *,
        opened: Callable[[], None],
        take: Callable[[dict[str, Any]], None],
        ended: Callable[[], None],
        failed: Callable[[Exception], None],
        backoff: Backoff,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = StreamState(ended=elapsed())
        self._open_stream = open_stream
        self._opened = opened
        self._take = take
        self._ended = ended
        self._failed = failed
        self._backoff = backoff
        self._elapsed = elapsed
        self._leaving = threading.Event()
        self._messages: Messages | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"oanda {name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def leave(self) -> None:
        """End the thread, also one that waits for a message; returns before it has."""
        self._leaving.set()
        with self._lock:
            messages = self._messages
        if messages is not None:
            messages.close()

    def join(self, within_s: float) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._leaving.is_set():
                began = self._elapsed()
                self.state.why = self._read()
                if self.state.open and self._elapsed() - began >= LIVED_S:
                    self._backoff.worked()
                if self.state.ended is None:
                    self.state.ended = self._elapsed()
                if not self._leaving.is_set():
                    self._ended()
                    self._leaving.wait(self._backoff.failed())
        except Exception as error:
            self.state.ended = self._elapsed()
            self._failed(error)

    def _read(self) -> str:
        """One stream from its opening to its end; why it ended."""
        messages: Messages | None = None
        try:
            messages = self._open_stream(self._stands)
            with self._lock:
                self._messages = messages
            while not self._leaving.is_set():
                message = next(messages)
                self.state.heard = self._elapsed()
                self._stands()
                if message.get("type") == "HEARTBEAT":
                    self.state.heartbeat = self.state.heard
                self._take(message)
        except QuorumError as error:
            return str(error)
        finally:
            with self._lock:
                self._messages = None
            if messages is not None:
                with contextlib.suppress(QuorumError):
                    messages.close()
        return "closed here"

    def _stands(self) -> None:
        if self.state.ended is not None:
            self.state.ended = None
            self.state.openings += 1
            self._opened()
