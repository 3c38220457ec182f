"""`Asked`: a request that is on its way to a paper exchange, and its answer once it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from infra.brokers.paper.live.messages import Answer
from infra.brokers.paper.live.records import broker_orders_of
from infra.deadlines import DeadlineLine, answered
from market.accounts import BrokerOrder
from market.errors import OutcomeUnknown, QuorumError, StreamLost, TransientError
from market.lines import taken

AWAKE_S = 4e-3
"""How long an answer is waited for without sleep: about as long as the exchange takes to do what it
was asked and to make it durable.
"""


class Asked:
    """Ends once, with an answer or an error, and stays so.

    number: of the request on its line. until: when its time is over, monotonic; timeout_s: how long
    that was. trades: whether it may have had its effect where no answer came. lost: told that the
    line is of no use any more, so that no late answer is ever taken for another.
    """

    def __init__(
        self,
        line: DeadlineLine,
        verb: str,
        number: int,
        *,
        until: float,
        timeout_s: float,
        trades: bool,
        lost: Callable[[], None],
    ) -> None:
        self._line = line
        self._verb = verb
        self._number = number
        self._until = until
        self._timeout_s = timeout_s
        self._trades = trades
        self._lost = lost
        self._answer: Answer | None = None
        self._error: QuorumError | None = None

    def fileno(self) -> int:
        """Of its line, for `select`, while it has not ended."""
        return self._line.fileno()

    @property
    def ended(self) -> bool:
        """Whether it was answered, or given up."""
        return self._answer is not None or self._error is not None

    def look(self) -> bool:
        """Take what is there, without waiting; whether it has ended."""
        if not self.ended:
            try:
                self._hear()
                if not self.ended and time.monotonic() >= self._until:
                    raise StreamLost(f"no answer within {self._timeout_s:g} s")
            except StreamLost as error:
                self.give_up(str(error))
        return self.ended

    def wait(self) -> None:
        """Return once it has ended; its time is over at some point."""
        while not self.look():
            answered(self._line, self._until, AWAKE_S)

    def payload(self) -> Any:
        """The answer. Waits for it, and raises what the exchange refused; OutcomeUnknown, or
        TransientError of what changes nothing, where none came.
        """
        self.wait()
        if self._answer is None:
            assert self._error is not None, "what has ended was answered or given up"
            raise self._error
        return taken(self._answer.payload)

    def give_up(self, why: str) -> None:
        """No answer is waited for any more."""
        if self.ended:
            return
        self._error = (
            OutcomeUnknown(
                f"{self._verb} was sent and not answered: {why}. Whether it was done must be "
                "looked up"
            )
            if self._trades
            else TransientError(f"{self._verb} was not answered: {why}")
        )
        self._lost()

    def _hear(self) -> None:
        for message in self._line.take():
            if isinstance(message, Answer) and message.number == self._number:
                self._answer = message


class OrdersAsked:
    """Orders on their way to a paper exchange: `OrdersUnderWay`."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def fileno(self) -> int:
        """As of the port."""
        return self._asked.fileno()

    @property
    def ready(self) -> bool:
        """As of the port."""
        return self._asked.look()

    def answers(self) -> tuple[BrokerOrder, ...]:
        """As of the port."""
        return broker_orders_of(self._asked.payload())
