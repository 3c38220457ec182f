"""`Record`: the transactions as they are asked for, and what changed since one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from infra.brokers.v20.times import nanoseconds_of, rfc3339
from infra.brokers.v20_server.books import CREATED
from infra.brokers.v20_server.core import Core
from infra.brokers.v20_server.statements import Statements
from infra.brokers.v20_server.valuation import position_json
from infra.brokers.v20_server.wire import Answer, Json, Malformed, NotFound
from market.errors import DataError

MOST, DEFAULT_PAGE = 1_000, 100
FUNDING = frozenset(
    ("TRANSFER_FUNDS", "TRANSFER_FUNDS_REJECT", "DAILY_FINANCING", "RESET_RESETTABLE_PL")
)
ADMIN = frozenset(
    ("CREATE", "CLOSE", "REOPEN", "CLIENT_CONFIGURE", "CLIENT_CONFIGURE_REJECT",
     "MARGIN_CALL_ENTER", "MARGIN_CALL_EXTEND", "MARGIN_CALL_EXIT")
)  # fmt: skip
OUT_OF_RANGE = (416, {"errorMessage": "The Transaction range specified is not satisfiable"})


class Record:
    def __init__(self, core: Core, statements: Statements) -> None:
        self._core = core
        self._statements = statements

    def one(self, id_: str) -> Answer:
        """Raises NotFound."""
        core = self._core
        found = core.log.transaction(int(id_)) if id_.isdecimal() and len(id_) <= 18 else None
        if found is None:
            raise NotFound("NO_SUCH_TRANSACTION", "The transaction ID specified does not exist")
        return 200, {"transaction": found, **core.last()}

    def since(self, query: Mapping[str, str]) -> Answer:
        """Those after an id. Raises Malformed."""
        after = _id(query, "id")
        if after > self._core.books.totals.last_id:
            return OUT_OF_RANGE
        return self._told(self._core.log.transactions(after, MOST), query)

    def between(self, query: Mapping[str, str]) -> Answer:
        """Those of a range of ids, both ends included. Raises Malformed."""
        start, end = _id(query, "from"), _id(query, "to")
        if not 0 < start <= end <= self._core.books.totals.last_id:
            return OUT_OF_RANGE
        most = min(end - start + 1, MOST)
        return self._told(self._core.log.transactions(start - 1, most), query)

    def pages(self, query: Mapping[str, str], path: str) -> Answer:
        """Where the transactions of a span of time are found. path: of the range by id, whole.

        Raises Malformed.
        """
        core = self._core
        start = _time(query, "from", core.books.totals.created)
        end = _time(query, "to", rfc3339(core.exchange.clock))
        size = _size(query)
        kinds = _kinds(query)
        ids = core.log.ids_between(start, end)
        filter_ = f"&type={query['type']}" if "type" in query else ""
        pages = [
            f"{path}?from={ids[at]}&to={ids[min(at + size, len(ids)) - 1]}{filter_}"
            for at in range(0, len(ids), size)
        ]
        body: Json = {
            "from": rfc3339(start),
            "to": rfc3339(end),
            "pageSize": size,
            "count": len(ids),
            "pages": pages,
            **core.last(),
        }
        if kinds is not None:
            body["type"] = query["type"].split(",")
        return 200, body

    def changes(self, since: str) -> Answer:
        """`AccountChanges` after a transaction. Raises Malformed."""
        core = self._core
        after = _id({"sinceTransactionID": since}, "sinceTransactionID")
        if after > core.books.totals.last_id:
            return OUT_OF_RANGE
        happened = core.log.transactions(after, -1)
        fills = [one for one in happened if one["type"] == "ORDER_FILL"]
        symbols = dict.fromkeys(one["instrument"] for one in fills)
        body = {
            "ordersCreated": self._orders(one["id"] for one in happened if one["type"] in CREATED),
            "ordersCancelled": self._orders(
                one["orderID"] for one in happened if one["type"] == "ORDER_CANCEL"
            ),
            "ordersFilled": self._orders(one["orderID"] for one in fills),
            "ordersTriggered": [],
            "tradesOpened": self._trades(one["id"] for one in fills if "tradeOpened" in one),
            "tradesReduced": self._trades(
                one["tradeReduced"]["tradeID"] for one in fills if "tradeReduced" in one
            ),
            "tradesClosed": self._trades(
                part["tradeID"] for one in fills for part in one.get("tradesClosed", ())
            ),
            "positions": [position_json(core, core.listed[symbol]) for symbol in symbols],
            "transactions": happened,
        }
        return 200, {"changes": body, "state": self._statements.changed_state(), **core.last()}

    def _orders(self, ids: Iterable[str]) -> list[Json]:
        found = (self._core.books.order(id_) for id_ in dict.fromkeys(ids))
        return [self._statements.shown(one) for one in found if one is not None]

    def _trades(self, ids: Iterable[str]) -> list[Json]:
        found = (self._core.books.trade(id_) for id_ in dict.fromkeys(ids))
        return [self._statements.trade_summary(one) for one in found if one is not None]

    def _told(self, transactions: Sequence[Json], query: Mapping[str, str]) -> Answer:
        kinds = _kinds(query)
        found = [one for one in transactions if kinds is None or _is_of(one["type"], kinds)]
        return 200, {"transactions": found, **self._core.last()}


def _is_of(kind: str, wanted: frozenset[str]) -> bool:
    if kind in wanted:
        return True
    group = "FUNDING" if kind in FUNDING else "ADMIN" if kind in ADMIN else "ORDER"
    return group in wanted


def _kinds(query: Mapping[str, str]) -> frozenset[str] | None:
    text = query.get("type")
    return None if text is None else frozenset(text.split(","))


def _id(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if not text.isdecimal() or len(text) > 18:
        raise Malformed(f"Invalid value specified for '{name}': expected the id of a transaction")
    return int(text)


def _size(query: Mapping[str, str]) -> int:
    text = query.get("pageSize", str(DEFAULT_PAGE))
    if not text.isdecimal() or not 0 < int(text) <= MOST:
        raise Malformed(f"Invalid value specified for 'pageSize': between 1 and {MOST}")
    return int(text)


def _time(query: Mapping[str, str], name: str, default: str) -> int:
    try:
        return nanoseconds_of(query.get(name, default))
    except DataError as error:
        raise Malformed(f"Invalid value specified for '{name}': {error}") from None
