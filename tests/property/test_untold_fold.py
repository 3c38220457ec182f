"""Every fill is told with one review, whatever bars are missed between and wherever it restarts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.journal.codec import decode_value, encode_value
from market.untold_fold import Untold, UntoldFold

M = 2
STEPS = st.lists(
    st.sampled_from(["fill 0", "fill 1", "settle", "review", "review late", "restart"]),
    max_size=60,
)


def restarted(fold: UntoldFold) -> UntoldFold:
    return UntoldFold(M, decode_value(encode_value(fold.snapshot()), Untold))


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_what_was_told_and_what_is_untold_are_all_fills(steps: list[str]) -> None:
    fold, filled, told = UntoldFold(M), np.zeros(M), np.zeros(M)
    bars, reviewed = 0, -1
    for step in steps:
        what, _, which = step.partition(" ")
        if what == "fill":
            fold.fill(int(which))
            filled[int(which)] += 1.0
        elif what == "settle":
            fold.settle(bars)
            bars += 1
        elif what == "restart":
            fold = restarted(fold)
        else:
            bar = bars - 1 if which == "" else bars - 2  # the next bar has closed meanwhile
            if bar > reviewed:
                told += fold.until(bar)
                fold.decide(bar)
                fold = restarted(fold)
                fold.review(bar)
                reviewed = bar
        assert (fold.filled >= 0.0).all()
        np.testing.assert_array_equal(told + fold.filled, filled)


def test_a_bar_that_is_reviewed_a_second_time_tells_nothing_again() -> None:
    fold = UntoldFold(M)
    fold.fill(0)
    fold.settle(0)
    fold.decide(0)
    fold.review(0)
    fold.fill(1)
    fold.review(0)
    assert fold.filled.tolist() == [0.0, 1.0]


def test_what_is_said_between_two_bars_is_no_review() -> None:
    fold = UntoldFold(M)
    fold.fill(0)
    fold.settle(0)
    fold.decide(0)  # the guardian was silent on it
    fold.pass_over()  # and a person re-arms it
    fold.review(0)
    assert fold.filled.tolist() == [1.0, 0.0]


def test_a_bar_that_is_decided_on_late_tells_its_fills_however_many_have_closed_since() -> None:
    fold = UntoldFold(M)
    fold.fill(0)
    fold.settle(0)
    fold.decide(0)
    for bar in range(1, 1_000):
        fold.settle(bar)
    assert len(fold.snapshot().sequence) == 1, "bars without a fill of their own are not kept"
    fold.fill(1)
    fold.review(0)
    assert fold.filled.tolist() == [0.0, 1.0]


def test_financing_is_told_with_the_next_bar_alone() -> None:
    fold = UntoldFold(M)
    fold.charge(1, -2.0)
    fold = restarted(fold)
    assert fold.financing.tolist() == [0.0, -2.0]
    fold.settle(0)
    assert fold.financing.tolist() == [0.0, 0.0]
