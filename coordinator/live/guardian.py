"""`GuardianDesk`: the guardian as a live coordinator reaches it; silent means no new risk."""

from __future__ import annotations

import time
from typing import TypeVar

from infra.deadlines import DeadlineLine, answered
from infra.frames import frame
from market.account_shown import AccountShown, Proposed
from market.bars import Floats
from market.errors import QuorumError, StreamLost
from market.events import TradingRearmed
from market.lines import Failure
from market.live_events import RiskAssessed
from market.live_messages import (
    AssessRisk,
    EquityWatched,
    GuardianResumed,
    ResumeGuardian,
    WatchEquity,
)
from market.messages import Rearm, Reviewed

Answer = TypeVar("Answer", Reviewed, EquityWatched, GuardianResumed, TradingRearmed)

NEVER = -2
AWAKE_S = 5e-4
"""How long its answer is waited for without sleep: about as long as a review takes."""


class GuardianDesk:
    """deadline_s: how long it may think. memory: what its breakers remembered last; a guardian
    that calls in is given that before anything else, so that its death forgives nothing.
    """

    def __init__(self, deadline_s: float, memory: Floats) -> None:
        self._deadline_s = deadline_s
        self._line: DeadlineLine | None = None
        self._reviewed = NEVER
        self._rows = 0
        self._prepared: bytes | None = None
        self._until = 0.0
        self.memory = memory
        self.halt = "NONE"
        self.silent_because = "it has not called in yet"
        self._assessed: list[RiskAssessed] = []

    @property
    def here(self) -> bool:
        """Whether it is on the line."""
        return self._line is not None

    def connect(self, line: DeadlineLine) -> None:
        """It called in."""
        self._drop("")
        self._line = line
        if len(self.memory):
            resumed = self._ask(ResumeGuardian(memory=self.memory), GuardianResumed)
            if resumed is None:  # one that does not know of its halts must not review
                self._drop(self.silent_because)
            else:
                self.halt = resumed.halt

    def holds(self, sequence: int, rows: int) -> bool:
        """Whether of so many returns it holds all but the newest.

        A window that still grows is given whole: only one that is full loses a row for each new.
        """
        return sequence == self._reviewed + 1 and rows == self._rows

    def prepare(self, account: AccountShown, rows: int) -> None:
        """Have an account ready to be shown. rows: of the returns that it holds with it."""
        self._rows, self._prepared = rows, frame(account)

    def show(self) -> None:
        """Show it the account that was prepared, if any: it is awake when the proposals come."""
        prepared, self._prepared = self._prepared, None
        if self._line is None or prepared is None:
            return
        self._reviewed = NEVER
        try:
            self._line.post_frame(prepared)
        except StreamLost as error:
            self._drop(str(error))

    def propose(self, proposed: Proposed) -> None:
        """Ask for its verdicts on what is proposed to the account that it was shown."""
        self._post(proposed)

    def verdict(self, sequence: int) -> Reviewed | None:
        """Its verdicts, or None where it did not answer in time: then nothing is approved."""
        reviewed = self._hear(Reviewed)
        if reviewed is not None and reviewed.sequence == sequence:
            self.memory, self.halt = reviewed.memory, reviewed.halt
            self._reviewed = sequence  # it holds the window up to this bar
            return reviewed
        return None

    def watch(self, asked: WatchEquity) -> EquityWatched | None:
        """What it notices between two bars; None where it is silent."""
        watched = self._ask(asked, EquityWatched)
        if watched is not None:
            self.memory, self.halt = watched.memory, watched.halt
        return watched

    def rearm(self, asked: Rearm) -> TradingRearmed | None:
        """End its drawdown halt; None where it is silent or has none in force."""
        return self._ask(asked, TradingRearmed)

    def assess(self, asked: AssessRisk) -> None:
        """Let it measure the book beside the path; the answer comes with that to a later question.

        Where it is away or does not keep up, nothing is asked.
        """
        if self._line is None:
            return
        try:
            self._line.post(asked)
        except StreamLost as error:
            self._drop(str(error))

    def assessed(self) -> tuple[RiskAssessed, ...]:
        """What it has measured since this was asked last."""
        found, self._assessed = tuple(self._assessed), []
        return found

    def _ask(self, message: object, kind: type[Answer]) -> Answer | None:
        """One question and its answer by the deadline."""
        self._post(message)
        return self._hear(kind)

    def _post(self, message: object) -> None:
        self._until = time.monotonic() + self._deadline_s
        if self._line is not None:
            try:
                self._line.post(message)
            except StreamLost as error:
                self._drop(str(error))

    def _hear(self, kind: type[Answer]) -> Answer | None:
        """The answer to what was posted last.

        A guardian that is late is hung up on: it calls in anew, is given its memory, and no answer
        to an old question can be taken for one to a new.
        """
        if self._line is None:
            return None
        try:
            while answered(self._line, self._until, AWAKE_S):
                for answer in self._line.take():
                    if isinstance(answer, Failure):
                        raise answer.error
                    if isinstance(answer, RiskAssessed):
                        self._assessed.append(answer)
                    if isinstance(answer, kind):
                        return answer
        except StreamLost as error:
            self._drop(str(error))
            return None
        except QuorumError as error:
            self.silent_because = str(error)
            return None
        self._drop(f"it did not answer within {self._deadline_s * 1e3:g} ms")
        return None

    def _drop(self, why: str) -> None:
        if self._line is not None:
            self._line.close()
        self._line, self.silent_because = None, why
        self._reviewed = NEVER
