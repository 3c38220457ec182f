"""Opening a desk's journal: a new session's, or the one that was left, folded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from infra.journal.anchors import Anchor, require_anchored
from infra.journal.codec import decode_value, encode_value
from infra.journal.reader import read_events
from infra.journal.snapshots import Snapshot, whole_snapshots
from infra.journal.sqlite import Anchoring, SqliteJournal
from infra.live.books import Books
from infra.live.changed import alerts_of
from infra.logs import Tell, tell_nobody
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.errors import ConfigError, JournalError
from market.events import SessionStarted
from market.live_events import AgentLeft, RulesTakenUp, TradingOpened

BY = "configuration"


def open_books(
    path: Path,
    started: SessionStarted,
    rows: int,
    seated: Sequence[str],
    first: Callable[[], tuple[int, float]],
    *,
    key: bytes | None = None,
    anchors: Anchoring | None = None,
    anchored: Sequence[Anchor] = (),
    events_per_file: int | None = None,
    tell: Tell = tell_nobody,
) -> Books:
    """The books of the desk whose journal is at `path`, new where there is none.

    started: of a new session, but for its time and balance, which `first` asks the broker for.
    rows: bars that the desk remembers. seated: the agents that run from the start. key: seals the
    events. anchors: told of what was committed. anchored: before; the journal must reach them.
    events_per_file: as of `SqliteJournal`. tell: told in what `started` differs from the rules that
    were last on record, which is recorded too, with the rules themselves.
    Raises JournalError for a journal that is damaged or cut off, ConfigError for another desk's,
    JournalUnwritable.
    """
    if path.exists():
        require_anchored(path, anchored)
        return _resumed(path, started, rows, key, anchors, events_per_file, tell)
    if anchored:
        raise JournalError(
            f"{path} is gone, and {max(one.count for one in anchored)} events of it were anchored; "
            "put it back, or for a new desk move the file of its anchors away"
        )
    time, balance = first()
    started = replace(started, first_time=time, last_time=time, initial_balance=balance)
    journal = SqliteJournal(
        path, durable=True, key=key, anchors=anchors, events_per_file=events_per_file
    )
    state = DeskState(started, rows)
    journal.append(started)
    books = Books(journal, state, _keeper(journal))
    for agent in started.agents:
        if agent.name not in seated:
            books.record(
                AgentLeft(time=time, agent=agent.name, by=BY, reason="not seated at the start")
            )
    books.durable()
    return books


def session_at(path: Path) -> SessionStarted:
    """The session of a journal, its first event. Raises JournalError."""
    for event in read_events(path):
        if isinstance(event, SessionStarted):
            return event
        break
    raise JournalError(f"{path}: expected a journal that begins with SessionStarted")


def first_opening(path: Path) -> TradingOpened | None:
    """How the desk of a journal began to trade; None where it has not. Raises JournalError."""
    return next((event for event in read_events(path) if isinstance(event, TradingOpened)), None)


def refuse_another(found: SessionStarted, asked: SessionStarted) -> None:
    """Raise ConfigError where the desk that is asked for is not the one that was found: it has
    other bars, instruments or agents.
    """
    wrong = [
        f"{name} {was}, asked for is {now}"
        for name, was, now in (
            ("bars of", f"{found.interval_s} s", f"{asked.interval_s} s"),
            ("instruments", ", ".join(found.symbols), ", ".join(asked.symbols)),
            ("agents", _names(found), _names(asked)),
        )
        if was != now
    ]
    if wrong:
        raise ConfigError(
            f"the desk that is taken up has {'; '.join(wrong)}. Leave out what says otherwise, on "
            "the command line or in the configuration, or begin another desk in another --home"
        )


def _names(started: SessionStarted) -> str:
    return ", ".join(agent.name for agent in started.agents)


def _resumed(
    path: Path,
    started: SessionStarted,
    rows: int,
    key: bytes | None,
    anchors: Anchoring | None,
    events_per_file: int | None,
    tell: Tell,
) -> Books:
    kept, state = _standing(path, rows, key)
    journal = SqliteJournal.resume(
        path,
        key=key,
        anchors=anchors,
        events_per_file=events_per_file,
        after=kept,
        into=state.apply,
    )
    found, asked = state.started, started
    refuse_another(found, asked)
    books = Books(journal, state, _keeper(journal))
    # A person may change the rules of a desk that holds positions; nobody may do it unseen.
    last = found if state.rules is None else state.rules
    alerts = alerts_of(last, asked, sequence=state.sequence, time=state.time)
    if alerts:
        # In one commit: with the rules on record, another start would not raise the alerts again.
        books.record(
            RulesTakenUp(
                sequence=state.sequence,
                time=state.time,
                configuration=asked.configuration,
                agents=asked.agents,
                remembered=len(state.window),
            ),
            *alerts,
        )
        books.durable()
    for alert in alerts:
        tell(alert.message, level=alert.level)
    return books


def _standing(path: Path, rows: int, key: bytes | None) -> tuple[Snapshot | None, DeskState]:
    """The desk at its newest snapshot that can be read, at its first event without one."""
    for kept in whole_snapshots(path, key):
        # One that another version took: what it stands for is in the events.
        with contextlib.suppress(JournalError):
            return kept, DeskState.resume(decode_value(kept.payload, DeskSnapshot), rows)
    return None, DeskState(session_at(path), rows)


def _keeper(journal: SqliteJournal) -> Callable[[DeskState], None]:
    return lambda state: journal.keep(encode_value(state.snapshot()))
