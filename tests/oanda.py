"""OANDA by hand: a connection to a scripted server, and messages written as v20 writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infra.brokers.oanda.broker import OandaBroker
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenSource, TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.pacing import Pace, Paces
from infra.brokers.v20.times import SECOND_NS, rfc3339
from market.accounts import BrokerOrder, OrderState
from market.instruments import Registry
from tests import v20_messages
from tests.exchanges import START
from tests.scripted_http import Asked, Reply, ScriptedServer

ACCOUNT = "001-001-1234567-001"
PREFIX = f"/v3/accounts/{ACCOUNT}"
TOKEN = "planted-65da1f0c-token"
SYMBOLS = ("EUR_USD", "USD_JPY")

Message = dict[str, Any]


class Slept:
    """A clock that moves when it is slept on."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.pauses: list[float] = []

    def elapsed(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def connected(
    server: ScriptedServer | str,
    *,
    tokens: TokenSource | None = None,
    slept: Slept | None = None,
    timeout: tuple[float, float] = (5.0, 5.0),
    **settings: Any,
) -> OandaConnection:
    """A connection whose pauses take no time."""
    slept = slept or Slept()
    url = server if isinstance(server, str) else server.url
    return OandaConnection(
        environment=environment("local", url),
        account=ACCOUNT,
        tokens=tokens or TokenText(TOKEN),
        timeout=timeout,
        paces=Paces(Pace(10_000), Pace(10_000)),
        elapsed=slept.elapsed,
        sleep=slept.sleep,
        **settings,
    )


class Recorded(ScriptedServer):
    """Answers questions about the account's past, where nothing else was said for them."""

    def __init__(self) -> None:
        super().__init__(PREFIX)
        self.past = [transaction(1, "CREATE"), transaction(2, "CLIENT_CONFIGURE")]

    def reply_to(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix(PREFIX)
        if not self.is_scripted(f"{asked.method} {path}"):
            told = self._told(path, asked)
            if told is not None:
                self.asked.append(asked)
                return Reply(body=told | {"lastTransactionID": self.past[-1]["id"]})
        return super().reply_to(asked)

    def _told(self, path: str, asked: Asked) -> Message | None:
        if path == "/summary":
            return {"account": {"id": ACCOUNT}}
        by_id = {int(raw["id"]): raw for raw in self.past}
        if path == "/transactions/idrange":
            ids = range(int(asked.query["from"]), int(asked.query["to"]) + 1)
            return {"transactions": [by_id[one] for one in ids if one in by_id]}
        if path == "/transactions/sinceid":
            after = int(asked.query["id"])
            return {"transactions": [raw for number, raw in by_id.items() if number > after]}
        number = path.removeprefix("/transactions/")
        if number.isdecimal() and int(number) in by_id:
            return {"transaction": by_id[int(number)]}
        return None


class Bench:
    """A broker before a scripted server, whose record of the past is empty unless it is told."""

    def __init__(self, server: Recorded) -> None:
        self.server = server
        self.slept = Slept()
        self.connection = connected(server, slept=self.slept)
        registry = Registry()
        self.broker = OandaBroker(
            self.connection,
            instruments=[registry[symbol] for symbol in SYMBOLS],
            account_currency="USD",
            interval_s=60,
            elapsed=self.slept.elapsed,
            sleep=self.slept.sleep,
        )

    def record(self, *transactions: Message) -> None:
        """What happened since; numbers between them are told as notes."""
        for raw in transactions:
            first = int(self.server.past[-1]["id"]) + 1
            self.server.past += [
                transaction(number, "CLIENT_CONFIGURE") for number in range(first, int(raw["id"]))
            ]
            self.server.past.append(raw)


@contextmanager
def bench() -> Iterator[Bench]:
    server = Recorded()
    made = Bench(server)
    try:
        yield made
    finally:
        made.connection.close()
        server.stop()


def transaction(number: int, kind: str, **fields: Any) -> Message:
    """A transaction; its time grows with its number."""
    return {
        "id": str(number),
        "time": rfc3339(START + number * SECOND_NS),
        "userID": 1234567,
        "accountID": ACCOUNT,
        "batchID": str(number),
        "requestID": str(100_000 + number),
        "type": kind,
        **fields,
    }


def created(number: int, name: str, units: str, symbol: str = "EUR_USD", **fields: Any) -> Message:
    """A market order's making."""
    told: Message = {"instrument": symbol, "units": units, "timeInForce": "FOK"}
    told |= {"positionFill": "DEFAULT", "reason": "CLIENT_ORDER"}
    if name:
        told |= {"clientExtensions": {"id": name}, "tradeClientExtensions": {"id": name}}
    return transaction(number, fields.pop("type", "MARKET_ORDER"), **(told | fields))


def opened(trade: int, units: str, price: str, name: str = "") -> Message:
    part: Message = {"tradeID": str(trade), "units": units, "price": price}
    return part | ({"clientExtensions": {"id": name}} if name else {})


def closed(trade: int, units: str, price: str, pl: str = "0.0000") -> Message:
    return {
        "tradeID": str(trade), "units": units, "price": price, "realizedPL": pl,
        "financing": "0.0000",
    }  # fmt: skip


def filled(
    number: int, order: int, units: str, *, name: str = "", symbol: str = "EUR_USD", **fields: Any
) -> Message:
    """An order's fill; pl, balance and parts as they are given."""
    told: Message = {
        "orderID": str(order),
        "instrument": symbol,
        "units": units,
        "gainQuoteHomeConversionFactor": "1",
        "lossQuoteHomeConversionFactor": "1",
        "fullPrice": {
            "bids": [{"price": "1.09990", "liquidity": 10_000_000}],
            "asks": [{"price": "1.10010", "liquidity": 10_000_000}],
            "closeoutBid": "1.09980",
            "closeoutAsk": "1.10020",
        },
        "reason": "MARKET_ORDER",
        "pl": "0.0000",
        "financing": "0.0000",
        "commission": "0.0000",
        "guaranteedExecutionFee": "0.0000",
        "accountBalance": "100000.0000",
        "halfSpreadCost": "0.1000",
    }
    if name:
        told["clientOrderID"] = name
    return transaction(number, "ORDER_FILL", **(told | fields))


def cancelled(number: int, order: int, reason: str, name: str = "", **fields: Any) -> Message:
    told: Message = {"orderID": str(order), "reason": reason}
    if name:
        told["clientOrderID"] = name
    return transaction(number, "ORDER_CANCEL", **(told | fields))


def refused(
    number: int, name: str, reason: str, units: str = "1", symbol: str = "EUR_USD",
    kind: str = "MARKET_ORDER_REJECT",
) -> Message:  # fmt: skip
    told = created(number, name, units, symbol, type=kind)
    return told | {"rejectReason": reason}


def answer(**named: Message) -> Message:
    """The answer to a request, with its transactions under their names."""
    numbers = [int(raw["id"]) for raw in named.values()]
    return {
        **named,
        "relatedTransactionIDs": [str(number) for number in numbers],
        "lastTransactionID": str(max(numbers)),
    }


def assert_valid(message: Message, definition: str) -> None:
    """By OANDA's own description, where it is at hand."""
    if v20_messages.is_here():
        # It describes the client's id of a cancelled order as one of OANDA's, which it is not.
        found = v20_messages.faults_of(message, definition)
        assert [one for one in found if not one.startswith("clientOrderID: ")] == []


GONE = Reply(status=404, body={"errorCode": "NO_SUCH_ORDER", "errorMessage": "no such order"})


def made(name: str, units: float, state: OrderState, number: int, **fields: Any) -> BrokerOrder:
    return BrokerOrder(
        client_order_id=name, symbol="EUR_USD", units=units, state=state, transaction=number,
        **fields,
    )  # fmt: skip


def taken(number: int, name: str, units: str = "100") -> Message:
    """The answer of an order that filled at once."""
    part = opened(number + 1, units, "1.10010", name)
    return answer(
        orderCreateTransaction=created(number, name, units),
        orderFillTransaction=filled(number + 1, number, units, name=name, tradeOpened=part),
    )


def listed(number: int, name: str, state: str, units: str = "100", **fields: Any) -> Reply:
    """OANDA's answer about one order."""
    told: Message = {
        "id": str(number), "type": "LIMIT", "instrument": "EUR_USD", "units": units,
        "state": state, "clientExtensions": {"id": name}, **fields,
    }  # fmt: skip
    return Reply(body={"order": told, "lastTransactionID": "99"})
