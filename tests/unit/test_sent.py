"""Values that travel: the same on the other side, and as frozen there."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest

from market.account_shown import AccountShown, Proposed
from market.bar_window import BarSlice
from market.live_messages import BarReady, Decided
from market.messages import BallotCast, Reviewed, RiskContext, Settlement, VoteOn
from market.orders import Bracket, Fill, OrderRequest
from market.sent import sent
from market.verdicts import RiskApproved, RiskRefused, SignedApprovals

SENT = (
    BarSlice, VoteOn, BallotCast, Settlement, RiskContext, Reviewed, RiskApproved, RiskRefused,
    SignedApprovals, Bracket, OrderRequest, Fill, BarReady, Decided, AccountShown, Proposed,
)  # fmt: skip


@sent
@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """A value with a single field."""

    only: int


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
    sent_one = BallotCast(sequence=1, score=array, evidence=np.full(3, 7.0))
    back = pickle.loads(pickle.dumps(sent_one, protocol=5))
    assert (back.score.dtype, back.score.shape) == (array.dtype, array.shape)
    assert back.score.tobytes() == array.tobytes()
    back.score[...] = 0
    np.testing.assert_array_equal(back.evidence, np.full(3, 7.0))


def test_what_arrives_is_frozen() -> None:
    back = pickle.loads(pickle.dumps(One(only=3)))
    with pytest.raises(FrozenInstanceError):
        back.only = 4
