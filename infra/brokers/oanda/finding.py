"""`Finder`: what became of an order, by its client id."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from oandapyV20.endpoints import orders

from infra.brokers.oanda.answers import order_after, order_as_told
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.origins import ENTRIES, Origins, Raw, client_id
from infra.brokers.oanda.paths import by_client_id, quoted
from infra.brokers.oanda.reading import reading
from infra.brokers.oanda.records import Records
from infra.brokers.oanda.translation import TAKEN
from market.accounts import BrokerOrder

LAG_S = 1.0
"""OANDA may deny for half a second an order that it has just taken."""
_KEPT = 10_000
_STRANGER = "oanda-"


class Finder:
    """Asks OANDA's list of orders, then its record of transactions, a day or 5,000 back.

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
        self._read_past = False

    def find(self, name: str) -> BrokerOrder | None:
        """The order; None where OANDA never had it. Raises as a question does."""
        refused = self._refused.get(name)
        if refused is not None:
            return refused
        with reading(f"order {name}"):
            found = self._look(name)
        if found is not None:
            return found
        sent = self._sent.get(name)
        left = 0.0 if sent is None else sent + LAG_S - self._elapsed()
        if left <= 0.0:
            return None
        self._sleep(left)
        with reading(f"order {name}"):
            return self._look(name)

    def is_used(self, name: str) -> bool:
        """Whether an order of this id was ever sent, here or by a process before this one."""
        if not self._read_past:
            with reading("the record"):
                for raw in self._records.newest_first():
                    self._origins.note(raw)
            self._read_past = True
        return name in self._refused or self._origins.has_name(name)

    def note_sent(self, name: str) -> None:
        """This order is about to leave."""
        self._origins.note_name(name)
        _keep(self._sent, name, self._elapsed())

    def note_unsent(self, name: str) -> None:
        """It did not."""
        self._sent.pop(name, None)

    def note_refused(self, order: BrokerOrder) -> None:
        """It was refused, and OANDA's record will not tell of it."""
        _keep(self._refused, order.client_order_id, order)

    def _look(self, name: str) -> BrokerOrder | None:
        return self._listed(name) or self._recorded(name)

    def _listed(self, name: str) -> BrokerOrder | None:
        endpoint = orders.OrderDetails(quoted(self._connection.account), specifier(name))
        refused: Refused | None = None
        try:
            raw = self._connection.ask(endpoint)["order"]
        except Refused as error:
            refused = error
        if refused is None:
            return order_as_told(raw, self._records.transaction, self._origins)
        if refused.status == 404:
            return None
        raise refused

    def _recorded(self, name: str) -> BrokerOrder | None:
        """From the newest transactions back to the one that made or refused it."""
        told: list[Raw] = []
        number = order_number(name)
        for raw in self._records.newest_first():
            self._origins.note(raw)
            kind = str(raw["type"])
            if kind in ENTRIES and (client_id(raw) == name or raw["id"] == number):
                told = [one for one in told if one.get("orderID") in (None, raw["id"])]
                return order_after([*told, raw], self._origins)
            if kind.endswith("_ORDER_REJECT"):
                if client_id(raw) == name and raw.get("rejectReason") not in TAKEN:
                    return order_after([raw], self._origins)
            elif "orderID" in raw:
                told.append(raw)
        return None


def specifier(name: str) -> str:
    """How an order is named in paths: by its client id, or by OANDA's where it has none."""
    return order_number(name) or by_client_id(name)


def order_number(name: str) -> str:
    """OANDA's id of an order that has no client id; empty for others."""
    number = name.removeprefix(_STRANGER)
    return number if name.startswith(_STRANGER) and number.isdecimal() else ""


def _keep(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > _KEPT:
        kept.popitem(last=False)
