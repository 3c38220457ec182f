"""Values that travel: the same on the other side, and as frozen there."""

from __future__ import annotations

import math
import pickle
from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest

from market.account_shown import AccountShown, Proposed
from market.bar_window import BarSlice
from market.events import TradingHalted
from market.legs import Leg
from market.live_messages import BarReady, Decided
from market.messages import BallotCast, Reviewed, RiskContext, Settlement, VoteOn
from market.orders import Bracket, Entry, EntryKind, Fill, OrderRequest, TimeInForce
from market.overrides import Override
from market.sent import sent, sent_with_arrays
from market.verdicts import RiskApproved, RiskRefused, sign, verify

SENT = (
    BarSlice, VoteOn, BallotCast, Settlement, RiskContext, RiskApproved, RiskRefused,
    Bracket, OrderRequest, Fill, BarReady, Decided, AccountShown, Proposed,
)  # fmt: skip


@sent
@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """A value with a single field."""

    only: int


@sent_with_arrays
@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """A value with two arrays."""

    first: np.ndarray
    name: str
    second: np.ndarray


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", SENT, ids=lambda kind: kind.__name__)
def test_every_field_of_a_sent_value_arrives(kind: type, protocol: int) -> None:
    value = kind(**{field.name: f"the {field.name}" for field in fields(kind)})
    back = pickle.loads(pickle.dumps(value, protocol=protocol))
    assert type(back) is kind
    assert back == value


def test_a_value_of_one_field_and_arrays_arrive_too() -> None:
    assert pickle.loads(pickle.dumps(One(only=3))) == One(only=3)
    bar = pickle.loads(pickle.dumps(BarSlice(time=7, values=np.eye(3))))
    np.testing.assert_array_equal(bar.values, np.eye(3))


@pytest.mark.parametrize(
    "array",
    [
        np.array([-0.0, np.nan, np.inf, 5e-324]),
        np.arange(3),
        np.empty((0, 4)),
        np.array(2.5),
        np.eye(4)[:, :3],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">f8"),
        np.arange(3, dtype=np.int32),
        np.array([True, False]),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_arrays_that_travel_together_arrive_bit_by_bit_and_can_be_written(
    array: np.ndarray,
) -> None:
    sent_one = Two(first=array, name="two", second=np.full(3, 7.0))
    back = pickle.loads(pickle.dumps(sent_one, protocol=5))
    assert back.name == "two"
    assert (back.first.dtype, back.first.shape) == (array.dtype, array.shape)
    assert back.first.tobytes() == array.tobytes()
    back.first[...] = 0
    np.testing.assert_array_equal(back.second, np.full(3, 7.0))


def test_what_arrives_is_frozen() -> None:
    back = pickle.loads(pickle.dumps(One(only=3)))
    with pytest.raises(FrozenInstanceError):
        back.only = 4


def test_a_review_arrives_with_its_verdicts_and_what_the_breakers_remember() -> None:
    bracket = Bracket(stop=0.1, take_profit=math.nan, trailing=None)
    approved = RiskApproved(
        symbol="EUR_USD", units=-0.1, proposed_units=1.0, score=-0.0, bracket=bracket,
        reference_price=1.1, lowest_price=0.0, highest_price=math.inf, bound="NONE", limit="NONE",
        allowed=math.nan, measured=math.nan,
    )  # fmt: skip
    refused = RiskRefused(
        symbol="GBP_USD", proposed_units=5e-324, score=1.0, bound="NONE", limit="RESTRICTED",
        allowed=1.0, measured=math.nan,
    )  # fmt: skip
    leg = Leg(
        symbol="EUR_USD", name="m", units=-0.1,
        entry=Entry(kind=EntryKind.LIMIT, price=1.2, time_in_force=TimeInForce.GTC),
    )  # fmt: skip
    signed = sign(
        b"key", session="s", epoch=1, sequence=7, expires=10**18, approved=[approved],
        overrides=(Override(limit="max_gross_leverage", value=2, until=3),), legs=(leg,),
    )  # fmt: skip
    notice = TradingHalted(sequence=7, time=1, halt="DRAWDOWN", limit=0.1, measured=0.2)
    memory = np.array([1.0, np.nan, -0.0])
    reviewed = Reviewed(
        sequence=7, signed=signed, refused=(refused,), notices=(notice,), memory=memory, halt="NONE"
    )
    back = pickle.loads(pickle.dumps(reviewed, protocol=5))
    assert repr(back) == repr(reviewed)
    assert back.memory.tobytes() == memory.tobytes()
    verify(b"key", back.signed, session="s", epoch=1, used=6, now=1)
    back.memory[0] = 2.0
