"""The live coordinator as a Ray actor, and the agents it seats while the desk runs."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any

import ray

from agents.actors import StandingAgentActor
from coordinator.bootstrap import COORDINATOR, GUARDIAN, OPTIMIZER, agent_builder
from coordinator.live.coordinator import LiveCoordinator
from coordinator.live.plan import LivePlan
from infra.logs import DeskLog
from infra.ray_metrics import RayMeters
from infra.transport import HEARD_WITHIN_S, Address, SocketChannel
from market.shell import DEFECT


def dial(address: Address, key: bytes, name: str) -> SocketChannel:
    """A member's call to the coordinator."""
    return SocketChannel.dial(address, key, name, heard_within_s=HEARD_WITHIN_S)


def start_agent(plan: LivePlan, name: str, address: Address, key: bytes, strategy: Any) -> None:
    """Start the process of an agent on the allow-list, where none runs under its name."""
    spec = plan.spec_of(name)
    lookback = next(place.lookback for place in plan.places if place.name == name)
    StandingAgentActor.options(
        name=name,
        namespace=plan.settings.ray.namespace,
        lifetime="detached",
        get_if_exists=True,
        scheduling_strategy=strategy,
    ).remote(name, agent_builder(spec), f"lookback {lookback}", partial(dial, address, key))


class LiveDesk:
    """Answers people while the desk trades in a thread of its own. logs: the folder of its log.
    run: as of `Attach`.
    """

    def __init__(
        self,
        plan: LivePlan,
        *,
        at: Address,
        gateway: Address,
        line_key: bytes,
        gateway_key: bytes,
        strategy: Any,
        logs: Path,
        run: str = "",
    ) -> None:
        self._plan = plan
        self._at = at
        self._line_key = line_key
        self._strategy = strategy
        self._staffing = threading.Lock()
        self._coordinator = LiveCoordinator(
            plan,
            at=at,
            gateway=gateway,
            line_key=line_key,
            gateway_key=gateway_key,
            guardian=GUARDIAN,
            optimizer=OPTIMIZER,
            seat=self._seat,
            tell=DeskLog(logs, COORDINATOR, session=plan.desk.session).tell,
            meters=RayMeters(plan.desk.session),
            run=run,
        )
        threading.Thread(target=self._run, name="desk", daemon=True).start()

    def _run(self) -> None:
        try:
            self._coordinator.run()
        except Exception:
            logging.getLogger("quorum").exception("the coordinator ended by a defect")
            os._exit(DEFECT)  # Ray starts it again; a process that decides nothing helps nobody

    def status(self) -> dict[str, Any]:
        """Its process, and how the session and its members are."""
        return {"name": COORDINATOR, "pid": os.getpid(), **self._coordinator.status()}

    def leave(self) -> None:
        """Stop deciding."""
        self._coordinator.leave()

    def attendance(self) -> tuple[float, tuple[str, ...]]:
        """A live desk is never abandoned: it needs nobody to watch it."""
        return 0.0, (GUARDIAN, OPTIMIZER)

    def _seat(self, seated: tuple[str, ...]) -> None:
        """Ray may take its time; the desk does not wait for it."""
        threading.Thread(target=self._staff, args=(seated,), daemon=True).start()

    def _staff(self, seated: tuple[str, ...]) -> None:
        namespace = self._plan.settings.ray.namespace
        with self._staffing:
            for place in self._plan.places:
                if place.name in seated:
                    start_agent(self._plan, place.name, self._at, self._line_key, self._strategy)
                    continue
                with contextlib.suppress(ValueError):
                    ray.kill(ray.get_actor(place.name, namespace))

    def __repr__(self) -> str:
        return f"{COORDINATOR} (session {self._plan.desk.session})"


LiveDeskActor: Any = ray.remote(num_cpus=0, max_restarts=-1)(LiveDesk)
