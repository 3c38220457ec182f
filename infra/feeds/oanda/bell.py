"""`Bell`: threads ring it, and `select` hears it."""

from __future__ import annotations

import socket
import threading


class Bell:
    """Readable from the first ring until it is silenced; ringing never waits."""

    def __init__(self) -> None:
        self._heard, self._pulled = socket.socketpair()
        self._heard.setblocking(False)
        self._lock = threading.Lock()
        self._rung = self._closed = False

    def fileno(self) -> int:
        """For `select`."""
        return self._heard.fileno()

    def ring(self) -> None:
        """From any thread; of a closed bell nothing is heard."""
        with self._lock:
            if not (self._rung or self._closed):
                self._rung = True
                self._pulled.send(b"\0")

    def silence(self) -> None:
        """What rang before was heard."""
        with self._lock:
            if self._rung and not self._closed:
                self._rung = False
                self._heard.recv(1)

    def close(self) -> None:
        """Let go of both ends."""
        with self._lock:
            self._closed = True
            self._heard.close()
            self._pulled.close()
