"""How a live desk stands, as plain values for people and machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from infra.live.breaker_status import (
    breakers_told,
    guardian_told,
    margin_call_told,
    trips_told,
)
from infra.live.gateway import LiveGateway
from infra.live.ports import HealthTold
from market.bars import utc
from market.ledger import closing_price
from market.ports import BrokerStream

SECOND_NS = 1_000_000_000


def status_of(gateway: LiveGateway, health: Mapping[str, Any]) -> dict[str, Any]:
    """Mode, account, positions, open orders, epoch, members. Money in account currency.

    unrealised: of a position at its closing price; NaN where it has no price or rate. next_bar:
    when the bar in the making closes.
    """
    state = gateway.books.state
    equity = gateway.equity()
    marks = gateway.marks
    held = np.flatnonzero(state.ledger.units)
    return {
        "session": state.started.session,
        "prices": state.started.data,
        "mode": state.mode.value,
        "mode_by": state.mode_by,
        "mode_reason": state.mode_reason,
        "halt": state.halt,
        "breakers": [
            *breakers_told(gateway.breakers),
            *margin_call_told(state),
            *guardian_told(state, gateway.guardian_limits),
        ],
        "trips": trips_told(state.trips),
        "market_time": f"{utc(gateway.now):%Y-%m-%d %H:%M:%S} UTC",
        "epoch": state.epoch,
        "bars": state.sequence + 1,
        "interval_s": state.started.interval_s,
        "next_bar": _next_bar(gateway),
        "decisions_to": state.decided,
        "events": len(gateway.books),
        "account_currency": state.started.account_currency,
        "initial_balance": state.started.initial_balance,
        "equity": equity,
        "cash": float(state.ledger.cash[0]),
        "profit": equity - state.started.initial_balance,
        "realised": float(state.ledger.realised.sum()),
        "last_transaction": state.last_transaction,
        "positions": [
            {
                "symbol": state.symbols[column],
                "units": float(state.ledger.units[column]),
                "average_price": float(state.ledger.average_price[column]),
                "mid": float(marks.mid[column]),
                "closing_price": _closing_price(gateway, int(column)),
                "unrealised": _unrealised(gateway, int(column)),
                "age_bars": float(marks.age[column]),
            }
            for column in held
        ],
        "open_orders": [
            {
                "client_order_id": entry.order.client_order_id,
                "symbol": entry.order.symbol,
                "units": entry.order.units,
                "filled": entry.filled,
                "stage": entry.stage.value,
            }
            for entry in state.orders.values()
        ],
        "quotes_dropped": dict(gateway.dropped),
        "cancels": gateway.cancels.told(),
        "capital": gateway.staging.told(),
        "overrides": gateway.overriding.told(gateway.now),
        "weights": dict(state.weights),
        "seated": list(state.seated),
        **health,
    }


def stream_told(stream: BrokerStream | None) -> dict[str, Any]:
    """How the connection behind a stream is; empty where it does not tell."""
    health = stream.health() if isinstance(stream, HealthTold) else None
    if not is_dataclass(health) or isinstance(health, type):
        return {}
    return asdict(health)


def _unrealised(gateway: LiveGateway, column: int) -> float:
    ledger, rate = gateway.books.state.ledger, float(gateway.marks.rate[column])
    gained = _closing_price(gateway, column) - float(ledger.average_price[column])
    return float(ledger.units[column]) * gained * rate


def _closing_price(gateway: LiveGateway, column: int) -> float:
    """At which the position would be closed now: the bid of a long one."""
    units, marks = float(gateway.books.state.ledger.units[column]), gateway.marks
    return closing_price(units, float(marks.mid[column]), float(marks.spread[column]))


def _next_bar(gateway: LiveGateway) -> str:
    """When the bar in the making closes, UTC; bars are counted from midnight."""
    length = gateway.books.state.started.interval_s * SECOND_NS
    return f"{utc(gateway.now - gateway.now % length + length):%Y-%m-%d %H:%M:%S} UTC"
