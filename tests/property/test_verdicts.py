"""The guardian's signature: nothing can be changed, moved, delayed or used again."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ApprovalRejected
from market.orders import Bracket
from market.verdicts import RiskApproved, SignedApprovals, sign, verify

QUICK = settings(max_examples=80, deadline=None)
KEY = b"the guardian's key"
FLOAT = st.floats(allow_nan=True, allow_infinity=True)
BRACKETS = st.builds(Bracket, stop=FLOAT, take_profit=FLOAT, trailing=st.none() | FLOAT)
APPROVALS = st.builds(
    RiskApproved,
    symbol=st.text(max_size=8),
    units=FLOAT,
    proposed_units=FLOAT,
    score=FLOAT,
    bracket=BRACKETS,
    reference_price=FLOAT,
    lowest_price=FLOAT,
    highest_price=FLOAT,
    bound=st.text(max_size=8),
    limit=st.text(max_size=8),
    allowed=FLOAT,
    measured=FLOAT,
)


def signed(*approved: RiskApproved) -> SignedApprovals:
    return sign(KEY, session="s", epoch=3, sequence=7, expires=1_000, approved=approved)


def check(
    found: SignedApprovals,
    *,
    key: bytes = KEY,
    session: str = "s",
    epoch: int = 3,
    used: int = 6,
    now: int = 1_000,
) -> None:
    verify(key, found, session=session, epoch=epoch, used=used, now=now)


def other(value: Any) -> Any:
    """A value of the same type that differs."""
    if isinstance(value, Bracket):
        return replace(value, stop=other(value.stop))
    if isinstance(value, str):
        return value + "x"
    return 1.0 if value != 1.0 else 2.0


@QUICK
@given(st.lists(APPROVALS, max_size=3))
def test_what_the_guardian_signed_is_accepted_until_it_expires(
    approved: list[RiskApproved],
) -> None:
    check(signed(*approved))
    check(signed(*approved), now=0)


@QUICK
@given(APPROVALS, st.sampled_from([field.name for field in fields(RiskApproved)]))
def test_any_changed_field_of_an_approval_is_noticed(approved: RiskApproved, name: str) -> None:
    changed = replace(approved, **{name: other(getattr(approved, name))})
    with pytest.raises(ApprovalRejected, match="not the guardian's"):
        check(replace(signed(approved), approved=(changed,)))


@QUICK
@given(APPROVALS, st.sampled_from(["stop", "take_profit", "trailing"]))
def test_any_changed_part_of_a_bracket_is_noticed(approved: RiskApproved, name: str) -> None:
    bracket = replace(approved.bracket, **{name: other(getattr(approved.bracket, name))})
    with pytest.raises(ApprovalRejected, match="not the guardian's"):
        check(replace(signed(approved), approved=(replace(approved, bracket=bracket),)))


@QUICK
@given(APPROVALS, APPROVALS)
def test_an_added_removed_or_swapped_approval_is_noticed(
    one: RiskApproved, two: RiskApproved
) -> None:
    two = replace(two, symbol=one.symbol + "2")
    both = signed(one, two)
    for tampered in ((one,), (two,), (two, one), (one, two, two), ()):
        with pytest.raises(ApprovalRejected, match="not the guardian's"):
            check(replace(both, approved=tampered))


@pytest.mark.parametrize(
    ("changed", "value"),
    [("session", "t"), ("epoch", 4), ("sequence", 8), ("expires", 2_000), ("signature", bytes(32))],
)
def test_any_changed_part_of_the_frame_is_noticed(changed: str, value: Any) -> None:
    with pytest.raises(ApprovalRejected, match="not the guardian's"):
        check(replace(signed(), **{changed: value}))


@QUICK
@given(st.integers(0, 31), st.integers(1, 255))
def test_any_changed_byte_of_the_signature_is_noticed(position: int, mask: int) -> None:
    good = signed()
    bad = bytearray(good.signature)
    bad[position] ^= mask
    with pytest.raises(ApprovalRejected, match="not the guardian's"):
        check(replace(good, signature=bytes(bad)))


@pytest.mark.parametrize("signature", [b"", b"\x00", bytes(64)])
def test_a_signature_of_another_length_is_refused(signature: bytes) -> None:
    with pytest.raises(ApprovalRejected):
        check(replace(signed(), signature=signature))


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ({"key": b"another key"}, "not the guardian's"),
        ({"session": "t"}, "session s is not t"),
        ({"epoch": 4}, "epoch 3 is not 4"),
        ({"epoch": 2}, "epoch 3 is not 2"),
        ({"used": 7}, "taken before"),
        ({"used": 8}, "taken before"),
        ({"now": 1_001}, "expired"),
    ],
)
def test_a_good_signature_out_of_place_is_refused_with_its_reason(
    claim: dict[str, object], reason: str
) -> None:
    with pytest.raises(ApprovalRejected, match=reason):
        check(signed(), **claim)  # type: ignore[arg-type]


def test_every_broken_rule_is_named_at_once() -> None:
    with pytest.raises(ApprovalRejected, match=r"session s is not t; epoch .*; .*before; .*exp"):
        check(signed(), session="t", epoch=1, used=9, now=9_999)


@pytest.mark.parametrize("units", ["1000", None, 10**400])
def test_units_that_are_no_number_are_refused(units: Any) -> None:
    whole = signed(
        RiskApproved(
            symbol="EUR_USD", units=1.0, proposed_units=1.0, score=1.0,
            bracket=Bracket(stop=1.0, take_profit=1.0, trailing=None), reference_price=1.0,
            lowest_price=1.0, highest_price=1.0, bound="", limit="", allowed=1.0, measured=1.0,
        )
    )  # fmt: skip
    with pytest.raises(ApprovalRejected, match="expected numbers"):
        check(replace(whole, approved=(replace(whole.approved[0], units=units),)))


def test_no_trailing_stop_is_not_one_at_zero() -> None:
    one = signed(
        RiskApproved(
            symbol="EUR_USD", units=1.0, proposed_units=1.0, score=1.0,
            bracket=Bracket(stop=1.0, take_profit=1.0, trailing=None), reference_price=1.0,
            lowest_price=1.0, highest_price=1.0, bound="", limit="", allowed=1.0, measured=1.0,
        )
    )  # fmt: skip
    bracket = replace(one.approved[0].bracket, trailing=0.0)
    with pytest.raises(ApprovalRejected, match="signature"):
        check(replace(one, approved=(replace(one.approved[0], bracket=bracket),)))
