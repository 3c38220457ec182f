"""Orders on their way while a desk's real loop hears its broker."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from benchmarks.broking.desk import Dealing
from benchmarks.broking.heard import Heard
from benchmarks.dispatching.desk import unheard
from coordinator.live.brokers.oanda import HEARD_WITHIN_S
from infra.live.loop import GatewayLoop
from infra.transport import Switchboard
from market.modes import Mode
from market.ports import BrokerStream

SETTLE_WITHIN_S = 90.0
RESUME_EVERY_S = 1.0


class Flow:
    """Decides between two turns of the loop, in its thread: one order, in the next instrument of
    which every order is known.

    orders: so many, or until `done`. every_s: at most one in so long. between: called every turn,
    told how many orders were sent.
    calm: called once the last order is sent; then everything must come to an end in
    SETTLE_WITHIN_S. A desk that halts itself is resumed as by a person, once its books are proved
    to be the broker's; resumed: so often.
    """

    def __init__(
        self,
        dealing: Dealing,
        *,
        orders: int,
        every_s: float = 0.0,
        between: Callable[[int], None],
        done: Callable[[], bool] = lambda: False,
        calm: Callable[[], None] = lambda: None,
    ) -> None:
        self.sent = self.resumed = 0
        self.heard: list[Heard] = []
        self._dealing = dealing
        self._orders = orders
        self._every_s = every_s
        self._done = done
        self._between = between
        self._calm = calm
        self._next = 0
        self._due = self._look_at = 0.0
        self._ends: float | None = None

    def run(self, reconcile_every_s: float) -> None:
        """Until every order has come to an end. Raises TimeoutError where one does not."""
        loop = GatewayLoop(
            self._dealing.desk.gateway,
            Switchboard(secrets.token_bytes(32)),
            self._subscribe,
            reconcile_every_s=reconcile_every_s,
            heard_within_s=HEARD_WITHIN_S,
            tell=unheard,
        )
        try:
            loop.run(self._turn)
        finally:
            self._dealing.desk.gateway.books.close()

    def _subscribe(self, after: int) -> BrokerStream:
        heard = Heard(self._dealing.broker.subscribe(after))
        self.heard.append(heard)
        return heard

    def _turn(self) -> bool:
        """One turn of the loop is over; whether everything is."""
        now = time.monotonic()
        self._between(self.sent)
        if self._ends is None:
            if self.sent < self._orders and not self._done():
                if now >= self._due:
                    self._due = now + self._every_s
                    self._decide(now)
                return False
            self._calm()
            self._ends = now + SETTLE_WITHIN_S
        state = self._dealing.desk.gateway.books.state
        if now > self._ends:
            raise TimeoutError(f"orders are open still: {sorted(state.orders)}")
        if state.orders:
            return False
        # Nothing waits; what the broker has said beyond that must be booked as well.
        return not self._dealing.desk.gateway.compare()

    def _decide(self, now: float) -> None:
        desk = self._dealing.desk
        state = desk.gateway.books.state
        if state.mode is not Mode.TRADING:
            if now >= self._look_at:
                self._look_at = now + RESUME_EVERY_S
                if not desk.gateway.compare():
                    desk.gateway.change_mode(Mode.TRADING, "benchmark", "the books were proved")
                    self.resumed += 1
            return
        busy = {entry.order.symbol for entry in state.orders.values()}
        symbols = desk.plan.desk.symbols
        for place in range(len(symbols)):
            column = (self._next + place) % len(symbols)
            if symbols[column] not in busy:
                self._next = column + 1
                self.sent += desk.dispatch(desk.review([column]))
                return
