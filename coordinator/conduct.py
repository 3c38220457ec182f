"""Conducting a desk on Ray: start the actors, run, watch, and take everything down again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from agents.actors import QuantumOptimizerActor, RiskGuardianActor, TradingAgentActor
from coordinator.abandoned import ABANDONED_AFTER_S, another_desk, make_room
from coordinator.actors import CoordinatorActor
from coordinator.bootstrap import (
    COORDINATOR,
    GATEWAY,
    GUARDIAN,
    OPTIMIZER,
    agent_builder,
    gateway_builder,
    guardian_builder,
    optimizer_builder,
)
from coordinator.plan import Plan
from coordinator.progress import Progress
from coordinator.replay import Replayed
from infra.actors import GatewayActor
from infra.runtime import node_address, spans_nodes
from infra.transport import SocketChannel
from market.errors import FatalError, MemberLost, QuorumError
from market.shell import LINE

Watcher = Callable[[Progress], None]
START_WITHIN_S = 120.0
LOOK_EVERY_S = 0.2


def run_on_ray(
    plan: Plan, folder: Path, watch: Watcher, *, abandoned_after_s: float = ABANDONED_AFTER_S
) -> Replayed:
    """Run the plan with every member as an actor of its own; needs a connection to Ray.

    folder: receives journal.sqlite. watch: called with the progress a few times a second.
    abandoned_after_s: a desk in the same namespace makes room once unwatched for so long. A
    KeyboardInterrupt stops the session after its bar and returns what it has; a second one ends
    it at once. Raises what ended the session; actors are gone afterwards in any case.
    """
    actors: dict[str, Any] = {}
    try:
        make_room(plan.settings.ray.namespace, abandoned_after_s)
        _start(plan, folder, actors)
        coordinator = actors[COORDINATOR]
        running = coordinator.replay.options(concurrency_group=LINE).remote(START_WITHIN_S)
        return _watch(coordinator, running, watch)
    except (RayTaskError, RayActorError) as error:
        raise as_quorum_error(error) from None
    finally:
        for actor in actors.values():
            ray.kill(actor)


def _start(plan: Plan, folder: Path, actors: dict[str, Any]) -> None:
    """Start every actor under its name and let it call the coordinator.

    The gateway writes into the run's folder, the coordinator listens at this node's address, and
    the desk stops without its guardian, so these stay on this node. Over TCP the others spread
    over the cluster: a lost worker costs their votes.
    """
    approvals_key, line_key = secrets.token_bytes(32), secrets.token_bytes(32)
    ray_settings = plan.settings.ray
    over_tcp = ray_settings.transport == "tcp" or (
        ray_settings.transport == "auto" and spans_nodes()
    )
    kept = ray.put(plan)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)

    def start(kind: Any, name: str, *arguments: object) -> Any:
        stays = name in {COORDINATOR, GUARDIAN, GATEWAY} or not over_tcp
        try:
            actors[name] = kind.options(
                name=name,
                namespace=ray_settings.namespace,
                lifetime="detached",
                scheduling_strategy=here if stays else "SPREAD",
            ).remote(*arguments)
        except ValueError as error:
            if "already" not in str(error):
                raise
            raise another_desk(ray_settings.namespace) from None
        return actors[name]

    host = node_address() if over_tcp else None
    coordinator = start(CoordinatorActor, COORDINATOR, kept, line_key, host)
    for name, spec, lookback in zip(plan.names, plan.specs, plan.lookbacks, strict=True):
        start(TradingAgentActor, name, name, agent_builder(spec), f"lookback {lookback}")
    start(RiskGuardianActor, GUARDIAN, GUARDIAN, guardian_builder(plan, approvals_key), "review")
    start(
        QuantumOptimizerActor,
        OPTIMIZER,
        OPTIMIZER,
        optimizer_builder(plan),
        plan.settings.optimizer.method,
    )
    start(
        GatewayActor,
        GATEWAY,
        GATEWAY,
        gateway_builder(plan, folder, approvals_key),
        "paper broker, journal",
    )
    members = [actor for name, actor in actors.items() if name != COORDINATOR]
    ray.get([member.open.remote() for member in members])
    # By its class: a function of this file would have every member import the whole desk.
    call = partial(SocketChannel.dial, ray.get(coordinator.address.remote()), line_key)
    for member in members:
        member.serve.options(concurrency_group=LINE).remote(call)


def _watch(coordinator: Any, running: Any, watch: Watcher) -> Replayed:
    """Show progress until the session is over; Ctrl-C asks it to stop."""
    stopping = False
    while True:
        try:
            done, _ = ray.wait([running], timeout=LOOK_EVERY_S)
            progress = ray.get(coordinator.progress.remote())
            if progress is not None:
                watch(progress)
            if done:
                closed: Replayed = ray.get(running)
                return closed
        except KeyboardInterrupt:
            if stopping:
                raise
            stopping = True
            coordinator.stop.remote()


def as_quorum_error(error: RayTaskError | RayActorError) -> QuorumError:
    """The desk's own error that travelled through Ray, or a fatal one that names the actor's."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, QuorumError):
        return cause
    if isinstance(error, RayActorError):
        return MemberLost(f"an actor of the desk died: {error}")
    return FatalError(f"the session failed: {error}")
