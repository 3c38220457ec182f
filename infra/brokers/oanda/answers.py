"""What OANDA answers about an order, as a `BrokerOrder`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.origins import DEPENDENTS, ENTRIES, Origin, Origins, client_id, stranger
from infra.brokers.oanda.reasons import cancel_kind, state_after, words_of
from infra.brokers.v20.decimals import read
from market.accounts import BrokerOrder, OrderState, TransactionKind
from market.errors import DataError

Raw = Mapping[str, Any]
DEPENDENT_TYPES = frozenset(kind.removesuffix("_ORDER") for kind in DEPENDENTS)


def order_after(transactions: Iterable[Raw], origins: Origins) -> BrokerOrder | None:
    """The order that these transactions tell of, in the state that they leave it in; None where
    none of them makes or refuses it. In any order; of one client order id alone, of which the
    newest order counts.
    """
    found: BrokerOrder | None = None
    for raw in sorted(transactions, key=lambda one: int(one["id"])):
        kind, number = str(raw["type"]), int(raw["id"])
        if kind in ENTRIES:
            if found is not None and found.state is OrderState.PARTIALLY_FILLED:
                # What is left of it, issued anew.
                found = replace(found, state=OrderState.PARTIALLY_FILLED, transaction=number)
            else:
                found = accepted(origins.order(number))
        elif kind.endswith("_ORDER_REJECT"):
            found = rejected(raw) if found is None else _not_reissued(raw, found)
        elif kind == "ORDER_FILL" and found is not None:
            found = after_fill(raw, found)
        elif kind == "ORDER_CANCEL" and found is not None:
            found = ended(raw, found, origins)
    return found


def after_fill(raw: Raw, at: BrokerOrder) -> BrokerOrder:
    """The order after its ORDER_FILL."""
    filled = at.filled + read(raw["units"])
    whole = abs(filled) >= abs(at.units)
    state = OrderState.FILLED if whole else OrderState.PARTIALLY_FILLED
    return replace(at, state=state, transaction=int(raw["id"]), filled=filled)


def accepted(origin: Origin) -> BrokerOrder:
    """An order that waits."""
    return BrokerOrder(
        client_order_id=origin.client_order_id,
        symbol=origin.symbol,
        units=origin.units,
        state=OrderState.ACCEPTED,
        transaction=origin.order,
    )


def rejected(raw: Raw) -> BrokerOrder:
    """An order of an ..._ORDER_REJECT."""
    return BrokerOrder(
        client_order_id=client_id(raw),
        symbol=str(raw.get("instrument", "")),
        units=_units(raw),
        state=OrderState.REJECTED,
        transaction=int(raw["id"]),
        reason=words_of(str(raw["rejectReason"])),
    )


def _not_reissued(raw: Raw, at: BrokerOrder) -> BrokerOrder:
    """An order that was filled in part, and whose rest OANDA did not take again."""
    return replace(
        at,
        state=OrderState.CANCELLED,
        transaction=int(raw["id"]),
        reason=words_of(str(raw["rejectReason"])),
    )


def refused_transaction(refused: Refused) -> Raw | None:
    """The transaction that records a refusal of an order; None where OANDA kept none."""
    told = refused.body.get("orderRejectTransaction")
    return told if isinstance(told, dict) and "id" in told else None


def ended(raw: Raw, at: BrokerOrder, origins: Origins) -> BrokerOrder:
    """The order after its ORDER_CANCEL."""
    reason = str(raw.get("reason", ""))
    kind = cancel_kind(reason)
    replaced = ""
    if kind is TransactionKind.REPLACED and "replacedByOrderID" in raw:
        replaced = origins.order(int(raw["replacedByOrderID"])).client_order_id
    return replace(
        at,
        state=state_after(kind),
        transaction=int(raw["id"]),
        reason=words_of(reason),
        replaced_by=replaced,
    )


def order_as_told(
    raw: Raw, transaction: Callable[[int], Raw | None], origins: Origins
) -> BrokerOrder:
    """An order of OANDA's own list of orders, which does not tell how much of one that waits was
    filled. transaction: of an id, for how it ended.
    """
    number = int(raw["id"])
    at = BrokerOrder(
        client_order_id=client_id(raw) or stranger(number),
        symbol=str(raw.get("instrument", "")),
        units=_units(raw),
        state=OrderState.ACCEPTED,
        transaction=number,
    )
    ends = [
        _told(int(raw[field]), transaction)
        for field in ("fillingTransactionID", "cancellingTransactionID")
        if raw.get(field)
    ]
    for end in sorted(ends, key=lambda one: int(one["id"])):
        if end["type"] == "ORDER_FILL":
            at = replace(after_fill(end, at), state=OrderState.FILLED)
        else:
            at = ended(end, at, origins)
    return at


def is_dependent(raw: Raw) -> bool:
    """Whether an order of OANDA's list hangs on a trade: an exit, not an entry."""
    return raw.get("type") in DEPENDENT_TYPES


def _told(number: int, transaction: Callable[[int], Raw | None]) -> Raw:
    found = transaction(number)
    if found is None:
        raise DataError(f"OANDA names transaction {number} and does not tell it")
    return found


def _units(raw: Raw) -> float:
    """A refused order may hold none, or what is no number."""
    try:
        return read(raw.get("units", "0"))
    except DataError:
        return 0.0
