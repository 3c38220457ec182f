"""The same decision by plain Ray calls: `.remote` to every member and `ray.get`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import ray

from coordinator.bootstrap import agent_builder
from coordinator.deciding import Deciding
from coordinator.live.bootstrap import live_guardian_builder
from coordinator.live.plan import LivePlan
from market.bars import Bars
from market.lines import Member
from market.live_messages import BarReady
from market.messages import PrimeWith, Reviewed, VoteOn

EPOCH = 1


class RayMember:
    """A member behind plain Ray calls."""

    def __init__(self, build: Callable[[], Member]) -> None:
        self._member = build()

    def answer(self, message: object) -> object:
        """Answer one message."""
        return self._member.answer(message)


class PlainCalls:
    """Agents and a guardian as Ray actors, asked without deadlines, and what a coordinator works
    out between their answers.
    """

    def __init__(self, plan: LivePlan, bars: Bars, rows: int) -> None:
        kind: Any = ray.remote(num_cpus=0)(RayMember)
        self._agents = [kind.remote(agent_builder(spec)) for spec in plan.specs]
        self._guardian = kind.remote(live_guardian_builder(plan, secrets.token_bytes(32)))
        self._traded = plan.desk.traded
        self._deciding = Deciding(plan.desk)
        history = bars.rows(0, rows)
        self._deciding.extend(history)
        self._multiplier = np.ones(self._traded)
        self._evidence = np.empty((0, self._traded))
        self._follows = False
        primed = PrimeWith(sequence=rows, history=history)
        ray.get([agent.answer.remote(primed) for agent in self._agents])

    def decide(self, ready: BarReady) -> Reviewed:
        """From the bar to the verdict; of the returns, only the newest row is sent, as live."""
        sequence, settlement, deciding = ready.sequence, ready.settlement, self._deciding
        bar = ready.bar.columns(self._traded)
        asked = [a.answer.remote(VoteOn(sequence=sequence, bar=bar)) for a in self._agents]
        deciding.stand_at(ready.stage)
        deciding.measure(bar)
        scores = np.stack([ballot.score for ballot in ray.get(asked)])
        deciding.count(scores)
        deciding.propose(settlement, self._multiplier, False)
        context = deciding.context(sequence, bar.time, settlement, EPOCH)
        if self._follows:
            context = replace(context, returns=context.returns[-1:])
        reviewed: Reviewed = ray.get(self._guardian.answer.remote(context))
        self._follows = True
        deciding.taken(sequence, bar.time, scores, self._evidence, self._multiplier, reviewed)
        return reviewed

    def decided(self) -> None:
        """Nothing waited."""

    def close(self) -> None:
        """Take the actors down."""
        for actor in (*self._agents, self._guardian):
            ray.kill(actor)


@contextmanager
def plain_calls(plan: LivePlan, bars: Bars, rows: int) -> Iterator[PlainCalls]:
    """The members of a desk behind plain calls, for the time of a measurement."""
    desk = PlainCalls(plan, bars, rows)
    try:
        yield desk
    finally:
        desk.close()
