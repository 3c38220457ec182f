"""Amounts that are rounded such that their sums are too."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from infra.brokers.v20.decimals import MONEY_DECIMALS, written

CENT = Decimal(1).scaleb(-MONEY_DECIMALS)
NOTHING = written(0.0, MONEY_DECIMALS)


def money(value: float) -> str:
    """An amount in account currency as it is written."""
    return written(value, MONEY_DECIMALS)


def rounded(value: float) -> Decimal:
    """The same as a number."""
    return Decimal(money(value))


def shares(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """An amount split by weights into rounded parts whose sum it is."""
    left, weight_left, parts = total, sum(weights, Decimal(0)), []
    for weight in weights:
        part = (left * weight / weight_left).quantize(CENT) if weight_left else Decimal(0)
        parts.append(part)
        left, weight_left = left - part, weight_left - weight
    return parts
