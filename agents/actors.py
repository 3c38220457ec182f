"""The committee as Ray actors: thin shells around plain classes."""

from __future__ import annotations

from typing import Any

import ray

from market.shell import LINE, MemberShell


class TradingAgent(MemberShell):
    """A trading agent at the committee's table."""


class QuantumOptimizer(MemberShell):
    """Shares risk between the instruments."""


class RiskGuardianDesk(MemberShell):
    """Reviews every proposal; nothing passes without it."""


# Ray's stubs do not know concurrency groups.
_actor: Any = ray.remote(num_cpus=0, concurrency_groups={LINE: 1})  # type: ignore[call-overload]
TradingAgentActor = _actor(TradingAgent)
QuantumOptimizerActor = _actor(QuantumOptimizer)
RiskGuardianActor = _actor(RiskGuardianDesk)
