"""`GatewayLoop`: one thread that hears the broker, the coordinator and people, each in its turn."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infra.deadlines import DeadlineLine, Readable, readable
from infra.live.commands import Commands
from infra.live.gateway import LiveGateway
from infra.live.ports import Watched
from infra.live.status import stream_told
from infra.live.waiting import COORDINATOR, RETRY_S
from infra.logs import Tell
from infra.metrics import DATA_AGE_SECONDS, NO_METERS, Meters
from infra.transport import SocketLine, Switchboard
from market.errors import (
    FatalError,
    Fenced,
    InvalidError,
    JournalUnwritable,
    OutcomeUnknown,
    QuorumError,
    StreamLost,
    TransientError,
)
from market.lines import Failure
from market.live_messages import (
    Attach,
    Command,
    CommandAnswered,
    CommitteeChanged,
    Decided,
    MembersTold,
)
from market.modes import Mode
from market.ports import BrokerStream

WAKE_S = 0.02
MARK_EVERY_S = 0.1
RESOLVE_EVERY_S = 0.5
GROUPS_EVERY_S = 0.5
FLATTEN_EVERY_S = 0.25
AT_A_TIME_S = 0.1
"""Of closing, between two moments at which others are heard."""
CANCEL_EVERY_S = 0.5
MOST_UNPROVED = 3
PROVE_EVERY_S = 0.5
METER_EVERY_S = 1.0
RECONNECT_S = (0.05, 2.0)
SETTLE_WITHIN_S = 10.0
HEARD_WITHIN_S = 5.0
"""A paper exchange sends a heartbeat every second or so, whatever the market does."""


class GatewayLoop:
    """reconcile_every_s: between two comparisons with the broker. heard_within_s: a broker that is
    silent for longer, heartbeats included, is called anew. opening: takes the desk's trading
    up, tried until the broker is reached; people are heard meanwhile. people: who called before.
    run: of which start of the desk this is, and its coordinator must be.
    """

    def __init__(
        self,
        gateway: LiveGateway,
        switchboard: Switchboard,
        subscribe: Callable[[int], BrokerStream],
        *,
        reconcile_every_s: float,
        heard_within_s: float = HEARD_WITHIN_S,
        tell: Tell,
        meters: Meters = NO_METERS,
        opening: Callable[[], None] | None = None,
        people: Sequence[DeadlineLine] = (),
        run: str = "",
    ) -> None:
        self._gateway = gateway
        self._run = run
        self._opening = opening
        self._waiting = ""
        self._switchboard = switchboard
        self._subscribe = subscribe
        self._reconcile_every_s = reconcile_every_s
        self._heard_within_s = heard_within_s
        self._tell = tell
        self._meters = meters
        self._stream: BrokerStream | None = None
        self._coordinator: DeadlineLine | None = None
        self._busy = False
        self._born = 0
        self._flattened = 0
        self._closing: Iterator[None] | None = None
        self._unproved = 0
        self._callers: list[DeadlineLine] = []
        self._people = list(people)
        self._health: Mapping[str, Any] = {}
        self._failure: JournalUnwritable | None = None
        self._works = True
        self._due: dict[str, float] = {}
        self._reconnect_s = RECONNECT_S[0]
        self._called_at = self._heard_at = self._quoted_at = time.monotonic()
        self._stop_by = float("inf")
        self._rearm_by = ""
        self.stopped = False
        self._commands = Commands(
            gateway,
            health=self._facts,
            committee_changed=self._committee_changed,
            rearm_asked=self._rearm_asked,
        )

    def run(self, leaving: Callable[[], bool]) -> None:
        """Until `stop` has settled everything, or `leaving()`. Only a defect raises, and FatalError
        where going on could lose money: the desk is halted then, on record.
        """
        try:
            while not self.stopped and not leaving():
                self._turn()
        except FatalError as error:
            self._give_up(str(error))
            raise
        finally:
            self._hang_up()

    def _turn(self) -> None:
        waiting: list[Readable] = [self._switchboard, *self._people, *self._callers]
        awaited = None if self._failure is not None else self._gateway.awaited
        waiting += [line for line in (self._stream, self._coordinator, awaited) if line is not None]
        ready = readable(waiting, time.monotonic() + WAKE_S)
        for line in self._switchboard.arrivals():
            self._welcome(line)
        try:
            self._hear_answers()
            if self._stream is not None and self._stream in ready:
                self._hear_broker(self._stream)
            if self._coordinator is not None and self._coordinator in ready:
                self._hear_coordinator(self._coordinator)
            self._hear_callers(ready)
            self._hear_people(ready)
            self._on_time()
            self._feed_coordinator()
            self._hear_answers()  # what was asked meanwhile may have brought them
        except JournalUnwritable as error:
            self._unrecorded(error)

    def _welcome(self, line: SocketLine) -> None:
        """A coordinator takes the place of another by `Attach` alone."""
        if line.name == COORDINATOR:
            self._callers.append(line.with_deadlines())
        else:
            self._people.append(line.with_deadlines())

    def _hear_callers(self, ready: list[Readable]) -> None:
        for line in [caller for caller in self._callers if caller in ready]:
            self._callers.remove(line)
            try:
                for message in line.take():
                    if isinstance(message, Attach):
                        self._attach(line, message)
            except StreamLost:
                line.close()

    def _hear_broker(self, stream: BrokerStream) -> None:
        try:
            update, now = stream.take(), time.monotonic()
            silent_s = stream.heard_s if isinstance(stream, Watched) else 0.0
            if update.quotes:
                self._quoted_at = now
            if self._failure is None:
                heard = silent_s <= self._heard_within_s / 2.0
                self._gateway.take(update, heard=heard)
            # Last: while the gateway worked on it nobody listened, and no silence was the broker's.
            self._heard_at = max(self._heard_at, time.monotonic() - silent_s)
        except (TransientError, OutcomeUnknown, InvalidError) as error:
            self._tell(f"the broker's stream ended: {error}", level="warning")
            self._gateway.breakers.lost()
            stream.close()
            self._stream = None

    def _hear_answers(self) -> None:
        """Before the stream: an order's answer comes before its fill."""
        if self._failure is None:
            self._gateway.hear_answers()

    def _hear_coordinator(self, line: DeadlineLine) -> None:
        try:
            messages = line.take()
            for message in messages:
                self._answer_coordinator(line, message)
        except StreamLost:
            self._drop_coordinator()

    def _answer_coordinator(self, line: DeadlineLine, message: object) -> None:
        if isinstance(message, MembersTold):
            self._health = message.health
        elif self._failure is not None:
            line.post(Failure(self._failure))
        elif isinstance(message, Decided):
            try:
                line.post(self._gateway.execute(message))
            except Fenced as error:
                line.post(Failure(error))
            except FatalError:
                raise
            except QuorumError as error:
                line.post(Failure(error))
            self._health = message.health or self._health
            self._busy = False

    def _attach(self, line: DeadlineLine, message: Attach) -> None:
        """Let a coordinator take its place, unless a younger one has: that one was thought dead."""
        session = self._gateway.books.state.started.session
        refused: QuorumError | None = self._failure
        if self._opening is not None:
            refused = TransientError(self._waiting or "the gateway is being opened")
        elif message.session != session:
            refused = Fenced(f"this desk is {session}, not {message.session}")
        elif message.run != self._run:
            refused = Fenced("it was started with another desk in the same folder")
        elif message.born < self._born:
            refused = Fenced("a younger coordinator has taken this one's place")
        if refused is not None:
            self._refuse(line, Failure(refused))
            return
        self._drop_coordinator()
        self._born = message.born
        line.post(self._gateway.attach())
        self._coordinator = line

    def _refuse(self, line: DeadlineLine, why: Failure) -> None:
        """Hang up once it has been told; it calls again where that may help."""
        line.post(why)
        line.close()

    def _drop_coordinator(self) -> None:
        if self._coordinator is not None:
            self._coordinator.close()
        self._coordinator, self._busy = None, False

    def _feed_coordinator(self) -> None:
        """Give a coordinator that has nothing to do what there is to decide, the newest only."""
        line = self._coordinator
        if line is None or self._busy or self._failure is not None:
            return
        try:
            if self._rearm_by:
                self._busy = line.post(self._gateway.rearm_asked(self._rearm_by))
                self._rearm_by = ""
                return
            ready = self._gateway.bar_ready()
            if ready is not None:
                self._busy = line.post(ready)
            elif self._gateway.stage_untold or self._is_due("mark", MARK_EVERY_S):
                marked = self._gateway.marked()
                if marked is not None:
                    self._busy = line.post(marked)
        except StreamLost:
            self._drop_coordinator()

    def _hear_people(self, ready: list[Readable]) -> None:
        for line in tuple(self._people):
            if line not in ready:
                continue
            try:
                for message in line.take():
                    line.post(self._answer_person(message))
            except StreamLost:
                line.close()
                self._people.remove(line)

    def _answer_person(self, message: object) -> CommandAnswered:
        if not isinstance(message, Command):
            return CommandAnswered(refused="expected a Command")
        if self._failure is None:
            try:
                return self._commands.answer(message)
            except JournalUnwritable as error:
                self._unrecorded(error)
            except FatalError:
                raise
            except QuorumError as error:
                return CommandAnswered(refused=str(error))
        elif message.name == "status":
            return self._commands.answer(message)
        if message.name == "stop":
            self.stopped = True  # there is nothing left that it could settle on record
        return CommandAnswered(refused=str(self._failure))

    def _on_time(self) -> None:
        """What is due by the machine's own clock."""
        gateway = self._gateway
        if self._failure is None and self._opening is not None:
            self._open(self._opening)
            return
        answered_at = max(self._heard_at, self._called_at)
        if self._stream is not None and time.monotonic() - answered_at > self._heard_within_s:
            silent_s = f"{self._heard_within_s:g} s"
            self._tell(f"the broker has not been heard for {silent_s}; calling it anew")
            gateway.breakers.lost()
            self._stream.close()
            self._stream = None
        if self._stream is None and self._is_due("stream", self._reconnect_s):
            self._connect()
        if self._is_due("age", METER_EVERY_S):
            self._meters.show(DATA_AGE_SECONDS, time.monotonic() - self._quoted_at)
        if self._failure is not None:
            self._cancel_unrecorded()
            return
        gateway.books.soon()
        state = gateway.books.state
        if gateway.dispatch.unknown and self._is_due("resolve", RESOLVE_EVERY_S):
            gateway.dispatch.resolve(gateway.now)
        if gateway.dispatch.groups_unfinished and self._is_due("groups", GROUPS_EVERY_S):
            gateway.keep_groups()
        if state.mode is Mode.FLATTENING:
            self._close_everything()
        else:
            self._flattened, self._closing = 0, None
        gateway.breakers.look(gateway.now)
        closing = gateway.only_reduces or bool(gateway.breakers.blocked)
        if closing and state.orders and self._is_due("cancel", CANCEL_EVERY_S):
            gateway.dispatch.cancel_openings()
        self._reconcile_when_due()
        if self._commands.stopping:
            self._settle_and_stop()

    def _close_everything(self) -> None:
        """Go on closing for a moment, and then hear whoever asks how far it is."""
        if self._closing is None:
            if not self._is_due("flatten", FLATTEN_EVERY_S * 2 ** min(self._flattened // 4, 5)):
                return
            self._flattened += 1  # what a broker refuses again and again is asked less often
            self._closing = self._gateway.closing()
        until = time.monotonic() + AT_A_TIME_S
        for _ in self._closing:
            if time.monotonic() >= until:
                return
        self._closing = None

    def _open(self, opening: Callable[[], None]) -> None:
        """Try to take trading up; what people asked for meanwhile is in the books."""
        self._gateway.books.soon()
        if self._commands.stopping:
            self._settle_and_stop()
        elif self._is_due("open", RETRY_S):
            try:
                opening()
            except (TransientError, OutcomeUnknown, InvalidError) as error:
                if isinstance(error, InvalidError) and not self._gateway.books.state.openings:
                    raise  # a desk that has never traded has nothing to wait for
                waiting = f"waiting for the broker: {error}"
                if waiting != self._waiting:
                    self._waiting = waiting
                    self._tell(waiting, level="warning")
            else:
                self._opening, self._waiting = None, ""

    def _reconcile_when_due(self) -> None:
        """Books that cannot be proved for long are not traded on; those of a desk that was just
        taken up are looked at again soon.
        """
        if not self._is_due("reconcile", self._reconcile_every_s):
            if self._gateway.unproved and self._is_due("prove", PROVE_EVERY_S):
                self._gateway.compare()
            return
        why = self._gateway.compare()
        self._unproved = self._unproved + 1 if why else 0
        if self._unproved >= MOST_UNPROVED:
            self._gateway.halt(f"not compared with the broker {self._unproved} times: {why}")

    def _connect(self) -> None:
        try:
            self._stream = self._subscribe(self._gateway.books.state.last_transaction)
            self._gateway.heard_anew()
            self._reconnect_s = RECONNECT_S[0]
            self._called_at = time.monotonic()
        except (TransientError, OutcomeUnknown, InvalidError) as error:
            self._gateway.breakers.lost()
            self._tell(f"the broker cannot be heard: {error}", level="warning")
            self._reconnect_s = min(2.0 * self._reconnect_s, RECONNECT_S[1])

    def _settle_and_stop(self) -> None:
        """Wait for what still works, and for positions that are being closed, to end, then close
        the books; what does not end stays in them, and is looked up by whoever resumes.
        """
        gateway, state = self._gateway, self._gateway.books.state
        self._stop_by = min(self._stop_by, time.monotonic() + SETTLE_WITHIN_S)
        if gateway.opened:
            gateway.catch_up()
        unsettled = bool(state.orders) or state.mode is Mode.FLATTENING
        if unsettled and time.monotonic() < self._stop_by:
            return
        gateway.dispatch.settle()
        gateway.change_mode(Mode.STOPPED, state.mode_by, self._commands.stopped_as)
        gateway.books.close()
        self.stopped = True

    def _unrecorded(self, error: JournalUnwritable) -> None:
        """Nothing may be traded unrecorded: cancel what waits and take nothing more."""
        self._failure = error
        self._gateway.breakers.unrecorded(self._gateway.now)
        self._tell(str(error), level="critical")
        self._cancel_unrecorded()

    def _give_up(self, why: str) -> None:
        """Leave the desk halted on record, and nothing at work at the broker, as far as either can
        be had within some seconds.
        """
        with contextlib.suppress(JournalUnwritable):
            self._gateway.give_up(why)
        until = time.monotonic() + SETTLE_WITHIN_S
        while time.monotonic() < until:
            with contextlib.suppress(QuorumError):
                if not self._gateway.cancel_unrecorded():
                    return
            time.sleep(CANCEL_EVERY_S)

    def _cancel_unrecorded(self) -> None:
        """Ask again and again until nothing works: that it ended cannot be booked any more."""
        if self._works and self._is_due("unrecorded", CANCEL_EVERY_S):
            with contextlib.suppress(QuorumError):
                self._works = self._gateway.cancel_unrecorded()

    def _facts(self) -> dict[str, Any]:
        """What `status` tells beside the books."""
        silent_s = time.monotonic() - self._heard_at
        return {
            "broker_heard_s": silent_s,
            "broker_connected": self._stream is not None and silent_s <= self._heard_within_s,
            "broker_stream": stream_told(self._stream),
            "data_age_s": time.monotonic() - self._quoted_at,
            "waiting": self._waiting,
            "stopping": self._commands.stopping,
            "coordinator": (
                "away" if self._coordinator is None else "deciding" if self._busy else "ready"
            ),
            "coordinator_attached": self._coordinator is not None,
            "failure": str(self._failure) if self._failure is not None else "",
            **self._health,
        }

    def _committee_changed(self) -> None:
        state = self._gateway.books.state
        if self._coordinator is not None:
            with contextlib.suppress(StreamLost):
                self._coordinator.post(
                    CommitteeChanged(weights=dict(state.weights), seated=state.seated)
                )

    def _rearm_asked(self, by: str) -> None:
        self._rearm_by = by

    def _is_due(self, name: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(name, 0.0):
            return False
        self._due[name] = now + every_s
        return True

    def _hang_up(self) -> None:
        for line in (*self._people, *self._callers, self._coordinator, self._stream):
            if line is not None:
                line.close()
        self._switchboard.close()
