"""Members that answer at once: what the hops alone cost."""

from __future__ import annotations

import numpy as np

from market.account_shown import AccountShown, Proposed
from market.lines import NO_ANSWER
from market.live_messages import GuardianResumed
from market.messages import BallotCast, PrimeWith, Reviewed, VoteOn
from market.verdicts import SignedApprovals


class Empty:
    """An agent's place without an agent; its ballots have the size of real ones."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def answer(self, message: object) -> object:
        """A ballot of abstentions."""
        if isinstance(message, VoteOn):
            width = message.bar.values.shape[1]
            return BallotCast(
                sequence=message.sequence,
                layers=np.full((1 + self._rows, width), np.nan),
            )
        if isinstance(message, PrimeWith):
            return ()
        raise TypeError(type(message).__name__)


class EmptyGuardian:
    """A guardian that looks at nothing and approves nothing."""

    def answer(self, message: object) -> object:
        """No verdicts."""
        if isinstance(message, AccountShown):
            return NO_ANSWER
        if isinstance(message, Proposed):
            return Reviewed(
                sequence=message.sequence,
                signed=SignedApprovals(
                    session="", epoch=0, sequence=message.sequence, expires=0, approved=(),
                    signature=b"",
                ),
                refused=(),
                notices=(),
                memory=np.zeros(6),
            )  # fmt: skip
        return GuardianResumed(halt="NONE")
