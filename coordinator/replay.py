"""Replay: history through the desk, one bar at a time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coordinator.plan import Plan, configuration_json
from coordinator.session import Session
from market.bar_window import slice_of
from market.errors import QuorumError
from market.events import SessionStarted
from market.seats import AgentSeated


def session_started(plan: Plan, evidence: Mapping[str, tuple[str, ...]]) -> SessionStarted:
    """The first event of a journal: everything the others depend on."""
    desk, bars = plan.desk, plan.bars
    return SessionStarted(
        session=desk.session,
        account_currency=plan.settings.desk.account_currency,
        initial_balance=desk.initial_balance,
        symbols=desk.symbols,
        traded=desk.traded,
        currencies=plan.currencies,
        interval_s=bars.interval_s,
        has_extremes=bars.has_extremes,
        first_time=int(bars.time[plan.first]),
        last_time=int(bars.time[-1]),
        bars=plan.decisions,
        data=plan.data,
        data_digest=bars.digest(),
        financing=plan.financing,
        agents=tuple(
            AgentSeated(
                name=name,
                weight=float(weight),
                lookback=lookback,
                evidence=evidence[name],
                source=f"{spec.path} {source}".strip(),
            )
            for name, weight, lookback, spec, source in zip(
                plan.names, desk.weights, plan.lookbacks, plan.specs, plan.sources, strict=True
            )
        ),
        configuration=configuration_json(plan.settings),
        versions=plan.versions,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How a replay ended. digest stands for the whole journal; seconds from the end of the first
    bar, which may compile for a while, to the end of the last.
    """

    digest: str
    events: int
    bars: int
    seconds: float
    outcome: str

    @property
    def bars_per_s(self) -> float:
        """Speed after start-up."""
        return (self.bars - 1) / self.seconds if self.seconds > 0.0 else float("nan")


def replay(plan: Plan, session: Session, stopped: Callable[[], bool]) -> Replayed:
    """Decide on every bar of the plan; ends early, and cleanly, once `stopped()` is true.

    Whatever happens after the start, the journal is closed with how it ended; an error is then
    raised again.
    """
    traded = plan.desk.symbols[: plan.desk.traded]
    session.open(plan.bars.rows(0, plan.first).columns(traded))
    session.record(session_started(plan, session.evidence))
    outcome, began = "completed", time.perf_counter()
    try:
        for row in range(plan.first, len(plan.bars)):
            if stopped():
                outcome = "interrupted"
                break
            session.step(slice_of(plan.bars, row))
            if row == plan.first:
                began = time.perf_counter()  # the first bar compiles what is not in the cache
        seconds = time.perf_counter() - began
        closed = session.close(outcome)
    except Exception as error:
        close_after(session, error)
        raise
    return Replayed(
        digest=closed.digest,
        events=closed.events,
        bars=session.progress.bars,
        seconds=seconds,
        outcome=outcome,
    )


def close_after(session: Session, error: Exception) -> None:
    """Try to leave a journal that says how it ended; the first error is the one that counts."""
    with contextlib.suppress(QuorumError):
        session.close(f"failed: {error}")
