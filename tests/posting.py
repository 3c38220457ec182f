"""Brokers that are not waited for: what they were sent is answered when a test says so."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.live.posting import placed
from market.accounts import BrokerOrder
from market.orders import OrderRequest
from market.orders_answered import OrdersAnswered
from market.ports import OrdersUnderWay
from tests.dispatching import AnsweringBroker, Bench, bench
from tests.live_broker import FakeBroker


class Later:
    """Orders that the broker has, and whose answer is still to come.

    waited: whether anybody waited for it.
    """

    def __init__(self, answered: OrdersAnswered) -> None:
        self._answered = answered
        self._heard, self._bell = socket.socketpair()
        self.ready = self.waited = False

    def fileno(self) -> int:
        return self._heard.fileno()

    def answers(self) -> tuple[BrokerOrder, ...]:
        self.waited = self.waited or not self.ready
        self._heard.close()
        self._bell.close()
        return self._answered.answers()

    def come(self) -> None:
        """The answer is here."""
        self.ready = True
        self._bell.send(b".")


@dataclass(slots=True)
class PostingBroker(AnsweringBroker):
    """lots: what was posted, in order."""

    lots: list[Later] = field(default_factory=list)

    def post_all(self, orders: Sequence[OrderRequest]) -> OrdersUnderWay:
        self.lots.append(Later(placed(self, orders)))
        return self.lots[-1]


class PostingFake(FakeBroker):
    """The same of a broker with a market. lots: what was posted, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.lots: list[Later] = []

    def post_all(self, orders: Sequence[OrderRequest]) -> OrdersUnderWay:
        self.lots.append(Later(placed(self, orders)))
        return self.lots[-1]


def posting_bench(folder: Path) -> tuple[Bench, PostingBroker]:
    """A dispatcher whose broker is not waited for."""
    broker = PostingBroker(folder / "journal.sqlite")
    return bench(folder, broker), broker
