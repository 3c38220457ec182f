"""`Wire`: the connections of one line, made in their turn, and hung up from any thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Wire(HTTPAdapter):
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
