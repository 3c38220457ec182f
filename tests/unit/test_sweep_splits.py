"""Windows of a walk forward: nothing that is judged was seen, or lies beside what was."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.model_selection import WalkForward as Reference

from coordinator.sweep.splits import Span, WalkForward, bars_in, usual_lengths, walk_forward
from market.errors import ConfigError, DataError

rules = st.builds(
    WalkForward,
    train=st.integers(2, 40),
    test=st.integers(2, 25),
    purge=st.integers(0, 6),
    embargo=st.integers(0, 6),
    expanding=st.booleans(),
)


@st.composite
def walks(draw: st.DrawFn) -> tuple[Span, WalkForward]:
    """Rows with room for one window at least."""
    lengths = draw(rules)
    first = draw(st.integers(0, 30))
    spare = draw(st.integers(0, 120))
    return Span(first, first + lengths.train + lengths.gap + lengths.test + spare), lengths


@given(walks())
def test_no_test_row_lies_within_purge_and_embargo_of_a_training_row(
    walk: tuple[Span, WalkForward],
) -> None:
    rows, lengths = walk
    for window in walk_forward(rows, lengths):
        train = np.arange(window.train.start, window.train.stop)
        test = np.arange(window.test.start, window.test.stop)
        distances = np.abs(test[:, None] - train[None, :])
        assert distances.min() == lengths.purge + lengths.embargo + 1
        assert train.max() < test.min()


@given(walks())
def test_tests_touch_do_not_overlap_and_end_with_the_last_row(
    walk: tuple[Span, WalkForward],
) -> None:
    rows, lengths = walk
    windows = walk_forward(rows, lengths)
    assert all(len(window.test) == lengths.test for window in windows)
    assert all(a.test.stop == b.test.start for a, b in pairwise(windows))
    assert windows[-1].test.stop == rows.stop
    assert all(window.train.start >= rows.start for window in windows)


@given(walks())
def test_training_is_as_long_as_asked_or_begins_with_the_first_row(
    walk: tuple[Span, WalkForward],
) -> None:
    rows, lengths = walk
    windows = walk_forward(rows, lengths)
    if lengths.expanding:
        assert {window.train.start for window in windows} == {rows.start}
        assert len(windows[0].train) >= lengths.train
        assert [len(w.train) for w in windows] == sorted({len(w.train) for w in windows})
    else:
        assert {len(window.train) for window in windows} == {lengths.train}


@given(walks())
def test_rolling_windows_are_those_of_skfolio_on_the_rows_that_are_used(
    walk: tuple[Span, WalkForward],
) -> None:
    rows, lengths = walk
    windows = walk_forward(rows, lengths)
    left_out = (len(rows) - lengths.train - lengths.gap) % lengths.test
    start = rows.start if lengths.expanding else rows.start + left_out
    reference = Reference(
        train_size=lengths.train + (left_out if lengths.expanding else 0),
        test_size=lengths.test,
        purged_size=lengths.gap,
        expand_train=lengths.expanding,
    )
    expected = [
        (train + start, test + start)
        for train, test in reference.split(np.zeros((rows.stop - start, 1)))
    ]
    assert len(expected) == len(windows)
    for window, (train, test) in zip(windows, expected, strict=True):
        assert (window.train.start, window.train.stop - 1) == (train[0], train[-1])
        assert (window.test.start, window.test.stop - 1) == (test[0], test[-1])


@given(rows=st.integers(40, 5000))
def test_the_usual_lengths_give_about_eight_windows(rows: int) -> None:
    assert 8 <= len(walk_forward(Span(0, rows), usual_lengths(rows))) <= 11


@pytest.mark.parametrize(
    ("lengths", "error", "expected"),
    [
        (WalkForward(train=50, test=20, purge=1, embargo=0), DataError, "more than the 60 bars"),
        (WalkForward(train=1, test=20, purge=1, embargo=0), ConfigError, "at least 2 bars"),
        (WalkForward(train=20, test=5, purge=-1, embargo=0), ConfigError, "no negative purge"),
    ],
)
def test_lengths_that_leave_no_window_are_told(
    lengths: WalkForward, error: type[Exception], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        walk_forward(Span(10, 70), lengths)


def test_lengths_are_bars_or_time_on_the_calendar() -> None:
    assert bars_in("250", 256.0, "--train") == 250
    assert bars_in("0", 256.0, "--purge") == 0
    assert bars_in("365d", 260.0, "--train") == 260
    assert bars_in("24h", 6_240.0, "--test") == 18
    with pytest.raises(ConfigError, match="--train: expected bars such as 250"):
        bars_in("2 years", 256.0, "--train")
