"""OANDA's own description of its messages, where it is at hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

PLACES = (
    Path(__file__).parents[1] / "shared" / "oanda" / "v20.json",
    Path(__file__).parents[2] / "shared" / "oanda" / "v20.json",
    Path(__file__).parents[3] / "shared" / "oanda" / "v20.json",
)
KINDS = {
    "ORDER_FILL": "OrderFillTransaction",
    "ORDER_CANCEL": "OrderCancelTransaction",
    "DAILY_FINANCING": "DailyFinancingTransaction",
    "TRANSFER_FUNDS": "TransferFundsTransaction",
    "CREATE": "CreateTransaction",
    "MARGIN_CALL_ENTER": "MarginCallEnterTransaction",
    "MARGIN_CALL_EXTEND": "MarginCallExtendTransaction",
    "MARGIN_CALL_EXIT": "MarginCallExitTransaction",
    "CLIENT_CONFIGURE": "ClientConfigureTransaction",
    "ORDER_CANCEL_REJECT": "OrderCancelRejectTransaction",
}


@cache
def description() -> dict[str, Any] | None:
    for place in PLACES:
        if place.exists():
            found: dict[str, Any] = json.loads(place.read_text())
            return found
    return None


def assert_valid(message: Any, definition: str) -> None:
    """Skips where the description is not at hand."""
    told = description()
    if told is None:
        pytest.skip("OANDA's description is not at hand")
    schema = {"$ref": f"#/definitions/{definition}", "definitions": told["definitions"]}
    jsonschema.Draft4Validator(schema).validate(message)
    unknown = set(message) - set(told["definitions"][definition]["properties"])
    assert not unknown, f"{definition} has no {', '.join(sorted(unknown))}"


def definition_of(transaction: dict[str, Any]) -> str:
    """The definition that describes a transaction."""
    kind = transaction["type"]
    if kind in KINDS:
        return KINDS[kind]
    words = "".join(word.capitalize() for word in kind.split("_"))
    return f"{words}Transaction"
