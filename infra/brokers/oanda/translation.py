"""`Translation`: OANDA's transactions as the desk's, one for one and under the same ids.

| OANDA | the desk |
| --- | --- |
| MARKET_, LIMIT_, STOP_, MARKET_IF_TOUCHED_, FIXED_PRICE_ORDER | ACCEPTED |
| the same made by the broker itself (margin close-out, delayed closure) | NOTED |
| TAKE_PROFIT_, STOP_LOSS_, TRAILING_STOP_LOSS_ORDER, their ends and refusals | NOTED |
| ..._ORDER_REJECT | REJECTED; NOTED where the id is taken: that order is another one |
| ORDER_FILL | FILLED, an exit under the id of the order that opened the trade |
| ORDER_CANCEL | CANCELLED; EXPIRED when its time ran out; REPLACED by another order |
| DAILY_FINANCING | FINANCING with its parts by instrument |
| TRANSFER_FUNDS | TRANSFER |
| anything else that moved the balance | TRANSFER, its type as the reason |
| anything else | NOTED, its type as the reason |

What concerns an instrument that the desk does not trade is NOTED, but for a refusal, which moves
nothing; a fill of one is a STRANGER with what it moved: the desk keeps account of its cash and of
nothing else there, and learns that somebody else trades the account. Where the balance moved by
more than a transaction explains, the rest is in its amount.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from infra.brokers.oanda.fills import EXITS, closed_trade, fill_of, money_beside
from infra.brokers.oanda.origins import (
    BROKERS_OWN,
    DEPENDENTS,
    ENTRIES,
    TAKEN,
    Origins,
    client_id,
    stranger,
)
from infra.brokers.oanda.reading import reading
from infra.brokers.oanda.reasons import cancel_kind, words_of
from infra.brokers.v20.decimals import exact, read
from infra.brokers.v20.times import nanoseconds_of
from market.accounts import MARGIN_CALL, Transaction, TransactionKind
from market.errors import TransientError

Raw = Mapping[str, Any]
_CALLS = {
    f"{MARGIN_CALL}_ENTER": "the account is in a margin call; OANDA closes positions unless margin "
    "is freed",
    f"{MARGIN_CALL}_EXTEND": "the account's margin call goes on",
    f"{MARGIN_CALL}_EXIT": "the account's margin call is over",
}
_KEPT = 5_000
ROUNDED = 1e-4
"""Account currency: what OANDA's rounding of a balance and of its parts may leave."""


class Translation:
    """Any thread may ask.

    symbols: the desk's. decision_mid: the mid that an order was decided on, NaN where unknown.
    before: raw transactions below an id, newest first, asked for only where the balance before
    something strange is not known. What must be asked of OANDA may raise as a question does.
    """

    def __init__(
        self,
        origins: Origins,
        symbols: Collection[str],
        *,
        decision_mid: Callable[[str], float],
        before: Callable[[int], Iterable[Raw]],
    ) -> None:
        self._origins = origins
        self._symbols = frozenset(symbols)
        self._decision_mid = decision_mid
        self._before = before
        self._lock = threading.Lock()
        self._balances: OrderedDict[int, Decimal] = OrderedDict()
        self._told: Mapping[str, Callable[[Raw], Transaction]] = {
            "ORDER_FILL": self._filled,
            "ORDER_CANCEL": self._ended,
            "DAILY_FINANCING": self._financing,
            "TRANSFER_FUNDS": _transferred,
        }

    def transaction_of(self, raw: Raw) -> Transaction:
        """The desk's transaction. Raises DataError where it cannot be read."""
        with reading(f"transaction {raw.get('id')} ({raw.get('type')})"):
            self._origins.note(raw)
            return self._balanced(raw, self._translated(raw))

    def _translated(self, raw: Raw) -> Transaction:
        kind = str(raw["type"])
        if kind in ENTRIES:
            return self._accepted(raw)
        if kind.endswith("_ORDER_REJECT") and kind.removesuffix("_REJECT") in ENTRIES:
            return self._rejected(raw)
        return self._told.get(kind, _noted)(raw)

    def _accepted(self, raw: Raw) -> Transaction:
        origin = self._origins.order(int(raw["id"]))
        if origin.exit or origin.symbol not in self._symbols:
            return _noted(raw)
        return _made(raw, TransactionKind.ACCEPTED, origin.client_order_id, origin.symbol)

    def _rejected(self, raw: Raw) -> Transaction:
        reason, symbol = str(raw["rejectReason"]), str(raw.get("instrument", ""))
        name = client_id(raw)
        if reason in TAKEN or not name:
            return _noted(raw)
        return _made(raw, TransactionKind.REJECTED, name, symbol, reason=words_of(reason))

    def _filled(self, raw: Raw) -> Transaction:
        if raw["instrument"] not in self._symbols:
            moved = read(raw.get("pl", "0")) + money_beside(raw)
            told = raw.get("clientOrderID") or stranger(int(raw["orderID"]))
            reason = f"ORDER_FILL of {raw['instrument']}, which the desk does not trade, by {told}"
            symbol = str(raw["instrument"])
            return _made(raw, TransactionKind.STRANGER, symbol=symbol, amount=moved, reason=reason)
        name = self._filler(raw)
        fill = fill_of(raw, name, self._decision_mid(name))
        made = _made(raw, TransactionKind.FILLED, fill.client_order_id, fill.symbol)
        return replace(made, fill=fill, amount=money_beside(raw))

    def _filler(self, raw: Raw) -> str:
        if raw.get("reason") in EXITS:
            trade = closed_trade(raw)
            if trade is not None:
                return self._origins.opener(trade)
        told = raw.get("clientOrderID")
        return str(told) if told else stranger(int(raw["orderID"]))

    def _ended(self, raw: Raw) -> Transaction:
        reason = str(raw.get("reason", ""))
        if reason == "LINKED_TRADE_CLOSED":
            return _noted(raw)
        origin = self._origins.order(int(raw["orderID"]))
        if origin.exit or origin.symbol not in self._symbols:
            return _noted(raw)
        kind, said = cancel_kind(reason), words_of(reason)
        if kind is TransactionKind.REPLACED:
            said = self._origins.order(int(raw["replacedByOrderID"])).client_order_id
        return _made(raw, kind, origin.client_order_id, origin.symbol, reason=said)

    def _financing(self, raw: Raw) -> Transaction:
        parts = tuple(
            (str(part["instrument"]), read(part["financing"]))
            for part in raw.get("positionFinancings") or ()
            if part["instrument"] in self._symbols
        )
        made = _made(raw, TransactionKind.FINANCING, amount=read(raw["financing"]))
        if len(parts) == 1 and parts[0][1] == made.amount:
            return replace(made, symbol=parts[0][0])
        return replace(made, parts=parts)

    def _balanced(self, raw: Raw, made: Transaction) -> Transaction:
        """The same, its amount being what the balance says that moved."""
        told = raw.get("accountBalance")
        with self._lock:
            before = self._balances.get(made.id - 1)
        if told is None:
            if before is not None:
                self._keep(made.id, before)
            return made
        after = exact(told)
        if before is None and made.kind is TransactionKind.NOTED:
            before = self._balance_before(made.id)
        self._keep(made.id, after)
        if before is None:
            return made
        realised = Decimal(repr(made.fill.realised)) if made.fill is not None else Decimal(0)
        moved = float(after - before - realised)
        if made.kind is TransactionKind.NOTED:
            return replace(made, kind=TransactionKind.TRANSFER, amount=moved) if moved else made
        if abs(moved - made.amount) > ROUNDED:
            strange = f"{moved - made.amount:+.4f} more than it explains moved the balance"
            said = "; ".join(part for part in (made.reason, strange) if part)
            return replace(made, amount=moved, reason=said)
        return replace(made, amount=moved)

    def _balance_before(self, number: int) -> Decimal:
        """By the newest transaction before that tells one; an account begins with nothing.

        Raises TransientError where none does and the record was not read to its beginning.
        """
        first = number
        for raw in self._before(number):
            if int(raw["id"]) < number and "accountBalance" in raw:
                return exact(raw["accountBalance"])
            first = min(first, int(raw["id"]))
        if first > 1:
            raise TransientError(
                f"the balance before transaction {number} is not known: OANDA tells none down to "
                f"transaction {first}, and its record begins at 1"
            )
        return Decimal(0)

    def _keep(self, number: int, balance: Decimal) -> None:
        with self._lock:
            self._balances[number] = balance
            if len(self._balances) > _KEPT:
                self._balances.popitem(last=False)


def _made(
    raw: Raw,
    kind: TransactionKind,
    client_order_id: str = "",
    symbol: str = "",
    *,
    amount: float = 0.0,
    reason: str = "",
) -> Transaction:
    return Transaction(
        id=int(raw["id"]),
        time=nanoseconds_of(raw["time"]),
        kind=kind,
        client_order_id=client_order_id,
        symbol=symbol,
        amount=amount,
        reason=reason,
    )


def _transferred(raw: Raw) -> Transaction:
    reason = str(raw.get("fundingReason", "TRANSFER_FUNDS"))
    return _made(raw, TransactionKind.TRANSFER, amount=read(raw["amount"]), reason=reason)


def _noted(raw: Raw) -> Transaction:
    kind = str(raw["type"])
    if kind in _CALLS:
        said = f"{kind}: {_CALLS[kind]}"
    elif kind in ENTRIES and raw.get("reason") in BROKERS_OWN:
        said = f"{kind}: {raw['reason']}"
    elif kind.endswith("_REJECT") or kind.removesuffix("_REJECT") in DEPENDENTS:
        said = ": ".join(part for part in (kind, str(raw.get("rejectReason", ""))) if part)
    else:
        said = kind
    return _made(raw, TransactionKind.NOTED, reason=said)
