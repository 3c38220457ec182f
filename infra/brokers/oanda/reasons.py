"""OANDA's reasons for the end of an order, in the desk's words."""

from __future__ import annotations

from market.accounts import OrderState, TransactionKind

_WORDS = {"BOUNDS_VIOLATION": "PRICE_BOUND"}
"""For which the desk has a word of its own; the others are told as OANDA names them."""
_KINDS = {
    "TIME_IN_FORCE_EXPIRED": TransactionKind.EXPIRED,
    "CLIENT_REQUEST_REPLACED": TransactionKind.REPLACED,
}


def words_of(reason: str) -> str:
    """The reason as the desk names it."""
    return _WORDS.get(reason, reason)


def cancel_kind(reason: str) -> TransactionKind:
    """What an ORDER_CANCEL of this reason is to the desk."""
    return _KINDS.get(reason, TransactionKind.CANCELLED)


def state_after(kind: TransactionKind) -> OrderState:
    """The state that such an end leaves an order in."""
    return OrderState(kind.value)
