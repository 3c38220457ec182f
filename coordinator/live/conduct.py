"""A live desk on Ray: its actors, started so that they stand by themselves, and taken down."""

from __future__ import annotations

import contextlib
import secrets
import socket
from functools import partial
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from agents.actors import StandingGuardianActor, StandingOptimizerActor
from coordinator.abandoned import another_desk, make_room
from coordinator.bootstrap import COORDINATOR, GATEWAY, GUARDIAN, OPTIMIZER
from coordinator.live.actors import LiveDeskActor, dial, start_agent
from coordinator.live.bootstrap import (
    gateway_server,
    live_guardian_builder,
    live_optimizer_builder,
)
from coordinator.live.brokers.venue import BrokerChoice
from coordinator.live.plan import LivePlan
from infra.actors import ExchangeActor, LiveGatewayActor
from infra.live.home import DeskHome
from infra.runtime import node_address, spans_nodes
from infra.transport import Address

EXCHANGE = "paper_exchange"
UNWATCHED_S = 60.0
ANSWER_WITHIN_S = 1.0


class DeskOnRay:
    """The actors of one live desk. They outlive this object, and whoever made it.

    choice: the broker that the plan was made with.
    """

    def __init__(self, plan: LivePlan, home: DeskHome, choice: BrokerChoice) -> None:
        self._plan = plan
        self._choice = choice
        self._home = home
        self._namespace = plan.settings.ray.namespace
        self.actors: dict[str, Any] = {}

    def start(self) -> str:
        """Start every actor, each of which is back by itself when it is killed; what the prices
        are.

        Raises ConfigError where another desk is at work in the namespace, or a person has not
        accepted what the plan risks.
        """
        make_room(self._namespace, UNWATCHED_S)
        self._home.make()
        plan, home = self._plan, self._home
        approvals_key, line_key = secrets.token_bytes(32), secrets.token_bytes(32)
        run = secrets.token_hex(8)
        at = self._members_address()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        elsewhere = here if isinstance(at, str) else "SPREAD"
        call = partial(dial, at, line_key)
        venue = self._choice.venue(plan, home)
        gateway = gateway_server(plan, home, approvals_key, venue, run)
        if venue.exchange is not None:
            self._start(ExchangeActor, EXCHANGE, here, venue.exchange)
        self._start(
            LiveGatewayActor,
            GATEWAY,
            here,
            gateway,
            "broker, journal",
        )
        self._start(
            StandingGuardianActor,
            GUARDIAN,
            here,
            live_guardian_builder(plan, approvals_key),
            "review",
            call,
        )
        self._start(
            StandingOptimizerActor,
            OPTIMIZER,
            elsewhere,
            live_optimizer_builder(plan),
            plan.settings.optimizer.method,
            call,
        )
        for name in plan.seated:
            start_agent(plan, name, at, line_key, elsewhere)
        coordinator = LiveDeskActor.options(**self._named(COORDINATOR, here)).remote(
            plan,
            at=at,
            gateway=home.gateway_address,
            line_key=line_key,
            gateway_key=home.line_key(),
            strategy=elsewhere,
            logs=home.logs.resolve(),
            run=run,
        )
        self.actors[COORDINATOR] = coordinator
        return venue.feed

    def pids(self) -> dict[str, int]:
        """The processes of the desk's actors, by name; those that are starting are left out."""
        found: dict[str, int] = {}
        for name in (*self.actors, *(place.name for place in self._plan.places)):
            with contextlib.suppress(ValueError, RayActorError, ray.exceptions.GetTimeoutError):
                actor: Any = ray.get_actor(name, self._namespace)
                status: dict[str, Any] = ray.get(actor.status.remote(), timeout=1.0)
                found[name] = int(status.get("pid", 0))
        return found

    def problem(self) -> str:
        """What keeps a member from its work for good, in its own words; empty where nothing does.

        A member that is starting, or being started again, is no problem.
        """
        asked: dict[Any, str] = {}
        for name in self.actors:
            with contextlib.suppress(ValueError):
                actor: Any = ray.get_actor(name, self._namespace)
                asked[actor.status.remote()] = name
        answered, _ = ray.wait([*asked], num_returns=len(asked), timeout=ANSWER_WITHIN_S)
        for answer in answered:
            try:
                status: dict[str, Any] = ray.get(answer)
            except ActorUnavailableError:
                continue
            except RayActorError as error:
                return f"{asked[answer]} cannot be built: {last_words(error)}"
            if status.get("failure"):
                return f"{asked[answer]}: {status['failure']}"
        return ""

    def given_up(self) -> str:
        """Why the gateway serves no more, in its own words; empty where it does, or may again."""
        silent = (ValueError, RayActorError, ray.exceptions.GetTimeoutError)
        with contextlib.suppress(*silent):
            gateway: Any = ray.get_actor(GATEWAY, self._namespace)
            status = ray.get(gateway.status.remote(), timeout=ANSWER_WITHIN_S)
            if status["ended"] and status["failure"]:
                return f"{GATEWAY}: {status['failure']}"
        return ""

    def take_down(self) -> None:
        """Kill every actor of the desk; the journal is whole whenever that happens."""
        for name in (*self.actors, *(place.name for place in self._plan.places)):
            with contextlib.suppress(ValueError):
                ray.kill(ray.get_actor(name, self._namespace))

    def _start(self, kind: Any, name: str, strategy: Any, *arguments: object) -> None:
        try:
            self.actors[name] = kind.options(**self._named(name, strategy)).remote(name, *arguments)
        except ValueError as error:
            if "already" not in str(error):
                raise
            raise another_desk(self._namespace) from None

    def _named(self, name: str, strategy: Any) -> dict[str, Any]:
        return {
            "name": name,
            "namespace": self._namespace,
            "lifetime": "detached",
            "scheduling_strategy": strategy,
        }

    def _members_address(self) -> Address:
        """Where members call in: a socket of this node, or a port that other nodes reach."""
        transport = self._plan.settings.ray.transport
        if transport == "tcp" or (transport == "auto" and spans_nodes()):
            host = node_address()
            with socket.socket() as probe:
                probe.bind((host, 0))
                return host, int(probe.getsockname()[1])
        return self._home.coordinator_address


def last_words(error: RayActorError) -> str:
    """The last line of what an actor's constructor raised, without its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind, _, said = (lines[-1] if lines else "").partition(": ")
    return said or kind
