"""Running a paper exchange: in a process, in a thread, or as a Ray actor's thread."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.faults import FaultPlan
from infra.brokers.paper.live.server import ExchangeServer
from infra.brokers.paper.live.store import ExchangeStore
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.transport import Address, Switchboard
from market.errors import FatalError, InvalidError, QuorumError
from market.ports import Interest, PriceSource

LONGEST_PATH = 107
"""Bytes of a Unix-domain socket's path on Linux."""
HISTORY_BARS = 1_000
REOPEN_S = 1.0
OpenSource = Callable[[int | None], PriceSource]
"""Opens the prices: from their beginning (None), or after that time of the market, UTC ns."""


def open_exchange(
    terms: ExchangeTerms,
    *,
    store: Path,
    open_source: OpenSource,
    at: Sequence[Address],
    key: bytes,
    interest: Interest | None = None,
    faults: FaultPlan | None = None,
    history_bars: int = HISTORY_BARS,
) -> ExchangeServer:
    """An exchange that listens, with a new account or the one in its store.

    at: paths of Unix-domain sockets, or host and port on this machine. history_bars: closed bars
    that a new account has from its source. Raises InvalidError for an address that cannot be
    used, or a store of another exchange.
    """
    for address in at:
        _check_address(address)
    kept = ExchangeStore(store)
    doors: list[Switchboard] = []
    try:
        state = kept.kept()
        source = open_source(None if state is None else state.clock)
        new = state is None
        exchange = PaperExchange(
            terms,
            kept,
            time=source.now(),
            interest=interest,
            history=source.history(terms.symbols, terms.interval_s, history_bars) if new else None,
        )
        exchange.warm_up()
        for address in at:
            try:
                doors.append(Switchboard(key, at=address))
            except OSError as error:
                raise InvalidError(f"the exchange cannot listen at {address}: {error}") from None
        return ExchangeServer(exchange, source, doors, faults=faults)
    except BaseException:
        for door in doors:
            door.close()
        kept.close()
        raise


def run_exchange(
    terms: ExchangeTerms,
    *,
    listening: Callable[[tuple[Address, ...]], None] | None = None,
    **arguments: Any,
) -> None:
    """Serve in this process until SIGTERM or SIGINT. arguments: of `open_exchange`.

    listening: told the addresses once clients can call.
    """
    server = open_exchange(terms, **arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    if listening is not None:
        listening(server.addresses)
    server.run()


class ExchangeShell:
    """A paper exchange as an actor: the constructor opens it and starts the thread that serves.

    build: opens the exchange where it runs; asked again after a restart, and where the store could
    not be written, as on a full disk, until it can: it goes on from its last commit.
    """

    def __init__(self, name: str, build: Callable[[], ExchangeServer]) -> None:
        self._name = name
        self._build = build
        self._failure = self._logged = ""
        self._stopping = threading.Event()
        self._server = build()
        self._serving = threading.Thread(target=self._serve, name=name, daemon=True)
        self._serving.start()

    def status(self) -> dict[str, Any]:
        """Name, process, whether it serves, why not, and how the exchange stands."""
        return {
            "name": self._name,
            "pid": os.getpid(),
            "serving": self._serving.is_alive(),
            "failure": self._failure,
            **self._server.status(),
        }

    def addresses(self) -> tuple[Address, ...]:
        """What clients dial."""
        return self._server.addresses

    def stop(self, within_s: float = 10.0) -> bool:
        """Save, hang up on everyone and let go of the store; whether that is done."""
        self._stopping.set()
        self._server.stop()
        self._serving.join(within_s)
        return not self._serving.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                self._server.run()
                return
            except FatalError as error:
                self._fail(str(error))
            except Exception as error:  # told by `status`: nobody waits for this thread
                self._fail(f"{type(error).__name__}: {error}")
                return
            if not self._opened_again():
                return

    def _opened_again(self) -> bool:
        """Whether it is open; not where it was told to stop before."""
        while not self._stopping.wait(REOPEN_S):
            try:
                self._server = self._build()
            except QuorumError as error:
                self._fail(str(error))
            else:
                self._failure = ""
                if self._stopping.is_set():  # told to the one before
                    self._server.stop()
                return True
        return False

    def _fail(self, why: str) -> None:
        """Keep it for `status`, and say it once."""
        self._failure = why
        if why != self._logged:
            self._logged = why
            logging.getLogger("quorum").error("%s: %s", self._name, why)

    def __repr__(self) -> str:
        return f"{self._name} (paper exchange)"


def _check_address(address: Address) -> None:
    if isinstance(address, str):
        if len(os.fsencode(address)) > LONGEST_PATH:
            raise InvalidError(
                f"the socket path {address} is longer than {LONGEST_PATH} bytes; put it in a "
                "shorter folder, such as a temporary one"
            )
    elif address[0] not in ("127.0.0.1", "localhost"):
        raise InvalidError(
            f"a paper exchange listens on this machine only, found {address[0]}; use 127.0.0.1"
        )
