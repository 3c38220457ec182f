"""`VoteMemory`: what agents voted on the whole panel, computed once an agent and not once a trial.

Votes depend on the agent and the bars alone. Trials that differ in thresholds, weights, sizes,
limits or the broker share them.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from agents.panel_seat import vote_on_rows
from coordinator.plan import Plan
from coordinator.roster import AgentInHand, AgentSpec
from market.bars import Bars, Floats

MOST_BYTES = 512 * 1024 * 1024
Key = tuple[str, str, str]


class VoteMemory:
    """Scores (T, N) by agent; beyond `most_bytes` the longest unused are forgotten.

    bars: (T, N) the traded instruments.
    """

    def __init__(self, bars: Bars, most_bytes: int = MOST_BYTES) -> None:
        self._bars = bars
        self._most_bytes = most_bytes
        self._scores: OrderedDict[Key, Floats] = OrderedDict()
        self.computed = 0

    def of(self, plan: Plan) -> tuple[Floats, ...]:
        """The scores (T, N) of each of the plan's agents, in the order of its committee.

        Raises AgentError where an agent cannot be built or breaks its contract; whatever else it
        raises passes through.
        """
        return tuple(
            self._of(name, spec) for name, spec in zip(plan.names, plan.specs, strict=True)
        )

    def _of(self, name: str, spec: AgentSpec) -> Floats:
        key = key_of(name, spec)
        found = self._scores.get(key)
        if found is None:
            voted = vote_on_rows(spec.build(), self._bars, 0, len(self._bars), ())
            found = np.ascontiguousarray(voted.score)
            self.computed += 1
            self._scores[key] = found
            self._forget()
        self._scores.move_to_end(key)
        return found

    def _forget(self) -> None:
        while len(self._scores) > 1 and sum(s.nbytes for s in self._scores.values()) > (
            self._most_bytes
        ):
            self._scores.popitem(last=False)


def key_of(name: str, spec: AgentSpec) -> Key:
    """What an agent's votes depend on, beside the bars."""
    told = repr(spec.parameters) if not isinstance(spec, AgentInHand) else spec.code
    return (name, spec.path, told)
