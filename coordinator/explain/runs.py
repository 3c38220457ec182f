"""Which journal is meant: a run's folder, a journal, or the newest one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coordinator.explain.naming import DecisionName
from infra.journal.parts import parts
from infra.journal.reader import read_events
from market.errors import JournalError, nearest
from market.events import SessionStarted

JOURNAL = "journal.sqlite"


def journal_of(
    run: Path | None, runs: Path, name: DecisionName | None = None, desks: Sequence[Path] = ()
) -> Path:
    """The journal of `run`, a folder or the file itself; without one, the one written to last of
    the runs in `runs` and of the live desks' folders.

    Where the name says of which session it is, the last of that session. Raises JournalError
    where there is none.
    """
    if run is not None:
        journal = run / JOURNAL if run.is_dir() else run
        if not journal.is_file():
            raise JournalError(f"no journal at {journal}; expected a run's folder or its {JOURNAL}")
        return journal
    known = [*runs.glob(f"*/{JOURNAL}"), *(desk / JOURNAL for desk in desks)]
    journals = sorted((path for path in known if path.is_file()), key=_written_at)
    if not journals:
        looked = "".join(f", no desk in {desk}" for desk in desks)
        raise JournalError(
            f"no run in {runs}{looked}; start one with `quorum replay` or `quorum trade`, or name "
            "one: --run"
        )
    session = name.session if name is not None else None
    if session is None:
        return journals[-1]
    sessions = {path: _session(path) for path in journals}
    found = [path for path in journals if sessions[path] == session]
    if not found:
        raise JournalError(
            f"no run of session {session} in {runs}{nearest(session, sessions.values())} Name its "
            "folder or journal with --run."
        )
    return found[-1]


def _written_at(journal: Path) -> float:
    """When its last file was written to."""
    try:
        return max(file.stat().st_mtime for file in parts(journal))
    except (JournalError, OSError):
        return 0.0


def _session(journal: Path) -> str:
    """The session of a journal; empty where it does not say."""
    try:
        started = next(read_events(journal), None)
    except JournalError:
        return ""
    return started.session if isinstance(started, SessionStarted) else ""
