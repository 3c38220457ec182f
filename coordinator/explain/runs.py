"""Which journal is meant: a run's folder, a journal, or the newest run."""

from __future__ import annotations

from pathlib import Path

from coordinator.explain.naming import DecisionName
from market.errors import JournalError, nearest

JOURNAL = "journal.sqlite"


def journal_of(run: Path | None, runs: Path, name: DecisionName | None = None) -> Path:
    """The journal of `run`, a folder or the file itself; without one, of the newest run in `runs`.

    Where the name says of which session it is, the newest run of that session. Raises
    JournalError where there is none.
    """
    if run is not None:
        journal = run / JOURNAL if run.is_dir() else run
        if not journal.is_file():
            raise JournalError(f"no journal at {journal}; expected a run's folder or its {JOURNAL}")
        return journal
    folders = sorted(path.parent for path in runs.glob(f"*/{JOURNAL}"))
    if not folders:
        raise JournalError(f"no run in {runs}; start one with `quorum replay`, or name one: --run")
    session = name.session if name is not None else None
    if session is None:
        return folders[-1] / JOURNAL
    of_session = [folder for folder in folders if session in _sessions(folder)]
    if not of_session:
        known = [_sessions(folder)[0] for folder in folders]
        raise JournalError(
            f"no run of session {session} in {runs}{nearest(session, known)} Name its folder or "
            "journal with --run."
        )
    return of_session[-1] / JOURNAL


def _sessions(folder: Path) -> tuple[str, str]:
    """What `<day>-<time>-<session>` or `<day>-<time>-<session>-<number>` may be of."""
    session = folder.name.split("-", 2)[-1]
    return session, session.rpartition("-")[0] or session
