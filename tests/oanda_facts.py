"""What an account at OANDA tells of itself, made by hand."""

from __future__ import annotations

from typing import Any

from infra.brokers.oanda.facts import AccountFacts
from infra.brokers.oanda.instruments import BrokerInstrument, broker_instrument

ACCOUNT = "001-001-0000001-001"


def offered(symbol: str, **changed: Any) -> BrokerInstrument:
    """An instrument as OANDA describes it."""
    jpy = symbol.endswith("JPY")
    raw: dict[str, Any] = {
        "name": symbol,
        "type": "CURRENCY",
        "displayName": symbol.replace("_", "/"),
        "pipLocation": -2 if jpy else -4,
        "displayPrecision": 3 if jpy else 5,
        "tradeUnitsPrecision": 0,
        "minimumTradeSize": "1",
        "maximumTrailingStopDistance": "100.000" if jpy else "1.00000",
        "minimumTrailingStopDistance": "0.050" if jpy else "0.00050",
        "maximumPositionSize": "0",
        "maximumOrderUnits": "100000000",
        "marginRate": "0.0333",
    }
    return broker_instrument(raw | changed)


def account(**changed: Any) -> AccountFacts:
    """An account that a desk of EUR_USD and USD_JPY in dollars can trade."""
    facts: dict[str, Any] = {
        "account": ACCOUNT,
        "currency": "USD",
        "hedging": False,
        "balance": 50_000.0,
        "equity": 50_000.0,
        "margin_rate": 0.02,
        "instruments": (offered("EUR_USD"), offered("USD_JPY"), offered("GBP_USD")),
        "offset_s": 0.1,
        "offset_within_s": 0.5,
        "latency_s": 0.02,
        "positions": (),
        "waiting": 0,
        "last_transaction": 4,
    }
    return AccountFacts(**facts | changed)
