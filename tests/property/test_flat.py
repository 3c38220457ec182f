"""The laws of flat messages: what arrives is what was sent, to the last bit."""

from __future__ import annotations

import pickle
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from market.account_shown import AccountShown, Proposed
from market.bar_window import BarSlice
from market.events import TradingHalted
from market.flat import PICKLED, decoded, encoded
from market.messages import BallotCast, Reviewed, VoteOn
from market.orders import Bracket
from market.overrides import Override
from market.verdicts import RiskApproved, RiskRefused, sign
from tests.streams import heard_in_pieces

COUNTS = st.integers(0, 2**62)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def floats(*shape: int) -> st.SearchStrategy[Any]:
    return arrays.arrays(np.float64, shape, elements=NUMBERS)


def whole(count: int) -> st.SearchStrategy[Any]:
    return arrays.arrays(np.int64, count, elements=st.integers(-(2**62), 2**62))


@st.composite
def votes(draw: st.DrawFn) -> VoteOn:
    width = draw(st.integers(0, 5))
    bar = BarSlice(time=draw(COUNTS), values=draw(floats(6, width + 2)))
    return VoteOn(sequence=draw(COUNTS), bar=bar.columns(width))


@st.composite
def ballots(draw: st.DrawFn) -> BallotCast:
    layers = draw(floats(draw(st.integers(1, 4)), draw(st.integers(0, 5))))
    failure = draw(st.none() | st.text(max_size=5))
    return BallotCast(sequence=draw(COUNTS), layers=layers, failure=failure)


@st.composite
def accounts(draw: st.DrawFn) -> AccountShown:
    columns = draw(st.integers(0, 5))
    traded, rows = draw(st.integers(0, columns)), draw(st.integers(0, 4))
    names = ("units", "working", "stop_price", "mid", "spread", "rate", "age", "filled")
    override = st.builds(Override, limit=st.text(max_size=5), value=FINITE, until=COUNTS)
    return AccountShown(
        session=draw(st.text(max_size=8)),
        epoch=draw(COUNTS),
        sequence=draw(COUNTS),
        time=draw(COUNTS),
        expires=draw(COUNTS),
        equity=draw(NUMBERS),
        returns=draw(floats(rows, traded)),
        sigma=draw(floats(traded)),
        sigma_before=draw(floats(traded)),
        stage=draw(st.text(max_size=5)),
        overrides=tuple(draw(st.lists(override, max_size=2))),
        **{name: draw(floats(columns)) for name in names},
    )


@st.composite
def proposals(draw: st.DrawFn) -> Proposed:
    count = draw(st.integers(0, 5))
    names = ("order_units", "score", "stop_distance", "take_profit_distance", "trailing_distance")
    return Proposed(
        sequence=draw(COUNTS),
        bound=draw(whole(count)),
        group=draw(whole(count)),
        **{name: draw(floats(count)) for name in names},
    )


@st.composite
def reviews(draw: st.DrawFn) -> Reviewed:
    approved = RiskApproved(
        symbol="EUR_USD", units=draw(FINITE), proposed_units=1.0, score=0.5,
        bracket=Bracket(stop=draw(FINITE), take_profit=2.0, trailing=draw(st.none() | FINITE)),
        reference_price=1.1, lowest_price=1.0, highest_price=draw(FINITE), bound="NONE",
        limit="NONE", allowed=float("nan"), measured=float("inf"),
    )  # fmt: skip
    refused = RiskRefused(
        symbol="USD_JPY", proposed_units=-3.0, score=-1.0, bound="NONE", limit="DUPLICATE",
        allowed=1.0, measured=draw(NUMBERS),
    )  # fmt: skip
    orders = [approved] * draw(st.integers(0, 2))
    halted = TradingHalted(sequence=1, time=2, halt="DRAWDOWN", limit=0.1, measured=0.2)
    return Reviewed(
        sequence=draw(COUNTS),
        signed=sign(b"key", session="s", epoch=1, sequence=2, expires=3, approved=orders),
        refused=(refused,) * draw(st.integers(0, 2)),
        notices=(halted,) * draw(st.integers(0, 1)),
        memory=draw(floats(draw(st.integers(0, 6)))),
        halt=draw(st.text(max_size=5)),
    )


MESSAGES = st.one_of(votes(), ballots(), accounts(), proposals(), reviews())


def alike(one: Any, other: Any) -> bool:
    """The same types and bits throughout."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape
        return bool(same and one.tobytes() == other.tobytes())
    if isinstance(one, BarSlice | VoteOn | BallotCast | AccountShown | Proposed | Reviewed):
        names = [field.name for field in fields(one)]
        return all(alike(getattr(one, name), getattr(other, name)) for name in names)
    return repr(one) == repr(other)  # NaN is NaN


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_a_message_arrives_as_it_was_sent(message: object) -> None:
    assert alike(decoded(encoded(message)), message)


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=4), st.lists(st.integers(1, 900), min_size=1))
def test_however_a_stream_is_cut_its_arrays_are_aligned(
    messages: list[object], pieces: list[int]
) -> None:
    for message, found in zip(messages, heard_in_pieces(messages, pieces), strict=True):
        assert alike(found, message)
        bar = found.bar if isinstance(found, VoteOn) else found
        for field in fields(bar):
            value = getattr(bar, field.name)
            assert not isinstance(value, np.ndarray) or value.flags.aligned


@given(accounts() | proposals())
def test_the_guardian_may_write_on_what_it_was_given(message: AccountShown | Proposed) -> None:
    found = decoded(encoded(message))
    parts = [getattr(found, field.name) for field in fields(message)]
    assert all(part.flags.writeable for part in parts if isinstance(part, np.ndarray))


def test_what_is_no_plain_ballot_is_pickled() -> None:
    layers = np.zeros((2, 3))
    assert encoded(BallotCast(sequence=1, layers=layers))[0] != PICKLED
    for odd in (layers.astype(np.float32), layers.astype(np.int64), np.zeros(3)):
        ballot = BallotCast(sequence=1, layers=odd)
        assert encoded(ballot) == pickle.dumps(ballot, protocol=5)
        assert alike(decoded(encoded(ballot)), ballot)


def test_arrays_of_unlike_lengths_are_pickled_as_they_are() -> None:
    """One would run into the next: the guardian must see what it was given."""
    names = ("order_units", "score", "stop_distance", "take_profit_distance", "trailing_distance")
    given: dict[str, Any] = {name: np.arange(3.0) for name in names}
    given |= {"bound": np.zeros(3, dtype=np.int64), "group": np.zeros(3, dtype=np.int64)}
    assert encoded(Proposed(sequence=1, **given))[0] != PICKLED
    for short, long in (("score", "stop_distance"), ("bound", "group"), ("order_units", "bound")):
        odd = given | {short: given[short][:2], long: np.append(given[long], given[long][:1])}
        proposed = Proposed(sequence=1, **odd)
        assert encoded(proposed)[0] == PICKLED
        assert alike(decoded(encoded(proposed)), proposed)


@pytest.mark.parametrize("part", ["units", "filled", "sigma", "sigma_before"])
def test_an_account_of_unlike_lengths_is_pickled_as_it_is(part: str) -> None:
    columns = ("units", "working", "stop_price", "mid", "spread", "rate", "age", "filled")
    given: dict[str, Any] = {name: np.zeros(3) for name in columns}
    given |= {"sigma": np.zeros(2), "sigma_before": np.zeros(2), "returns": np.zeros((1, 2))}
    rest: dict[str, Any] = {"session": "s", "equity": 1.0}
    rest |= dict.fromkeys(("epoch", "sequence", "time", "expires"), 1)
    assert encoded(AccountShown(**given, **rest))[0] != PICKLED
    account = AccountShown(**given | {part: np.zeros(1)}, **rest)
    assert encoded(account)[0] == PICKLED
    assert alike(decoded(encoded(account)), account)
