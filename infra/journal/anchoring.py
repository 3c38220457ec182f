"""Anchoring while a desk trades: a thread that writes or posts, so that trading never waits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from infra.journal.anchors import Anchor, anchor_line, read_anchors
from infra.logs import Tell, tell_nobody
from infra.metrics import ANCHOR_FAILURES, NO_METERS, Meters
from market.errors import ConfigError, TransientError

POST_WITHIN_S = 5.0
CLOSE_WITHIN_S = 6.0
WEB = ("http", "https")
Sink = Callable[[Anchor], None]
"""Keeps an anchor. Raises OSError or TransientError."""


class Anchors:
    """Anchors what was committed: at once, then at most every so often, and at the end.

    An anchor that waits is replaced by a newer one. One that could not be kept is counted and
    told, and trading goes on: the next anchors the same events too.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        every_s: float,
        tell: Tell = tell_nobody,
        meters: Meters = NO_METERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures = 0
        self._sink = sink
        self._every_s = every_s
        self._tell = tell
        self._meters = meters
        self._clock = clock
        self._offered_at = float("-inf")
        self._waiting: Anchor | None = None
        self._closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def offer(self, count: int, head: bytes, seal: bytes | None) -> None:
        """So much is durable now; anchored where the last anchor is old enough."""
        now = self._clock()
        if now - self._offered_at < self._every_s:
            return
        self._offered_at = now
        self._put(count, head, seal)

    def close(self, count: int, head: bytes, seal: bytes | None) -> None:
        """Anchor the end; returns once that is done, or after a few seconds without it."""
        with self._changed:
            self._closing = True
        self._put(count, head, seal)
        thread = self._thread
        if thread is not None:
            thread.join(timeout=CLOSE_WITHIN_S)
        if thread is not None and thread.is_alive():
            self._failed(f"the last anchor was not kept within {CLOSE_WITHIN_S:g} s")

    def _put(self, count: int, head: bytes, seal: bytes | None) -> None:
        told = None if seal is None else seal.hex()
        with self._changed:
            self._waiting = Anchor(count=count, head=head.hex(), seal=told, at=time.time())
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="anchors", daemon=True)
            self._thread.start()

    def _keep(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closing)
                anchor, self._waiting = self._waiting, None
            if anchor is None:
                return
            try:
                self._sink(anchor)
            except (OSError, TransientError) as error:
                self._failed(f"{anchor.count} events could not be anchored: {error}")

    def _failed(self, why: str) -> None:
        self.failures += 1
        self._meters.count(ANCHOR_FAILURES)
        self._tell(why, level="warning", failures=self.failures)


def anchor_sink(where: str) -> Sink:
    """To a file, or an http(s) address that anchors are posted to.

    Raises ConfigError for another kind of address.
    """
    scheme, colon, _ = where.partition("://")
    if not colon:
        return to_file(Path(where))
    if scheme.lower() not in WEB or not urlsplit(where).hostname:
        raise ConfigError(
            f"journal.anchors: expected a file or an http(s) address, found {scheme}://…"
        )
    return to_address(where)


def anchored_at(where: str) -> list[Anchor]:
    """What a file of anchors holds; nothing for one that is not there yet, or for an address.

    Raises JournalError for a file that was changed.
    """
    path = Path(where)
    return read_anchors(path) if "://" not in where and path.exists() else []


def to_file(path: Path) -> Sink:
    """Appends to a file, durably; it is made where it is missing."""

    def append(anchor: Anchor) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                # What a power cut left of a line is ended, so that it spoils no other.
                file.seek(end - 1)
                torn = file.read(1) != b"\n"
            else:
                torn = False
            file.write((b"\n" if torn else b"") + anchor_line(anchor) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    return append


class _Refused(HTTPRedirectHandler):
    """An address that sends us on has not taken the anchor; a page of its own would say 200."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = build_opener(_Refused)


def to_address(address: str, within_s: float = POST_WITHIN_S) -> Sink:
    """Posts each as a JSON object; anything but a 2xx answer is a failure."""
    host = urlsplit(address).hostname

    def post(anchor: Anchor) -> None:
        request = Request(
            address,
            data=anchor_line(anchor),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with _opener.open(request, timeout=within_s):
                return
        except HTTPError as error:
            error.close()
            raise TransientError(f"{host} answered {error.code}") from None
        except (URLError, HTTPException, OSError, ValueError) as error:
            # Only the host is told: the address itself may carry a token.
            why = getattr(error, "reason", error)
            raise TransientError(f"{host} cannot be reached: {why}") from None

    return post
