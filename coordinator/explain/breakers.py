"""What the guardian remembered before a review, from what it remembered after it."""

from __future__ import annotations

import numpy as np

from agents.guardian.breakers import armed_breakers, by_drawdown, remembered, resume_breakers
from agents.guardian.codes import Halt
from market.bars import Floats

BREAKERS = len(armed_breakers(1.0))


def before_review(
    earlier: Floats | None, after: Floats, *, rearmed: bool, began: bool, unhurried: Floats
) -> Floats:
    """A memory that reviews the same equity and orders to the same verdicts, notices and memory.

    Between two bars a live guardian watches every price and records its memory only where it
    halts, so that the memory just before a review is not on record. All of it that can matter is:

    - peak, day and its opening equity are those of `after`: watching raises the peak to an equity
      that the review would raise it to as well, and the day had begun, or begins with it;
    - a drawdown halt is on record when it begins and when a person ends it; a daily-loss halt was
      in force where it is after the review and the review did not begin it (it ends with its day,
      and on the next may go on without a word);
    - the bars since a drawdown halt are counted by reviews alone;
    - the pace of orders moves with reviews and re-armings alone, which are on record.

    earlier: the last memory on record, None before the first. rearmed: whether a person re-armed
    trading since. began: whether the record says that the review itself began a halt. unhurried:
    the pace of a desk that has ordered nothing.
    """
    memory = armed_breakers(1.0)
    resume_breakers(memory, after[:BREAKERS])
    last = armed_breakers(1.0)
    if earlier is not None:
        resume_breakers(last, earlier[:BREAKERS])
    halt = Halt.NONE
    if by_drawdown(int(last.halt[0])) and not rearmed:
        halt = Halt(int(last.halt[0]))
    elif memory.halt[0] == Halt.DAILY_LOSS and not began:
        halt = Halt.DAILY_LOSS
    memory.halt[0] = int(halt)
    memory.halted_bars[0] = 0 if rearmed else last.halted_bars[0]
    pace = earlier[BREAKERS:] if earlier is not None and len(earlier) > BREAKERS else unhurried
    return np.concatenate([remembered(memory), pace])
