"""The committee as Ray actors: thin shells around plain classes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import ray

from agents.ballot import Agent
from agents.panel_seat import PanelSeat, RowBallots
from market.bars import Bars
from market.errors import FatalError
from market.shell import LINE, MemberShell, StandingMember

NICER_BY = 4
"""Steps of niceness of the optimizer, beyond that of Ray's workers."""


class TradingAgent(MemberShell):
    """A trading agent at the committee's table."""


class QuantumOptimizer(MemberShell):
    """Shares risk between the instruments."""


class RiskGuardianDesk(MemberShell):
    """Reviews every proposal; nothing passes without it."""


class StandingTradingAgent(StandingMember):
    """A trading agent at the table of a live desk."""


class StandingOptimizer(StandingMember):
    """Shares risk between the instruments of a live desk, beside the path of its decisions: it
    gives way to whoever is on it.
    """

    def __init__(self, *arguments: Any) -> None:
        os.nice(NICER_BY)
        super().__init__(*arguments)


class StandingGuardian(StandingMember):
    """Reviews every proposal of a live desk; nothing passes without it."""


class PanelAgent:
    """An agent that votes on rows of a panel, which lies in Ray's object store and is not copied.

    name: of the agent. build: makes it in this process.
    """

    def __init__(self, name: str, build: Callable[[], Agent], bars: Bars, history: int) -> None:
        self._name = name
        self._build = build
        self._bars = bars
        self._history = history
        self._seat: PanelSeat | None = None

    def open(self) -> tuple[str, ...]:
        """Build the agent; the names of its evidence rows. Apart from the constructor, so that its
        errors arrive as they are.
        """
        self._seat = PanelSeat(self._build, self._bars, self._history)
        return self._seat.evidence

    def vote(self, start: int, stop: int, evidence: bool) -> RowBallots:
        """Its votes on rows `start` up to, not including, `stop`."""
        if self._seat is None:
            raise FatalError(f"{self._name} was asked to vote before it was opened")
        return self._seat.vote(start, stop, evidence=evidence)

    def __repr__(self) -> str:
        return f"{self._name} (votes on panels)"


# Ray's stubs do not know concurrency groups.
_actor: Any = ray.remote(num_cpus=0, concurrency_groups={LINE: 1})  # type: ignore[call-overload]
TradingAgentActor = _actor(TradingAgent)
QuantumOptimizerActor = _actor(QuantumOptimizer)
RiskGuardianActor = _actor(RiskGuardianDesk)
PanelAgentActor: Any = ray.remote(num_cpus=0, max_restarts=0)(PanelAgent)
_standing: Any = ray.remote(num_cpus=0, max_restarts=-1)
StandingAgentActor = _standing(StandingTradingAgent)
StandingOptimizerActor = _standing(StandingOptimizer)
StandingGuardianActor = _standing(StandingGuardian)
