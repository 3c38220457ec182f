"""Recorded decisions taken again and compared with the record, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.ballot import Agent
from coordinator.bootstrap import desk_again, guardian_again
from coordinator.configuration.settings import Settings
from coordinator.desk import Desk
from coordinator.explain.again import Decided, DeskAgain
from coordinator.explain.comparing import Recorded, first_difference
from coordinator.explain.inputs import Places, places_of, recorded_panel, recorded_settings
from coordinator.explain.seating import SeatAgain, seat_again
from coordinator.explain.seen import row_at, window_digest
from coordinator.explain.versions import VersionChange, changed_agents, changed_versions
from coordinator.live.plan import rows_remembered
from coordinator.parity.comparison import Difference
from coordinator.parity.context import Context, context_of
from coordinator.plan import library_versions
from coordinator.run_inputs import read_inputs
from infra.journal.reader import read_numbered
from infra.live.changed import changes
from market.bar_window import BarSlice, slice_of
from market.bars import Bars
from market.compiled import source_digest
from market.errors import JournalError
from market.events import (
    AgentAbstained,
    BarSettled,
    DecisionTaken,
    Event,
    SessionEnded,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
    ruled,
)
from market.live_events import BarClosed, RulesTakenUp
from market.seats import AgentSeated

ENDS = (BarSettled, BarClosed, DecisionTaken, RulesTakenUp, SessionEnded)
"""Events that belong to no earlier decision, nor does anything after them."""
Wanted = Callable[[int], bool]
"""Whether the decision of a sequence is to be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DecisionReplayed:
    """A decision beside its repetition.

    number: of its event in the journal; chained: SHA-256 of the chain after it. difference: the
    first value that is not the same; context: what stands around it; both None where every bit
    is. seen: `window_digest` of the bars that its agents saw. as_recorded: what was taken over
    because nobody can work it out again, in words. versions, agents: code and libraries that are
    others now.
    """

    session: SessionStarted
    sequence: int
    time: int
    number: int
    chained: str
    recorded: DecisionTaken
    again: DecisionTaken
    difference: Difference | None
    context: Context | None
    seen: str
    as_recorded: tuple[str, ...]
    versions: tuple[VersionChange, ...]
    agents: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether every array and every word is the same, to the last bit."""
        return self.difference is None

    def __repr__(self) -> str:
        if self.context is None:
            said = "identical to the last bit"
        else:
            said = f"not the same: {self.context.place}"
        return f"<DecisionReplayed {self.session.session}-{self.sequence}: {said}>"


def replay_decisions(
    journal: Path,
    wanted: Wanted,
    *,
    places: Places | None = None,
    in_hand: Mapping[str, Agent] | None = None,
) -> Iterator[DecisionReplayed]:
    """Go through a journal once and repeat the decisions that are wanted.

    places: where the files may lie that the run read; by default what is noted beside the journal.
    in_hand: agents that no journal can build, by name. Each is repeated by the rules that were in
    force. Raises JournalError, DataError where the prices or an agent's inputs are not those that
    were recorded, AgentError for an agent that cannot be built.
    """
    found = places if places is not None else places_of(journal)
    replayer: _Replayer | None = None
    for number, event, head in read_numbered(journal):
        if replayer is None:
            if not isinstance(event, SessionStarted):
                raise JournalError(f"{journal} does not begin with SessionStarted")
            replayer = _Replayer(journal, event, found, in_hand or {})
            continue
        if isinstance(event, ENDS):
            yield from replayer.finish()
        replayer.take(number, event, head, wanted)
    if replayer is not None:
        yield from replayer.finish()


class _Replayer:
    """One pass through a journal. A decision waits until nothing that belongs to it can follow."""

    def __init__(
        self, journal: Path, started: SessionStarted, places: Places, in_hand: Mapping[str, Agent]
    ) -> None:
        self._started = self._rules = started
        self._places = places
        self._settings = recorded_settings(started, places)
        self._in_hand = in_hand
        self._seats: dict[str, SeatAgain] = {}
        self._panel: Bars | None = None
        self._code = read_inputs(journal.parent).code
        self._running_code = source_digest()
        self._before: list[AgentAbstained | TradingHalted | TradingRearmed] = []
        self._settled: BarSettled | None = None
        self._waiting: tuple[Recorded, Decided] | None = None
        desk = desk_again(started, self._settings)
        self._desk = DeskAgain(
            started,
            desk,
            lambda supervised: guardian_again(started, self._settings, supervised=supervised),
            self._seat,
            self._bar_at,
            _rows(desk, self._settings, started),
        )

    def take(self, number: int, event: Event, head: bytes, wanted: Wanted) -> None:
        """Follow one event."""
        if isinstance(event, BarSettled):
            self._settled = event
        elif isinstance(event, AgentAbstained | TradingHalted | TradingRearmed):
            self._before.append(event)
        elif isinstance(event, DecisionTaken):
            if wanted(event.sequence):
                self._decide(number, event, head)
            else:
                self._desk.pass_over(event)
            self._before.clear()
        elif isinstance(event, RulesTakenUp):
            self._take_up(event)
        elif self._waiting is not None:
            self._waiting[0].follow(event, self._started.session)
        self._desk.take(event)

    def finish(self) -> Iterator[DecisionReplayed]:
        """The decision that waits, if one does, beside its repetition."""
        if self._waiting is None:
            return
        (recorded, decided), self._waiting = self._waiting, None
        halted = any(isinstance(notice, TradingHalted) for notice in recorded.notices)
        again = self._desk.review(decided, recorded.taken, recorded.memory, halted=halted)
        difference = first_difference(self._rules, recorded, again)
        longest = max((seat.lookback for seat in self._rules.agents), default=1)
        window = again.window
        yield DecisionReplayed(
            session=self._rules,
            sequence=recorded.taken.sequence,
            time=recorded.taken.time,
            number=recorded.number,
            chained=recorded.chained,
            recorded=recorded.taken,
            again=again.taken,
            difference=difference,
            context=None if difference is None else context_of(difference),
            seen=window_digest(window.rows(max(len(window) - longest, 0), len(window))),
            as_recorded=again.as_recorded,
            versions=changed_versions(
                self._desk.versions, library_versions(), self._code, self._running_code
            ),
            agents=changed_agents(self._seats.values()),
        )

    def _take_up(self, rules: RulesTakenUp) -> None:
        """Build the desk anew where its decisions depend on what is other than before."""
        if any(each.decides for each in changes(self._rules, rules)):
            began = ruled(self._started, rules)
            settings = recorded_settings(began, self._places)
            self._rules, self._settings = began, settings
            self._seats.clear()
            desk = desk_again(began, settings)
            self._desk.take_up(
                rules.agents,
                desk,
                lambda supervised: guardian_again(began, settings, supervised=supervised),
                _rows(desk, settings, began),
                rules.remembered,
            )

    def _decide(self, number: int, taken: DecisionTaken, head: bytes) -> None:
        at = (taken.sequence, taken.time)
        own = [event for event in self._before if (event.sequence, event.time) == at]
        recorded = Recorded(
            number=number,
            chained=head.hex(),
            taken=taken,
            settled=self._settled,
            abstained=tuple(event for event in own if isinstance(event, AgentAbstained)),
            notices=tuple(event for event in own if not isinstance(event, AgentAbstained)),
        )
        self._waiting = recorded, self._desk.decide(taken)

    def _seat(self, seat: AgentSeated) -> SeatAgain:
        if seat.name not in self._seats:
            self._seats[seat.name] = seat_again(seat, self._settings, self._in_hand)
        return self._seats[seat.name]

    def _bar_at(self, time: int) -> BarSlice:
        """A bar of a replay; the first one brings the bars before it."""
        if self._panel is None:
            self._panel = recorded_panel(self._started, self._settings)
            self._desk.extend(self._panel.rows(0, row_at(self._panel, time)))
        return slice_of(self._panel, row_at(self._panel, time))


def _rows(desk: Desk, settings: Settings, started: SessionStarted) -> int:
    longest = max((seat.lookback for seat in started.agents), default=1)
    return rows_remembered(desk, settings, longest)
