"""`Trade`: what one fill opened, until later fills have closed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from infra.brokers.v20_server.wire import Json

ZERO = Decimal(0)
PARTS = {
    "TAKE_PROFIT": "takeProfit",
    "STOP_LOSS": "stopLoss",
    "TRAILING_STOP_LOSS": "trailingStopLoss",
}
"""How the names of fields begin that tell of an order which belongs to a trade, by its type."""
DEPENDENTS = tuple(PARTS)
"""Types of the orders that belong to a trade."""


@dataclass(slots=True, kw_only=True)
class Trade:
    """units: signed, what is left open. closed_value: Σ size × price of what was closed.

    orders: ids of its dependent orders that wait, by type. closings: the fills that reduced it.
    """

    id: str
    instrument: str
    price: str
    open_time: str
    initial_units: Decimal
    units: Decimal
    initial_margin: str
    realized: Decimal = ZERO
    financing: Decimal = ZERO
    closed_units: Decimal = ZERO
    closed_value: Decimal = ZERO
    close_time: str = ""
    closings: list[str] = field(default_factory=list)
    extensions: Json = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        """What the client calls it; empty where it has no name."""
        return str(self.extensions.get("id", ""))

    @property
    def is_open(self) -> bool:
        return bool(self.units)

    def reduce(self, units: Decimal, price: str, fill: str, time: str) -> None:
        """Close a part. units: signed as the fill's, against those of the trade."""
        self.units += units
        self.closed_units += abs(units)
        self.closed_value += abs(units) * Decimal(price)
        self.closings.append(fill)
        if not self.units:
            self.close_time = time


trade_of = msgspec.json.Decoder(Trade).decode
