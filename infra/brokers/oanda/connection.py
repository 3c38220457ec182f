"""`OandaConnection`: questions and requests to OANDA, each ended in time and by a known error."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from infra.brokers.oanda.circuit import Circuit
from infra.brokers.oanda.clock_offset import ClockOffset
from infra.brokers.oanda.credentials import TokenSource, redacted
from infra.brokers.oanda.environment import Environment, account_named
from infra.brokers.oanda.errors import Refused, body_of, error_of
from infra.brokers.oanda.lines import StreamLines
from infra.brokers.oanda.pacing import Paces
from infra.brokers.oanda.transport import Heard, Line
from market.errors import FatalError, OutcomeUnknown, QuorumError, TransientError

TIMEOUT_S = (3.0, 5.0)
"""To connect, and to wait for an answer."""
ATTEMPTS = 3
FIRST_PAUSE_S = 0.1


class OandaConnection:
    """Any thread may ask; each request has a kept-alive line of its own meanwhile.

    account: its id. tokens: asked before every request, so that a new token needs no restart.
    Questions (GET) are repeated, after growing pauses of random length, twice at most and no later
    than one read time-out after the first; what may change anything is sent once. While the
    circuit is open nothing is asked; a stream may be opened all the same, and closes it once it is
    answered. No error holds the token, nor anything made from it.
    """

    def __init__(
        self,
        *,
        environment: Environment,
        account: str,
        tokens: TokenSource,
        timeout: tuple[float, float] = TIMEOUT_S,
        paces: Paces | None = None,
        circuit: Circuit | None = None,
        rng: random.Random | None = None,
        wall: Callable[[], int] = time.time_ns,
        elapsed: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.environment = environment
        self.account = account_named(account)
        self.clock_offset = ClockOffset()
        self.latency_s = float("nan")
        self._tokens = tokens
        self._timeout = timeout
        self._paces = paces or Paces()
        self._circuit = circuit or Circuit(elapsed=elapsed)
        self._rng = rng or random.Random()
        self._wall = wall
        self._elapsed = elapsed
        self._sleep = sleep
        self._idle: list[Line] = []
        self._lock = threading.Lock()

    @property
    def offset_ns(self) -> int | None:
        """How far OANDA's clock is ahead of ours, within half a second; None before any answer."""
        return self.clock_offset.offset_ns

    def ask(self, endpoint: Any, *, trades: bool = False) -> dict[str, Any]:
        """The answer to an endpoint of oandapyV20. trades: it may change the account.

        Raises as `errors.py` tells, and ConfigError where there is no token to be had.
        """
        repeats = endpoint.method == "GET" and not trades
        until = self._elapsed() + self._timeout[1]
        pause = FIRST_PAUSE_S
        for attempt in itertools.count(1):
            answer, error, heard = self._attempt(endpoint, trades or endpoint.method != "GET")
            if error is None:
                return answer
            if not repeats or heard is None or not isinstance(error, TransientError):
                raise error
            wait = max(self._rng.uniform(0.0, pause), _retry_after(heard))
            if attempt == ATTEMPTS or self._elapsed() + wait >= until:
                raise error
            self._sleep(wait)
            pause *= 2.0
        raise AssertionError

    def new_stream(
        self, endpoint: Any, read_timeout_s: float, *, opened: Callable[[], None] | None = None
    ) -> StreamLines:
        """The messages of a stream, on a session of its own with the token as it is now.

        opened: called by the reader's thread once the broker has begun to answer.
        Raises ConfigError where there is none; everything else is StreamLost, from its `next`.
        """

        def answered() -> None:
            self._circuit.revived()
            if opened is not None:
                opened()

        line = self._line(self._tokens.token(), read_timeout_s, streaming=True, opened=answered)
        return StreamLines(line, endpoint, _what(endpoint), self._tokens.stale)

    def close(self) -> None:
        """Let go of the lines that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _attempt(
        self, endpoint: Any, trades: bool
    ) -> tuple[dict[str, Any], QuorumError | None, Heard | None]:
        """The answer, or what it ended in; nothing was heard where the circuit is open. An error
        is made here and raised elsewhere, so that it hangs on to nothing that holds the request.
        """
        what = _what(endpoint)
        left = self._circuit.left_s()
        if left > 0.0:
            why = f"OANDA failed several times in a row and is left alone for {left:.1f} s"
            return {}, TransientError(f"{what} was not sent: {why}"), None
        token = self._tokens.token()
        heard, answer = self._heard(endpoint, token)
        if heard.status == 401:
            self._tokens.stale()
            renewed = self._tokens.token()
            if renewed != token:
                token = renewed
                heard, answer = self._heard(endpoint, token)
        if answer is not None or (heard.status < 500 and body_of(heard) is not None):
            self._circuit.worked()
        else:
            self._circuit.failed()
        if answer is not None:
            return answer, self._strange(answer, what), heard
        return {}, _without(error_of(heard, what, trades=trades), token), heard

    def _heard(self, endpoint: Any, token: str) -> tuple[Heard, dict[str, Any] | None]:
        with self._lock:
            line = self._idle.pop() if self._idle else None
        if line is None:
            line = self._line(token, self._timeout[1])
        self._paces.requests.wait()
        began = self._elapsed()
        heard, answer = line.ask(endpoint, token)
        if heard.status and not heard.broken:
            self.latency_s = self._elapsed() - began
            self.clock_offset.note(heard.date, heard.sent_at, heard.received_at)
            with self._lock:
                self._idle.append(line)
        else:
            line.close()
        return heard, answer

    def _strange(self, answer: dict[str, Any], what: str) -> QuorumError | None:
        account = answer.get("account")
        told = account.get("id") if isinstance(account, dict) else None
        if told is None or told == self.account:
            return None
        return FatalError(
            f"{what} was answered for another account, {told} instead of {self.account}; check "
            "what answers at the environment's address"
        )

    def _line(
        self,
        token: str,
        read_s: float,
        *,
        streaming: bool = False,
        opened: Callable[[], None] | None = None,
    ) -> Line:
        return Line(
            self.environment,
            token,
            timeout=(self._timeout[0], read_s),
            pace=self._paces.connections.wait,
            wall=self._wall,
            streaming=streaming,
            opened=opened,
        )


def _what(endpoint: Any) -> str:
    return f"{endpoint.method} /{endpoint}"


def _retry_after(heard: Heard) -> float:
    """Seconds that the broker asks to be left alone; 0 where it names none."""
    return float(heard.retry_after) if heard.retry_after.isdecimal() else 0.0


def _without(error: QuorumError, token: str) -> QuorumError:
    """The same error, should the other side have repeated the token in its answer."""
    text = str(error)
    plain = redacted(text, token)
    if plain == text and not (isinstance(error, Refused) and token in repr(error.body)):
        return error
    if isinstance(error, Refused):
        return Refused(plain, redacted(error.code, token), error.status)
    return OutcomeUnknown(plain) if isinstance(error, OutcomeUnknown) else TransientError(plain)
