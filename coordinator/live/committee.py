"""`LiveCommittee`: the agents at the table while any of them may be late, dead or new."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from coordinator.live.ballot_box import BallotBox
from coordinator.live.places import Place, rows_by_name
from infra.deadlines import DeadlineLine, readable
from infra.frames import frame
from infra.metrics import ABSTENTIONS, NO_METERS, VOTE_SECONDS, Meters
from market.bar_window import BarSlice
from market.bars import Bars, Floats
from market.errors import StreamLost
from market.events import AgentAbstained
from market.lines import Failure
from market.messages import BallotCast, PrimeWith, VoteOn

LATENCIES_KEPT = 512
LATE, AWAY, BEHIND, STARTING = "late", "away", "behind", "starting"


@dataclass(slots=True)
class _Member:
    """How one agent is: its line, the next bar that it expects, and how it has answered.

    came: whether it has called in since it was seated; before that its process is starting.
    """

    line: DeadlineLine | None = None
    came: bool = False
    expects: int | None = None
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    abstained: Counter[str] = field(default_factory=Counter)


class LiveCommittee:
    """Asks every agent for its vote and waits no longer than the deadline.

    places: in the order of the tally, those on the allow-list that do not sit included. deadline_s:
    from the asking. history: gives the newest rows (traded instruments) before a bar, for priming.
    Who is late, away, failing or not seated abstains for that decision and no other; a late ballot
    carries its bar's number, and is never taken for a newer one.
    """

    def __init__(
        self,
        places: Sequence[Place],
        width: int,
        deadline_s: float,
        history: Callable[[int], Bars],
        meters: Meters = NO_METERS,
    ) -> None:
        self._places = tuple(places)
        self._names = tuple(place.name for place in places)
        self._width = width
        self._deadline_s = deadline_s
        self._history = history
        self._meters = meters
        self._members = {place.name: _Member() for place in places}
        self._voted: list[tuple[str, float]] = []
        self._missing: list[str] = []
        self._seated = self._names
        self._asked_at = 0.0
        self._rows = rows_by_name(places)
        self._evidence = sum(len(place.evidence) for place in places)

    @property
    def names(self) -> tuple[str, ...]:
        """Every place, in the order of the tally."""
        return self._names

    @property
    def seated(self) -> tuple[str, ...]:
        """Who sits; an agent that does not is asked nothing."""
        return self._seated

    @seated.setter
    def seated(self, names: tuple[str, ...]) -> None:
        for name, member in self._members.items():
            member.came = member.came and name in names
        self._seated = names

    @property
    def lines(self) -> list[DeadlineLine]:
        """The lines that are up."""
        return [m.line for m in self._members.values() if m.line is not None]

    def connect(self, line: DeadlineLine) -> None:
        """An agent called in, for the first time or again; it is primed before its next vote."""
        member = self._members[line.name]
        if member.line is not None:
            member.line.close()
        member.line, member.expects, member.came = line, None, True

    def prime(self, sequence: int) -> None:
        """Prime whoever is new, so that the bar `sequence` can be voted on at once."""
        for place in self._places:
            self._prime(place, sequence)

    def ask(self, sequence: int, bar: BarSlice) -> None:
        """Give every agent the bar; one that is behind or new is primed first."""
        self._asked_at = time.monotonic()
        framed = frame(VoteOn(sequence=sequence, bar=bar))
        for place in self._places:
            member = self._members[place.name]
            if not self._prime(place, sequence) or member.line is None:
                continue
            try:
                if member.line.post_frame(framed):
                    member.expects = sequence + 1
            except StreamLost:
                self._lose(member)

    def gather(
        self, sequence: int, time_ns: int, nearly: Callable[[], None]
    ) -> tuple[Floats, Floats, list[AgentAbstained]]:
        """Scores (A, N), evidence (K, N) and who abstained for another reason than its opinion.

        nearly: called once, as soon as no more than one ballot is missing: a core is idle then.
        """
        until = self._asked_at + self._deadline_s
        box = BallotBox(self._rows, self._evidence, self._width)
        failed: dict[str, str] = {}
        waiting = {
            place.name: member.line
            for place in self._places
            if (member := self._members[place.name]).line is not None
            and member.expects == sequence + 1
            and place.name in self.seated
        }
        told = False
        while waiting:
            if len(waiting) == 1 and not told:
                told = True
                nearly()
            ready = readable(waiting.values(), until)
            if not ready:
                break
            for line in ready:
                ballot = self._hear(line, sequence, failed)
                if ballot is not None:  # the others still think: now is the time to copy it
                    box.take(line.name, ballot)
                if ballot is not None or line.name in failed:
                    del waiting[line.name]
        if not told:
            nearly()
        return self._counted(sequence, time_ns, box, failed)

    def measure(self) -> None:
        """Tell the meters of the ballots gathered since the last time, and of those that were not
        cast.
        """
        for name, latency_s in self._voted:
            self._meters.observe(VOTE_SECONDS, latency_s, name)
        for kind in self._missing:
            self._meters.count(ABSTENTIONS, of=kind)
        self._voted.clear()
        self._missing.clear()

    def drain(self) -> None:
        """Take what came outside a decision, so that a lost member is noticed at once."""
        for line in readable(self.lines, time.monotonic()):
            self._hear(line, -1, {})

    def health(self) -> dict[str, dict[str, object]]:
        """By agent: whether it is seated and on the line, its latencies in ms, its abstentions."""
        told: dict[str, dict[str, object]] = {}
        for name, member in self._members.items():
            latencies = np.array(member.latencies_s or [np.nan]) * 1e3
            told[name] = {
                "seated": name in self.seated,
                "here": member.line is not None,
                "latency_p50_ms": float(np.median(latencies)),
                "latency_p99_ms": float(np.quantile(latencies, 0.99)),
                "abstained": dict(member.abstained),
            }
        return told

    def _prime(self, place: Place, sequence: int) -> bool:
        """Whether the agent is ready for this bar, after priming it where it was not."""
        member = self._members[place.name]
        if member.line is None or place.name not in self.seated:
            return False
        if member.expects == sequence:
            return True
        history = self._history(place.lookback)
        try:
            if member.line.post(PrimeWith(sequence=sequence, history=history)):
                member.expects = sequence
        except StreamLost:
            self._lose(member)
        return member.expects == sequence

    def _hear(self, line: DeadlineLine, sequence: int, failed: dict[str, str]) -> BallotCast | None:
        """The ballot on this bar, if it came."""
        member = self._members[line.name]
        try:
            messages = line.take()
        except StreamLost:
            self._lose(member)
            failed[line.name] = AWAY
            return None
        ballot: BallotCast | None = None
        for message in messages:
            if isinstance(message, BallotCast) and message.sequence == sequence:
                ballot = message
                latency_s = time.monotonic() - self._asked_at
                member.latencies_s.append(latency_s)
                self._voted.append((line.name, latency_s))
            elif isinstance(message, Failure):
                failed[line.name] = str(message.error)
                member.expects = None
        return ballot

    def _lose(self, member: _Member) -> None:
        if member.line is not None:
            with contextlib.suppress(OSError):
                member.line.close()
        member.line, member.expects = None, None

    def _counted(
        self, sequence: int, time_ns: int, box: BallotBox, failed: dict[str, str]
    ) -> tuple[Floats, Floats, list[AgentAbstained]]:
        """What is in the box, and who is missing."""
        abstentions: list[AgentAbstained] = []
        for name in self.names:
            reason = (
                box.cast[name]
                if name in box.cast
                else self._missing_because(name, sequence, failed)
            )
            if reason is not None:
                abstentions.append(
                    AgentAbstained(sequence=sequence, time=time_ns, agent=name, reason=reason)
                )
                kind = reason if reason in (LATE, AWAY, BEHIND, STARTING) else "failed"
                self._members[name].abstained[kind] += 1
                self._missing.append(kind)
        return box.scores, box.evidence, abstentions

    def _missing_because(self, name: str, sequence: int, failed: dict[str, str]) -> str | None:
        """Why there is no ballot of this agent; None where it is not seated."""
        if name not in self.seated:
            return None
        member = self._members[name]
        if member.line is None:
            absent = AWAY if member.came else STARTING
        else:
            absent = LATE if member.expects == sequence + 1 else BEHIND
        return failed.get(name, absent)
