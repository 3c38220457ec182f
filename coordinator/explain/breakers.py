"""What the guardian's breakers remembered before a review, from what they remembered after it."""

from __future__ import annotations

from agents.guardian.breakers import armed_breakers, remembered, resume_breakers
from agents.guardian.codes import Halt
from market.bars import Floats


def before_review(earlier: Floats | None, after: Floats, *, rearmed: bool) -> Floats:
    """Breakers (6,) that review the same equity to the same halts, notices and memory.

    Between two bars a live guardian watches every price and records its memory only where it
    halts, so that the memory just before a review is not on record. All of it that can matter is:

    - peak, day and its opening equity are those of `after`: watching raises the peak to an equity
      that the review would raise it to as well, and the day had begun, or begins with it;
    - the halt is that of `earlier`, the last one recorded before the review: what changes it is
      recorded, but for a daily-loss halt, which ends with its day;
    - the bars since a drawdown halt are counted by reviews alone.

    earlier: None before the first memory. rearmed: whether a person re-armed trading since.
    """
    memory = armed_breakers(1.0)
    resume_breakers(memory, after)
    last = armed_breakers(1.0)
    if earlier is not None:
        resume_breakers(last, earlier)
    halt = int(last.halt[0])
    if rearmed or (halt == Halt.DAILY_LOSS and last.day[0] != memory.day[0]):
        halt = int(Halt.NONE)
    memory.halt[0] = halt
    memory.halted_bars[0] = 0 if rearmed else last.halted_bars[0]
    found: Floats = remembered(memory)
    return found
