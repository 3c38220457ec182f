"""`V20Server`: a v20 server in a thread of its own; and one as a whole process."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from infra.brokers.v20_server.faults import FaultPlan
from infra.brokers.v20_server.opening import HISTORY_BARS, OpenSource, open_account
from infra.brokers.v20_server.serving import Serving
from infra.brokers.v20_server.terms import V20Terms
from market.errors import InvalidError, TransientError
from market.ports import Interest

HOST = "127.0.0.1"
START_WITHIN_S = 600.0
"""Made-up history of many instruments takes a while."""
STOP_WITHIN_S = 20.0
ASK_WITHIN_S = 20.0
Told = TypeVar("Told")

__all__ = ["OpenSource", "V20Server", "V20Terms", "run_v20_server"]


class V20Server:
    """Serves from `start` to `stop`, on this machine only. Its methods are for any thread.

    folder: what it must still know after kill -9; made where it is missing. port: 0 for any that is
    free; the same again after a restart of this object. history_bars: closed bars that a new
    account has from its source. faults: from the beginning on.
    """

    def __init__(
        self,
        terms: V20Terms,
        *,
        folder: Path,
        open_source: OpenSource,
        port: int = 0,
        interest: Interest | None = None,
        faults: FaultPlan | None = None,
        history_bars: int = HISTORY_BARS,
    ) -> None:
        self._terms = terms
        self._folder = folder
        self._open = partial(
            open_account,
            terms,
            folder=folder,
            open_source=open_source,
            interest=interest,
            history_bars=history_bars,
        )
        self._history_bars = history_bars
        self._faults = faults
        self._port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: Serving | None = None
        self._ended: Future[None] = Future()

    @property
    def url(self) -> str:
        """Where it listens; known once it has started."""
        return f"http://{HOST}:{self._port}"

    @property
    def account(self) -> str:
        """The account's id."""
        return self._terms.account

    def start(self) -> None:
        """Open the account and serve; returns once it listens.

        Raises InvalidError where the port is taken or the folder holds another account, and what
        opening the prices raises.
        """
        listener = self._listener()
        started: Future[None] = Future()
        self._ended = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listener, started, self._ended), name="v20", daemon=True
        )
        self._thread.start()
        started.result(START_WITHIN_S)

    def stop(self) -> None:
        """End the streams, save, let go of the stores and of the port; returns once that is done.

        Raises what the server failed of before.
        """
        if self._thread is None:
            return
        self._on_loop(lambda serving: serving.stop())
        self._thread.join(STOP_WITHIN_S)
        if self._thread.is_alive():
            raise TransientError(f"the v20 server at {self.url} did not stop in {STOP_WITHIN_S} s")
        self._thread = None
        self._ended.result()

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return self._thread is not None and self._thread.is_alive()

    def settle(self, within_s: float = ASK_WITHIN_S) -> None:
        """Return once every quote that the source has due was traded on. Raises TransientError."""
        self._ask(Serving.take_prices, within_s)

    def inject(self, plan: FaultPlan) -> None:
        """This plan of faults from now on; an empty one for none. Raises InvalidError."""
        self._ask(lambda serving: serving.wire.inject(plan))

    def drop_streams(self) -> None:
        """Cut every stream's connection."""
        self._ask(lambda serving: serving.streams.drop())

    def status(self) -> dict[str, Any]:
        """How it stands, for people."""
        return {"url": self.url, "account": self.account, **self._ask(Serving.status)}

    def _listener(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, self._port))
        except (OSError, OverflowError) as error:
            listener.close()
            raise InvalidError(
                f"the v20 server cannot listen on port {self._port}: {error}; stop what listens "
                "there, or choose another port"
            ) from None
        self._port = int(listener.getsockname()[1])
        return listener

    def _run(self, listener: socket.socket, started: Future[None], ended: Future[None]) -> None:
        """The thread: SQLite's connections belong to it."""
        failure: BaseException | None = None
        try:
            asyncio.run(self._serve(listener, started))
            failure = self._failure()
        except BaseException as error:
            failure = error
        finally:
            listener.close()
            self._loop = self._serving = None
        if failure is not None and not started.done():
            started.set_exception(failure)
        elif failure is not None:
            ended.set_exception(failure)
        else:
            ended.set_result(None)

    def _failure(self) -> BaseException | None:
        return None if self._serving is None else self._serving.failure

    async def _serve(self, listener: socket.socket, started: Future[None]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        account, source = self._open()
        try:
            serving = Serving(account, source, folder=self._folder, history_bars=self._history_bars)
        except BaseException:
            account.release()
            raise
        self._serving, self._loop = serving, asyncio.get_running_loop()
        await serving.serve(listener, self._faults, lambda: started.set_result(None))

    def _on_loop(self, work: Callable[[Serving], object]) -> None:
        """Have it done there; nothing where the server has ended."""
        loop, serving = self._loop, self._serving
        if loop is not None and serving is not None:
            with_loop = partial(work, serving)
            try:
                loop.call_soon_threadsafe(with_loop)
            except RuntimeError:  # the loop closed at this moment
                return

    def _ask(self, work: Callable[[Serving], Told], within_s: float = ASK_WITHIN_S) -> Told:
        """Have it done there, and wait. Raises TransientError where the server does not run."""
        loop, serving = self._loop, self._serving
        if loop is None or serving is None:
            if self._ended.done():
                self._ended.result()
            raise TransientError(f"the v20 server at {self.url} does not run; start it")

        async def done() -> Told:
            return work(serving)

        asked: Coroutine[Any, Any, Told] = done()
        try:
            answer = asyncio.run_coroutine_threadsafe(asked, loop)
        except RuntimeError:
            asked.close()
            raise TransientError(f"the v20 server at {self.url} has just stopped") from None
        try:
            return answer.result(within_s)
        except TimeoutError:
            raise TransientError(f"the v20 server did not answer within {within_s:g} s") from None
        except CancelledError:
            raise TransientError(f"the v20 server at {self.url} has just stopped") from None


def run_v20_server(
    terms: V20Terms,
    *,
    listening: Callable[[V20Server], None] | None = None,
    **arguments: Any,
) -> None:
    """Serve in this process until SIGTERM or SIGINT. arguments: of `V20Server`.

    listening: told of the server once clients can call. Raises what the server fails of.
    """
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    server = V20Server(terms, **arguments)
    server.start()
    try:
        if listening is not None:
            listening(server)
        while server.running and not asked_to_stop.wait(0.5):
            pass
    finally:
        server.stop()
