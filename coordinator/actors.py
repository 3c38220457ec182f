"""The coordinator as a Ray actor: holds the lines, runs the session, tells how it goes."""

from __future__ import annotations

import threading
import time
from typing import Any

import ray

from coordinator.bootstrap import GATEWAY, GUARDIAN, OPTIMIZER, session_of
from coordinator.plan import Plan
from coordinator.progress import Progress
from coordinator.replay import Replayed, replay
from coordinator.session import Session
from infra.transport import Address, Switchboard
from market.shell import LINE


class Coordinator:
    """Answers people while its session runs in a thread of its own."""

    def __init__(self, plan: Plan, key: bytes, host: str | None) -> None:
        """key: that members prove when they call in. host: None for Unix-domain sockets."""
        self._plan = plan
        self._switchboard = Switchboard(key, host)
        self._session: Session | None = None
        self._stop = threading.Event()
        self._looked = time.monotonic()

    def address(self) -> Address:
        """Where members call in."""
        return self._switchboard.address

    def replay(self, within_s: float) -> Replayed:
        """Wait for the members, then run the whole plan; the journal's digest at the end.

        Raises MemberLost for a member that does not call in within the time.
        """
        lines = self._switchboard.lines(set(self._members), within_s)
        try:
            self._session = session_of(
                self._plan, lines, lines[GUARDIAN], lines[GATEWAY], lines[OPTIMIZER]
            )
            return replay(self._plan, self._session, self._stop.is_set)
        finally:
            for line in lines.values():
                line.close()
            self._switchboard.close()

    def stop(self) -> None:
        """End the session after the bar it is at; journal and results are kept."""
        self._stop.set()

    def progress(self) -> Progress | None:
        """Where the session stands; None before its first bar."""
        self._looked = time.monotonic()
        return self._session.progress if self._session is not None else None

    def attendance(self) -> tuple[float, tuple[str, ...]]:
        """Seconds since anyone looked at the progress, and the names of the members."""
        return time.monotonic() - self._looked, self._members

    @property
    def _members(self) -> tuple[str, ...]:
        return (*self._plan.names, GUARDIAN, GATEWAY, OPTIMIZER)

    def __repr__(self) -> str:
        return f"coordinator (session {self._plan.desk.session})"


# Ray's stubs do not know concurrency groups.
_actor: Any = ray.remote(num_cpus=0, concurrency_groups={LINE: 1})  # type: ignore[call-overload]
CoordinatorActor = _actor(Coordinator)
