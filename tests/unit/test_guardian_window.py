"""What a live desk sends of its returns is enough: the guardian's window is the desk's, always."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from agents.guardian.returns_window import ReturnsWindow
from market.account_shown import AccountShown, Proposed
from market.bars import Floats
from market.errors import FatalError
from market.lines import NO_ANSWER
from market.live_messages import GuardianResumed, ResumeGuardian
from market.messages import Reviewed
from market.verdicts import SignedApprovals
from tests.live_session import bar_ready, live_session, minute, small_plan


class Looking:
    """A guardian that keeps its window as a real one does. fails_on: a bar it cannot judge."""

    def __init__(self, fails_on: int) -> None:
        self._fails_on = fails_on
        self._window = ReturnsWindow()
        self.sent: dict[int, int] = {}
        self.held: dict[int, Floats] = {}

    def answer(self, message: object) -> object:
        if isinstance(message, AccountShown):
            self.sent[message.sequence] = len(message.returns)
            self.held[message.sequence] = self._window.take(message.returns).copy()
            return NO_ANSWER
        if isinstance(message, ResumeGuardian):
            return GuardianResumed(halt="NONE")
        assert isinstance(message, Proposed)
        if message.sequence == self._fails_on:
            raise FatalError("it cannot be judged")
        signed = SignedApprovals(
            session="", epoch=1, sequence=message.sequence, expires=0, approved=(), signature=b""
        )
        return Reviewed(sequence=message.sequence, signed=signed, refused=(), notices=())


def test_whatever_happens_between_bars_the_guardian_holds_the_window_of_the_desk() -> None:
    plan = small_plan(("tests.voters:Follower",), guardian={"correlation_window": 10})
    length = plan.desk.limits.returns_window
    rows = length + 10  # before, the window still grows and is sent whole
    moved = [*np.random.default_rng(1).normal(0.0, 1e-3, rows)]
    fails_on, unknown, missed, last = rows + 4, rows + 6, rows + 8, rows + 14
    member = Looking(fails_on)
    with live_session(plan, rows=rows, guardian=member) as session:
        for number in range(rows, last):
            moved.append(1e-3 * (number % 5))
            if number == missed:
                continue
            ready = bar_ready(number, moved[-1])
            if number == missed + 1:  # every bar that closes has a number
                ready = replace(ready, missed=(minute(missed, moved[-2]),))
            if number == unknown:
                ready = replace(ready, settlement=replace(ready.settlement, equity=math.nan))
            session.decide(ready)
            session.decided()
            if number != unknown:
                close = np.array([minute(0, one).values[3] for one in moved[-length - 1 :]])
                expected = close[1:] / close[:-1] - 1.0
                np.testing.assert_array_equal(member.held[number], expected, str(number))
    assert unknown not in member.held
    whole = {number for number, sent in member.sent.items() if sent > 1}
    # At first, and where the bar before was not judged; else the newest row is enough.
    assert whole == {rows, fails_on + 1, unknown + 1, missed + 1}
