"""Events to frames: one row an event, one typed column a field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from market.events import DecisionTaken
from market.orders import OrderRequest
from market.verdicts import RiskApproved, Verdict

COLUMN_TYPES = {"str": "str", "int": "int64", "float": "float64", "bool": "bool"}
VERDICT_COLUMNS = {
    "sequence": "int64",
    "time": "int64",
    "symbol": "str",
    "verdict": "str",
    "units": "float64",
    "proposed_units": "float64",
    "score": "float64",
    "bound": "str",
    "limit": "str",
    "allowed": "float64",
    "measured": "float64",
}
ORDER_COLUMNS = {
    "client_order_id": "str",
    "sequence": "int64",
    "symbol": "str",
    "units": "float64",
    "stop": "float64",
    "take_profit": "float64",
    "trailing": "float64",
    "lowest_price": "float64",
    "highest_price": "float64",
    "reference_price": "float64",
}
APPROVED = "APPROVED"
REFUSED = "REFUSED"


def frame_of(kind: Any, events: Sequence[Any]) -> pd.DataFrame:
    """The scalar fields of dataclass instances as columns; a `time` in ns becomes UTC."""
    columns = {f.name: COLUMN_TYPES[f.type] for f in fields(kind) if f.type in COLUMN_TYPES}
    rows = [tuple(getattr(event, name) for name in columns) for event in events]
    return typed_frame(rows, columns)


def typed_frame(rows: Sequence[tuple[Any, ...]], columns: dict[str, str]) -> pd.DataFrame:
    """Rows as a frame whose columns have these types even when there is no row."""
    frame = pd.DataFrame(list(rows), columns=list(columns)).astype(columns)
    if "time" in columns:
        frame["time"] = pd.to_datetime(frame["time"], unit="ns", utc=True)
    return frame


def verdict_frame(decisions: Sequence[DecisionTaken]) -> pd.DataFrame:
    """Every verdict of the guardian, approvals and refusals, in the order of the decisions."""
    rows: list[tuple[object, ...]] = []
    for taken in decisions:
        verdicts: tuple[Verdict, ...] = (*taken.approved, *taken.refused)
        rows += [_verdict_row(taken, verdict) for verdict in verdicts]
    return typed_frame(rows, VERDICT_COLUMNS)


def _verdict_row(taken: DecisionTaken, verdict: Verdict) -> tuple[object, ...]:
    return (
        taken.sequence,
        taken.time,
        verdict.symbol,
        APPROVED if isinstance(verdict, RiskApproved) else REFUSED,
        verdict.units if isinstance(verdict, RiskApproved) else 0.0,
        verdict.proposed_units,
        verdict.score,
        verdict.bound,
        verdict.limit,
        verdict.allowed,
        verdict.measured,
    )


def order_frame(orders: Sequence[OrderRequest]) -> pd.DataFrame:
    """The intents. stop, take_profit, trailing: distances in price units, NaN for none."""
    rows = [
        (
            order.client_order_id,
            order.sequence,
            order.symbol,
            order.units,
            order.bracket.stop,
            order.bracket.take_profit,
            np.nan if order.bracket.trailing is None else order.bracket.trailing,
            order.lowest_price,
            order.highest_price,
            order.reference_price,
        )
        for order in orders
    ]
    return typed_frame(rows, ORDER_COLUMNS)
