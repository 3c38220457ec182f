"""The gateway as a Ray actor."""

from __future__ import annotations

from typing import Any

import ray

from market.shell import LINE, MemberShell


class TradingGateway(MemberShell):
    """The only door to the broker and the only writer of the journal."""


# Ray's stubs do not know concurrency groups.
_actor: Any = ray.remote(num_cpus=0, concurrency_groups={LINE: 1})  # type: ignore[call-overload]
GatewayActor = _actor(TradingGateway)
