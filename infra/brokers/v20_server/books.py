"""`Books`: orders, trades and money, folded from the v20 transactions one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from infra.brokers.v20.times import nanoseconds_of
from infra.brokers.v20_server.log import Changes, V20Log
from infra.brokers.v20_server.trades import DEPENDENTS, ZERO, Trade
from infra.brokers.v20_server.wire import Json

NOT_OF_AN_ORDER = frozenset(
    ("id", "time", "userID", "accountID", "batchID", "requestID", "type", "reason",
     "orderFillTransactionID", "cancellingTransactionID")
)  # fmt: skip
"""What a transaction that creates an order says beyond the order."""
CREATED = {
    f"{kind}_ORDER": kind for kind in ("MARKET", "LIMIT", "STOP", "MARKET_IF_TOUCHED", *DEPENDENTS)
}
"""Types of transactions that create an order, and the order's type."""


@dataclass(slots=True, kw_only=True)
class Side:
    """What the long or the short side of an instrument has come to since the start."""

    pl: Decimal = ZERO
    financing: Decimal = ZERO


@dataclass(slots=True, kw_only=True)
class Totals:
    """source: the exchange's last transaction that is told of here. cash: the exchange's balance
    after it, to the last bit. clock: of the newest transaction. sides: by instrument, long, short.
    """

    last_id: int = 0
    source: int = 0
    cash: float = 0.0
    balance: Decimal = ZERO
    pl: Decimal = ZERO
    financing: Decimal = ZERO
    alias: str = ""
    created: str = ""
    last_fill: str = ""
    margin_call: str = ""
    sides: dict[str, tuple[Side, Side]] = field(default_factory=dict)


class Books:
    """waiting: orders that wait, by id. trades: those that are open, by id, oldest first.

    What changed is in `changes` until it is taken to the log.
    """

    def __init__(self, log: V20Log) -> None:
        """As the log's last commit left them."""
        self._log = log
        state = log.state()
        self.totals = Totals() if state is None else msgspec.convert(state, Totals, strict=False)
        self.waiting = {one["id"]: one for one in log.waiting()}
        self.trades = {one.id: one for one in log.open_trades()}
        self.changes = Changes()

    def take_changes(self) -> tuple[Changes, Json]:
        """What happened since the last time, and the totals."""
        changes, self.changes = self.changes, Changes()
        return changes, msgspec.to_builtins(self.totals)

    def next_id(self) -> str:
        """Of the transaction that comes next."""
        return str(self.totals.last_id + 1)

    def trades_of(self, symbol: str) -> Iterator[Trade]:
        """The open trades of an instrument, oldest first."""
        return (one for one in self.trades.values() if one.instrument == symbol)

    def newest_trade(self, symbol: str) -> Trade:
        """Of the open ones of an instrument that is held."""
        *_, newest = self.trades_of(symbol)
        return newest

    def units(self, symbol: str) -> Decimal:
        """The net position."""
        return sum((one.units for one in self.trades_of(symbol)), ZERO)

    def dependents(self, symbol: str) -> dict[str, Json]:
        """What waits to close the position, by type: the order of the newest trade that has one."""
        return {order["type"]: order for order in self.every_dependent(symbol)}

    def every_dependent(self, symbol: str) -> list[Json]:
        """The orders that wait to close any of the trades, those of the oldest trade first."""
        trades = self.trades_of(symbol)
        return [self.waiting[id_] for trade in trades for id_ in trade.orders.values()]

    def dependent(self, trade: Trade, kind: str) -> Json | None:
        """The order of a type that waits to close a trade."""
        return self.waiting[trade.orders[kind]] if kind in trade.orders else None

    def order(self, id_: str) -> Json | None:
        """An order by its id, as it stands."""
        found = self.waiting.get(id_) or self.changes.orders.get(id_)
        if found is not None or not id_.isdecimal() or len(id_) > 18:
            return found
        return self._log.order(int(id_))

    def order_of_client(self, client_id: str) -> Json | None:
        """The newest order of a client's name."""
        for known in (self.waiting, self.changes.orders):
            for one in reversed(known.values()):
                if one.get("clientExtensions", {}).get("id") == client_id:
                    return one
        found = self._log.order_of_client(client_id)
        # It may have another name since.
        return found if found is None or found["id"] not in self.waiting else None

    def order_of_name(self, name: str) -> Json | None:
        """The order that the exchange knows under this name."""
        for id_, known in reversed(self.changes.names.items()):
            if known == name:
                return self.order(id_)
        found = self._log.order_of_name(name)
        return None if found is None else self.order(found["id"])

    def trade(self, id_: str) -> Trade | None:
        """A trade by its id."""
        found = self.trades.get(id_) or self.changes.trades.get(id_)
        if found is not None or not id_.isdecimal() or len(id_) > 18:
            return found
        return self._log.trade(int(id_))

    def trade_of_client(self, client_id: str) -> Trade | None:
        """The newest trade of a client's name."""
        for one in reversed(self.trades.values()):
            if one.client_id == client_id:
                return one
        found = self._log.trade_of_client(client_id)
        return found if found is None or found.id not in self.trades else None

    def apply(self, transaction: Json, *, name: str = "") -> None:
        """Take a transaction down, and do what it says. name: the exchange's, of a new order."""
        id_, kind, time = transaction["id"], transaction["type"], transaction["time"]
        totals = self.totals
        totals.last_id = int(id_)
        self.changes.transactions.append((nanoseconds_of(time), transaction))
        if kind in CREATED:
            self._create(transaction, CREATED[kind])
            if name:
                self.changes.names[id_] = name
        elif kind == "ORDER_FILL":
            self._fill(transaction)
        elif kind == "ORDER_CANCEL":
            self._cancel(transaction)
        elif kind == "DAILY_FINANCING":
            self._finance(transaction)
        elif kind == "TRANSFER_FUNDS":
            totals.balance += Decimal(transaction["amount"])
        elif kind == "CREATE":
            totals.created = time
        elif kind == "CLIENT_CONFIGURE":
            totals.alias = transaction.get("alias", totals.alias)
        elif kind == "MARGIN_CALL_ENTER":
            totals.margin_call = time
        elif kind == "MARGIN_CALL_EXIT":
            totals.margin_call = ""
        elif kind == "ORDER_CLIENT_EXTENSIONS_MODIFY":
            self._rename_order(transaction)
        elif kind == "TRADE_CLIENT_EXTENSIONS_MODIFY":
            trade = self.trades[transaction["tradeID"]]
            trade.extensions = trade.extensions | transaction["tradeClientExtensionsModify"]
            self.changes.trades[trade.id] = trade

    def _create(self, transaction: Json, kind: str) -> None:
        order = {
            "id": transaction["id"],
            "createTime": transaction["time"],
            "state": "PENDING",
            "type": kind,
            **{name: part for name, part in transaction.items() if name not in NOT_OF_AN_ORDER},
        }
        self.waiting[order["id"]] = self.changes.orders[order["id"]] = order
        if kind in DEPENDENTS:
            trade = self.trades[order["tradeID"]]
            trade.orders[kind] = order["id"]
            self.changes.trades[trade.id] = trade

    def _fill(self, transaction: Json) -> None:
        id_, time, price = transaction["id"], transaction["time"], transaction["price"]
        totals, symbol = self.totals, transaction["instrument"]
        totals.balance = Decimal(transaction["accountBalance"])
        totals.pl += Decimal(transaction["pl"])
        totals.last_fill = time
        end: Json = {"fillingTransactionID": id_, "filledTime": time}
        parts = list(transaction.get("tradesClosed", ()))
        if "tradeReduced" in transaction:
            parts.append(transaction["tradeReduced"])
        for part in parts:
            trade = self.trades[part["tradeID"]]
            long, short = totals.sides.setdefault(symbol, (Side(), Side()))
            profit = Decimal(part["realizedPL"])
            (long if trade.units > 0 else short).pl += profit
            trade.realized += profit
            trade.reduce(Decimal(part["units"]), price, id_, time)
            self.changes.trades[trade.id] = trade
            if trade.is_open:
                end["tradeReducedID"] = trade.id
            else:
                del self.trades[trade.id]
                end.setdefault("tradeClosedIDs", []).append(trade.id)
        opened = transaction.get("tradeOpened")
        if opened is not None:
            self.trades[id_] = self.changes.trades[id_] = Trade(
                id=id_,
                instrument=symbol,
                price=price,
                open_time=time,
                initial_units=Decimal(opened["units"]),
                units=Decimal(opened["units"]),
                initial_margin=opened["initialMarginRequired"],
                extensions=opened.get("clientExtensions", {}),
            )
            end["tradeOpenedID"] = id_
        self._end(transaction["orderID"], "FILLED", end)

    def _cancel(self, transaction: Json) -> None:
        end = {"cancellingTransactionID": transaction["id"], "cancelledTime": transaction["time"]}
        if "replacedByOrderID" in transaction:
            end["replacedByOrderID"] = transaction["replacedByOrderID"]
        self._end(transaction["orderID"], "CANCELLED", end)

    def _end(self, id_: str, state: str, end: Json) -> None:
        """An order waits no more; one that was filled in part, and whose rest ends, says both."""
        order = self.waiting.pop(id_, None)
        if order is None:
            filled = self.order(id_)
            if filled is not None:
                self.changes.orders[id_] = {**filled, **end}
            return
        ended = {**order, **end, "state": state}
        self.changes.orders[id_] = ended
        trade = self.trades.get(order.get("tradeID", ""))
        if trade is None and "tradeID" in order:
            trade = self.trade(order["tradeID"])
        if trade is not None and trade.orders.get(order["type"]) == id_:
            del trade.orders[order["type"]]
            self.changes.trades[trade.id] = trade

    def _finance(self, transaction: Json) -> None:
        totals = self.totals
        totals.balance = Decimal(transaction["accountBalance"])
        totals.financing += Decimal(transaction["financing"])
        for position in transaction["positionFinancings"]:
            long, short = totals.sides.setdefault(position["instrument"], (Side(), Side()))
            for part in position["openTradeFinancings"]:
                trade = self.trades[part["tradeID"]]
                amount = Decimal(part["financing"])
                (long if trade.units > 0 else short).financing += amount
                trade.financing += amount
                self.changes.trades[trade.id] = trade

    def _rename_order(self, transaction: Json) -> None:
        order = self.waiting[transaction["orderID"]]
        changed = dict(order)
        for part, modified in (
            ("clientExtensions", "clientExtensionsModify"),
            ("tradeClientExtensions", "tradeClientExtensionsModify"),
        ):
            if modified in transaction:
                changed[part] = order.get(part, {}) | transaction[modified]
        self.waiting[order["id"]] = self.changes.orders[order["id"]] = changed
