"""A budget of messages: no second and no minute ever holds more, wherever it begins."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.budgets import SECOND_NS, over_budget, spend, unspent

START = 1.7e18
GAPS = st.lists(
    st.one_of(st.just(0.0), st.floats(0.0, 2.0), st.floats(0.0, 70.0)), min_size=1, max_size=80
)


def passed(gaps: list[float], per_second: int, per_minute: int) -> list[float]:
    """Times, in seconds, of the messages that were let through."""
    spent, now, through = unspent(), 0.0, []
    for gap in gaps:
        now += gap
        time = START + now * SECOND_NS
        if np.isnan(over_budget(spent, per_second, per_minute, time)[1]):
            spend(spent, time)
            through.append(now)
    return through


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(one <= other < one + seconds for other in times) for one in times)


@given(GAPS, st.integers(1, 5), st.integers(1, 12))
def test_no_second_and_no_minute_holds_more_than_its_limit(
    gaps: list[float], per_second: int, per_minute: int
) -> None:
    through = passed(gaps, per_second, per_minute)
    assert through, "the first always passes"
    # A time is told to 256 ns, so that the very edge of a second is nobody's.
    assert most_within(through, 1.0 - 1e-6) <= per_second
    assert most_within(through, 60.0 - 1e-6) <= per_minute


@given(GAPS)
def test_where_the_limit_is_never_reached_nothing_is_held_back(gaps: list[float]) -> None:
    assert len(passed(gaps, len(gaps), len(gaps))) == len(gaps)


def test_the_limit_and_the_number_that_would_break_it_are_told() -> None:
    spent = unspent()
    for _ in range(3):
        spend(spent, START)
    assert over_budget(spent, 3.0, 9.0, START) == (3.0, 4.0)
    assert over_budget(spent, 9.0, 3.0, START + 2.0 * SECOND_NS) == (3.0, 4.0)
    assert np.isnan(over_budget(spent, 4.0, 9.0, START)[1])


def test_after_two_whole_minutes_everything_may_be_sent_again() -> None:
    spent = unspent()
    for _ in range(9):
        spend(spent, START)
    assert np.isnan(over_budget(spent, 9.0, 9.0, START + 120.0 * SECOND_NS)[1])


def test_a_clock_that_steps_back_gives_nothing_back() -> None:
    spent = unspent()
    spend(spent, START)
    assert over_budget(spent, 1.0, 9.0, START - 30.0 * SECOND_NS) == (1.0, 2.0)
