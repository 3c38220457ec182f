"""`Finder`: what became of an order, by its client id."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from oandapyV20.endpoints import orders

from infra.brokers.oanda.answers import after_fill, order_after, order_as_told
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.origins import STRANGER, Origins
from infra.brokers.oanda.paths import by_client_id, quoted
from infra.brokers.oanda.reading import reading
from infra.brokers.oanda.records import Records
from market.accounts import BrokerOrder, OrderState

LAG_S = 1.0
"""OANDA may deny for half a second an order that it has just taken."""
_KEPT = 10_000


class Finder:
    """Reads OANDA's record of transactions, 5,000 back and then what is new in it, and asks its
    list of orders for what is older: the list does not tell how much of an order was filled.

    An order that was refused before OANDA recorded anything is remembered here alone.
    """

    def __init__(
        self,
        connection: OandaConnection,
        records: Records,
        origins: Origins,
        *,
        elapsed: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._records = records
        self._origins = origins
        self._elapsed = elapsed
        self._sleep = sleep
        self._refused: OrderedDict[str, BrokerOrder] = OrderedDict()
        self._sent: OrderedDict[str, float] = OrderedDict()

    def find(self, name: str) -> BrokerOrder | None:
        """The order; None where OANDA never had it. Raises as a question does."""
        refused = self._refused.get(name)
        if refused is not None:
            return refused
        found = self._look(name)
        if found is not None:
            return found
        sent = self._sent.get(name)
        left = 0.0 if sent is None else sent + LAG_S - self._elapsed()
        if left <= 0.0:
            return None
        self._sleep(left)
        return self._look(name)

    def is_used(self, name: str) -> bool:
        """Whether an order of this id was ever sent, here or by a process before this one."""
        self._begin()
        return name in self._refused or self._origins.has_name(name)

    def catch_up(self) -> None:
        """Read what is new in the record."""
        self._begin()
        with reading("the record"):
            for raw in self._records.since(self._origins.read):
                self._origins.note(raw)

    def recorded(self, name: str) -> BrokerOrder | None:
        """The order as far as the record was read."""
        return order_after(self._origins.life(name), self._origins)

    def note_sent(self, name: str) -> None:
        """This order is about to leave."""
        self._origins.note_name(name)
        _keep(self._sent, name, self._elapsed())

    def note_unsent(self, name: str) -> None:
        """It did not."""
        self._sent.pop(name, None)
        self._origins.forget_name(name)

    def note_refused(self, order: BrokerOrder) -> None:
        """It was refused, and OANDA's record will not tell of it."""
        _keep(self._refused, order.client_order_id, order)

    def _look(self, name: str) -> BrokerOrder | None:
        self.catch_up()
        with reading(f"order {name}"):
            return self.recorded(name) or self._listed(name)

    def _begin(self) -> None:
        if self._origins.read:
            return
        with reading("the record"):
            # Oldest first: what ends an order is told by the id of the order.
            told = [*self._records.newest_first()]
            for raw in reversed(told):
                self._origins.note(raw)
            self._origins.begin(int(told[0]["id"]) if told else 0)

    def _listed(self, name: str) -> BrokerOrder | None:
        endpoint = orders.OrderDetails(quoted(self._connection.account), specifier(name))
        refused: Refused | None = None
        try:
            raw = self._connection.ask(endpoint)["order"]
        except Refused as error:
            refused = error
        if refused is not None:
            if refused.status == 404:
                return None
            raise refused
        found = order_as_told(raw, self._records.transaction, self._origins)
        if found.state is not OrderState.ACCEPTED:
            return found
        for one in self._records.since(found.transaction):
            if one["type"] == "ORDER_FILL" and int(one["orderID"]) == found.transaction:
                found = after_fill(one, found)
        return found


def specifier(name: str) -> str:
    """How an order is named in paths: by its client id, or by OANDA's where it has none."""
    return order_number(name) or by_client_id(name)


def order_number(name: str) -> str:
    """OANDA's id of an order that has no client id; empty for others."""
    number = name.removeprefix(STRANGER)
    return number if name.startswith(STRANGER) and number.isdecimal() else ""


def _keep(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > _KEPT:
        kept.popitem(last=False)
