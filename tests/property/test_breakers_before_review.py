"""What a live guardian remembered before a review is found from what is on record."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.breakers import (
    Breakers,
    armed_breakers,
    by_drawdown,
    observe_equity,
    rearm,
    remembered,
    resume_breakers,
    watch_equity,
)
from agents.guardian.codes import Halt
from coordinator.explain.breakers import before_review
from market.bars import Floats
from tests.books import WIDE

HOUR_NS = 3_600_000_000_000
NEVER = -1
Step = tuple[str, float]
STEPS = st.lists(
    st.tuples(st.sampled_from(["bar", "mark", "rearm"]), st.floats(0.93, 1.05)), max_size=60
)


def watched(breakers: Breakers, time: int, equity: float) -> bool:
    """A price between two bars; whether it halted, which is when a live desk records memory."""
    bars = int(breakers.halted_bars[0])
    before = int(breakers.halt[0])
    unflattened = WIDE._replace(flatten_drawdown=np.inf)
    halt = observe_equity(breakers, unflattened, time, equity)
    breakers.halted_bars[0] = min(int(breakers.halted_bars[0]), bars)
    return halt not in (before, Halt.NONE)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_a_review_of_what_is_on_record_gives_the_same_halts_and_the_same_memory(
    steps: list[Step],
) -> None:
    breakers, time, equity = armed_breakers(100.0), 0, 100.0
    earlier: Floats | None = None
    rearmed = False
    for what, change in steps:
        time += 7 * HOUR_NS
        equity *= change
        if what == "mark":
            if watched(breakers, time, equity):
                earlier, rearmed = remembered(breakers), False
        elif what == "rearm":
            if by_drawdown(int(breakers.halt[0])):
                rearm(breakers, WIDE)
                rearmed = True
        else:
            expected = watch_equity(breakers, WIDE, time, equity, NEVER)
            after = remembered(breakers)
            again = armed_breakers(1.0)
            began = expected.halted != Halt.NONE
            before = before_review(
                earlier, after, rearmed=rearmed, began=began, unhurried=np.array([7.0])
            )
            assert before[-1] == 7.0
            resume_breakers(again, before[:-1])
            found = watch_equity(again, WIDE, time, equity, NEVER)
            np.testing.assert_array_equal(np.array(found), np.array(expected))
            np.testing.assert_array_equal(remembered(again), after)
            earlier, rearmed = after, False
