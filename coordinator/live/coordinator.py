"""`LiveCoordinator`: keeps a live desk's lines and runs its session, whoever comes and goes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from coordinator.live.plan import LivePlan
from coordinator.live.session import LiveSession
from coordinator.live.warming import warm_up
from infra.deadlines import DeadlineLine, Readable, readable
from infra.metrics import NO_METERS, Meters
from infra.transport import HEARD_WITHIN_S, Address, SocketChannel, Switchboard
from market.errors import Fenced, QuorumError, StreamLost
from market.lines import Failure
from market.live_messages import (
    Attach,
    Attached,
    BarReady,
    CommitteeChanged,
    Dispatched,
    Marked,
    MembersTold,
    RearmAsked,
)

WAKE_S = 0.05
REDIAL_S = 0.05
CALLED = "coordinator"
Seat = Callable[[tuple[str, ...]], None]
"""Told who sits, so that their processes run and those of others do not."""


class LiveCoordinator:
    """One thread: gateway, members and decisions, each in its turn.

    at: where members call in; they prove line_key. gateway: where the gateway listens, for whoever
    proves gateway_key.
    guardian, optimizer: the names of these members. seat: told of every change of the committee.
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
        guardian: str,
        optimizer: str,
        seat: Seat,
        tell: Callable[[str], None],
        meters: Meters = NO_METERS,
        run: str = "",
    ) -> None:
        self._plan = plan
        self._run = run
        self._gateway_address = gateway
        self._gateway_key = gateway_key
        self._guardian, self._optimizer = guardian, optimizer
        self._seat = seat
        self._tell = tell
        self._meters = meters
        self._switchboard = Switchboard(line_key, at=at)
        self._members: dict[str, DeadlineLine] = {}
        self._gateway: DeadlineLine | None = None
        self._session: LiveSession | None = None
        self._told: frozenset[str] | None = None
        self._born = time.clock_gettime_ns(time.CLOCK_BOOTTIME)  # no clock that is set steps it
        self._leaving = threading.Event()
        self._refusal = ""
        self.fenced = ""

    def run(self) -> None:
        """Until `leave`, or until another coordinator has taken this one's place."""
        try:
            warm_up(self._plan.desk)
            while not self._leaving.is_set() and not self.fenced:
                if self._gateway is None:
                    self._call_gateway()
                else:
                    self._turn(self._gateway)
        finally:
            self._hang_up()

    def leave(self) -> None:
        """Stop after the decision at hand."""
        self._leaving.set()

    def status(self) -> dict[str, Any]:
        """Whether a session runs and how its members are."""
        session = self._session
        return {
            "trading": session is not None,
            "fenced": self.fenced,
            **(session.health() if session is not None else {}),
        }

    def _call_gateway(self) -> None:
        try:
            channel = SocketChannel.dial(
                self._gateway_address, self._gateway_key, CALLED, heard_within_s=HEARD_WITHIN_S
            )
        except StreamLost:
            self._leaving.wait(REDIAL_S)
            return
        self._gateway = channel.with_deadlines("gateway")
        with contextlib.suppress(StreamLost):
            self._gateway.post(
                Attach(session=self._plan.desk.session, born=self._born, run=self._run)
            )

    def _turn(self, gateway: DeadlineLine) -> None:
        waiting: list[Readable] = [self._switchboard, gateway]
        ready = readable(waiting, time.monotonic() + WAKE_S)
        for arrived in self._switchboard.arrivals():
            self._welcome(arrived.with_deadlines())
        session = self._session
        if gateway not in ready and session is not None:
            session.committee.drain()
            session.prime()
        try:
            for message in gateway.take() if gateway in ready else ():
                self._answer(gateway, message)
            self._tell_members(gateway)
        except StreamLost as error:
            gateway.close()
            if self._session is None:  # it refuses, and says why: it is asked again, not besieged
                self._leaving.wait(REDIAL_S)
            else:
                self._tell(f"the gateway is lost: {error}")
            self._gateway, self._session = None, None

    def _tell_members(self, gateway: DeadlineLine) -> None:
        """Say who is there whenever that changes: the next bar may be an hour away."""
        here = None if self._session is None else self._session.here
        if self._session is not None and here != self._told:
            gateway.post(MembersTold(health=self._session.health()))
        self._told = here

    def _welcome(self, line: DeadlineLine) -> None:
        """A member called in; kept for the next session where none runs."""
        before = self._members.get(line.name)
        self._members[line.name] = line
        known = self._session is None or self._session.connect(
            line, self._guardian, self._optimizer
        )
        if before is not None:
            before.close()
        if not known:
            line.close()
            del self._members[line.name]

    def _answer(self, gateway: DeadlineLine, message: object) -> None:
        if isinstance(message, Attached):
            self._begin(message)
        elif isinstance(message, Failure):
            self._refused(message.error)
        elif isinstance(message, Dispatched):
            for symbol, reason in message.unsent:
                self._tell(f"{symbol} was approved and not sent: {reason}")
        elif self._session is not None:
            self._trade(gateway, self._session, message)

    def _trade(self, gateway: DeadlineLine, session: LiveSession, message: object) -> None:
        if isinstance(message, BarReady):
            gateway.post(session.decide(message))
            session.decided()
        elif isinstance(message, Marked):
            gateway.post(session.watch(message))
        elif isinstance(message, RearmAsked):
            gateway.post(session.rearm(message))
        elif isinstance(message, CommitteeChanged):
            self._seat(tuple(message.seated))
            session.seat(message)

    def _begin(self, attached: Attached) -> None:
        """Start from what the gateway folded from the journal."""
        live = self._plan.settings.live
        session = LiveSession(
            self._plan.desk,
            self._plan.places,
            self._plan.allocation,
            attached.desk,
            epoch=attached.epoch,
            vote_deadline_s=live.vote_deadline_ms / 1e3,
            guardian_deadline_s=live.guardian_deadline_ms / 1e3,
            assess_every_s=self._plan.settings.guardian.assess_every_s,
            meters=self._meters,
        )
        self._seat(tuple(attached.desk.seated))
        for line in [line for line in self._members.values() if not line.closed]:
            session.connect(line, self._guardian, self._optimizer)
        session.prime()
        self._session, self._refusal = session, ""
        self._tell(f"attached in epoch {attached.epoch}")

    def _refused(self, error: QuorumError) -> None:
        if str(error) != self._refusal:
            self._refusal = str(error)
            self._tell(self._refusal)
        if isinstance(error, Fenced):
            self.fenced = str(error)

    def _hang_up(self) -> None:
        for line in (*self._members.values(), self._gateway):
            if line is not None:
                with contextlib.suppress(OSError):
                    line.close()
        self._switchboard.close()
