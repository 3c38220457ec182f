"""The guardian's returns window goes on row by row, and is what a whole one would be."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.guardian.returns_window import ReturnsWindow


@given(st.integers(2, 6), st.integers(0, 30))
def test_after_any_number_of_rows_it_is_the_newest_of_all(length: int, more: int) -> None:
    rows = np.random.default_rng(more).normal(size=(length + more, 3))
    window = ReturnsWindow()
    found = window.take(rows[:length])
    for end in range(length + 1, length + more + 1):
        found = window.take(rows[end - 1 : end])
    assert np.array_equal(found, rows[-length:])
    assert found.flags.c_contiguous


def test_a_whole_window_takes_the_place_of_the_one_before() -> None:
    window = ReturnsWindow()
    window.take(np.ones((4, 2)))
    window.take(np.full((1, 2), 2.0))
    assert np.array_equal(window.take(np.full((3, 2), 7.0)), np.full((3, 2), 7.0))


def test_what_was_given_is_not_written_over() -> None:
    window, given_rows = ReturnsWindow(), np.ones((2, 2))
    window.take(given_rows)
    for _ in range(5):
        window.take(np.zeros((1, 2)))
    assert np.array_equal(given_rows, np.ones((2, 2)))


def test_one_row_without_a_window_before_it_is_all_there_is() -> None:
    assert ReturnsWindow().take(np.ones((1, 2))).shape == (1, 2)
