"""When an answer comes, before its orders' transactions, between or after them, changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from market.accounts import OrderState, TransactionKind
from market.errors import OutcomeUnknown
from tests.dispatching import Bench, bench
from tests.exchanges import SYMBOLS
from tests.live_gateways import SESSION, approved
from tests.posting import posting_bench

NAMES = [f"{SESSION}-0-{symbol}-m" for symbol in SYMBOLS]
ANSWERS = (OrderState.ACCEPTED, OrderState.UNKNOWN, OrderState.REJECTED, OrderState.NOT_SENT)
HAVE = (OrderState.ACCEPTED, OrderState.UNKNOWN)
"""Answers of orders that the broker has."""
Outcome = tuple[dict[str, tuple[str, float]], list[float]]


def outcome(desk: Bench) -> Outcome:
    """How every order stands, and what is held."""
    state = desk.books.state
    stands = {name: (one.stage.value, one.filled) for name, one in state.orders.items()}
    return stands, state.ledger.units.tolist()


def send(desk: Bench, answers: list[OrderState], *, silent: bool) -> None:
    desk.broker.answers = dict(zip(NAMES, answers, strict=True))
    if silent:
        desk.broker.answers[NAMES[-1]] = OutcomeUnknown("place_all was not answered")
    desk.broker.untold = True
    desk.send(*(approved(symbol, 1_000.0) for symbol in SYMBOLS))


@given(
    answers=st.lists(st.sampled_from(ANSWERS), min_size=len(NAMES), max_size=len(NAMES)),
    silent=st.booleans(),
    fills=st.lists(st.sampled_from((0.0, 400.0, 1_000.0)), min_size=4, max_size=4),
    heard=st.integers(min_value=0, max_value=2 * len(NAMES)),
)
def test_books_end_the_same_whenever_the_answer_is_heard(
    answers: list[OrderState], silent: bool, fills: list[float], heard: int
) -> None:
    """silent: nothing of it was answered. heard: after so many transactions."""
    if silent:
        answers = [OrderState.ACCEPTED] * len(NAMES)
    have = [name for name, one in zip(NAMES, answers, strict=True) if one in HAVE]
    told = [(TransactionKind.ACCEPTED, name, 0.0) for name in have]
    told += [
        (TransactionKind.FILLED, name, units)
        for name, units in zip(NAMES, fills, strict=True)
        if units and name in have
    ]
    ends: list[Outcome] = []
    for waited in (True, False):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            desk = bench(folder) if waited else posting_bench(folder)[0]
            send(desk, answers, silent=silent)
            for count, (kind, order, units) in enumerate(told):
                if count == heard:
                    desk.dispatch.settle()
                if kind is TransactionKind.FILLED:
                    desk.fill(order, units)
                else:
                    desk.tell(kind, order)
            desk.dispatch.settle()
            ends.append(outcome(desk))
            desk.books.close()
    assert ends[0] == ends[1]
