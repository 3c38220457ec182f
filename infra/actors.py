"""The gateway and the paper exchange as Ray actors."""

from __future__ import annotations

from typing import Any

import ray

from infra.brokers.paper.live.running import ExchangeShell
from infra.live.standing import StandingServer
from market.shell import LINE, MemberShell


class TradingGateway(MemberShell):
    """The only door to the broker and the only writer of the journal."""


class LiveTradingGateway(StandingServer):
    """The only door to the broker of a live desk, and the only writer of its journal."""


# Ray's stubs do not know concurrency groups.
_actor: Any = ray.remote(num_cpus=0, concurrency_groups={LINE: 1})  # type: ignore[call-overload]
GatewayActor = _actor(TradingGateway)

_standing: Any = ray.remote(num_cpus=0, max_restarts=-1)
LiveGatewayActor = _standing(LiveTradingGateway)
ExchangeActor = _standing(ExchangeShell)
"""A paper exchange; created detached, it outlives its creator, and goes on from its store when Ray
restarts it."""
