"""Whatever OANDA tells, the desk's cash is the account's and no fill is forgotten."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.brokers.oanda.answers import order_after
from infra.brokers.oanda.origins import Origins
from infra.brokers.oanda.translation import Translation
from market.accounts import OrderState
from tests.oanda import SYMBOLS, Message, cancelled, closed, created, filled, opened, transaction

MONEY = st.decimals(-1_000, 1_000, places=4)
START = Decimal("100000.0000")


class Nothing:
    """A record that holds nothing."""

    def transaction(self, _: int) -> Message | None:
        return None

    def trade(self, _: int) -> Message | None:
        return None


def translation() -> Translation:
    return Translation(
        Origins(Nothing()), SYMBOLS, decision_mid=lambda _: math.nan, before=lambda _: ()
    )


@st.composite
def movements(draw: st.DrawFn) -> list[Message]:
    """What happens to an account from its first funds on, some of it unexplained."""
    balance = START
    told = [transaction(1, "TRANSFER_FUNDS", amount=str(START), accountBalance=str(START))]
    for number in range(2, 2 + draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["fill", "financing", "funds", "strange", "order", "foreign"]))
        pl, other, hidden = draw(MONEY), draw(MONEY), draw(st.sampled_from([0, draw(MONEY)]))
        if kind == "order":
            told.append(created(number, f"o{number}", "1"))
            continue
        stated = {"fill": pl + other, "foreign": pl + other, "financing": other, "funds": other}
        balance += stated.get(kind, Decimal(0)) + hidden
        told.append(_moved(number, kind, pl, other, balance))
    return told


def _moved(number: int, kind: str, pl: Decimal, other: Decimal, balance: Decimal) -> Message:
    after: dict[str, Any] = {"accountBalance": str(balance)}
    if kind in ("fill", "foreign"):
        symbol = "EUR_USD" if kind == "fill" else "XAU_USD"
        part = {"tradesClosed": [closed(1, "1", "1.1")], "pl": str(pl), "financing": str(other)}
        return filled(number, number, "1", name="a", symbol=symbol, **part, **after)
    if kind == "financing":
        return transaction(number, "DAILY_FINANCING", financing=str(other), **after)
    if kind == "funds":
        return transaction(number, "TRANSFER_FUNDS", amount=str(other), **after)
    return transaction(number, "SOMETHING_NEW", **after)


@given(movements())
def test_what_the_desk_is_told_adds_up_to_the_accounts_balance(told: list[Message]) -> None:
    read = translation().transaction_of
    found = [read(raw) for raw in told]
    assert [one.id for one in found] == [int(raw["id"]) for raw in told]
    cash = sum(one.amount + (one.fill.realised if one.fill is not None else 0.0) for one in found)
    balance = next(raw["accountBalance"] for raw in reversed(told) if "accountBalance" in raw)
    assert cash == pytest.approx(float(balance), abs=1e-6)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=3), st.booleans())
def test_an_order_is_the_same_whatever_order_its_story_is_told_in(
    parts: list[int], ends: bool
) -> None:
    whole = sum(parts) + (10 if ends else 0)
    story = [created(5, "a", str(whole), type="LIMIT_ORDER")]
    for number, units in enumerate(parts, start=6):
        part = opened(number, str(units), "1.1", "a")
        story.append(filled(number, 5, str(units), name="a", tradeOpened=part))
    if ends:
        story.append(cancelled(20, 5, "CLIENT_REQUEST", "a"))
    origins = Origins(Nothing())
    for raw in story:
        origins.note(raw)
    for told in permutations(story):
        found = order_after(told, origins)
        assert found is not None
        assert found.filled == sum(parts)
        assert found.state is (OrderState.CANCELLED if ends else OrderState.FILLED)
    assert order_after(origins.life("a"), origins) == found
