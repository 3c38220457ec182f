"""Laws of the assessment: reductions work, a NaN never passes, size scales risk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.assessment.assess import assess
from tests.risk_books import SYMBOLS, book

shares = st.lists(
    st.floats(-3.0, 3.0).filter(lambda share: share == 0.0 or abs(share) > 0.01),
    min_size=5,
    max_size=5,
).map(np.array)
seeds = st.integers(0, 50)


@settings(max_examples=60, deadline=None)
@given(shares=shares, seed=seeds)
def test_reductions_done_together_leave_no_limit_breached(shares: np.ndarray, seed: int) -> None:
    held = book(shares, seed)
    after = held.units.copy()
    for action in assess(held).actions:
        after[SYMBOLS.index(action.symbol)] += action.units
    assert (after * held.units >= 0.0).all()
    left = assess(replace(held, units=after))
    assert [part for part in left.parts if not part.used <= 1.0 + 1e-9] == []


@settings(max_examples=40, deadline=None)
@given(
    shares=shares,
    where=st.sampled_from(["units", "mid", "rate", "spread"]),
    column=st.integers(0, 4),
)
def test_a_nan_in_what_is_held_is_never_passed_over(
    shares: np.ndarray, where: str, column: int
) -> None:
    held = book(shares)
    broken = getattr(held, where).copy()
    broken[column] = np.nan
    found = assess(replace(held, **{where: broken}))
    if where == "units" or held.units[column] != 0.0:
        assert found.score == 0.0
        assert found.alerts[0].level == "critical"
    else:
        assert found.score == assess(held).score


@settings(max_examples=40, deadline=None)
@given(shares=shares, factor=st.sampled_from([2.0, 4.0]))
def test_twice_the_book_uses_twice_of_every_limit_on_size_and_loss(
    shares: np.ndarray, factor: float
) -> None:
    held = book(shares)
    one = {part.code: part.used for part in assess(held).parts}
    more = {p.code: p.used for p in assess(replace(held, units=factor * held.units)).parts}
    for code in set(one) - {"OPEN_POSITIONS", "DRAWDOWN"}:
        assert more[code] == pytest.approx(factor * one[code], abs=1e-12)
