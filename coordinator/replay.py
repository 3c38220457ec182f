"""Replay: history through the desk, one bar at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coordinator.plan import Plan, configuration_json
from coordinator.session import Session
from market.bar_window import slice_of
from market.errors import FatalError, QuorumError
from market.events import AgentSeated, SessionStarted
from market.messages import JournalClosed


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


def replay(plan: Plan, session: Session, stopped: Callable[[], bool]) -> JournalClosed:
    """Decide on every bar of the plan; ends early, and cleanly, once `stopped()` is true.

    Whatever happens after the start, the journal is closed with how it ended; an error is then
    raised again.
    """
    traded = plan.desk.symbols[: plan.desk.traded]
    session.open(plan.bars.rows(0, plan.first).columns(traded))
    session.record(session_started(plan, session.evidence))
    outcome = "completed"
    try:
        for row in range(plan.first, len(plan.bars)):
            if stopped():
                outcome = "interrupted"
                break
            session.step(slice_of(plan.bars, row))
    except QuorumError as error:
        close_after(session, error)
        raise
    return session.close(outcome)


def close_after(session: Session, error: QuorumError) -> None:
    """Try to leave a journal that says how it ended; the first error is the one that counts."""
    try:
        session.close(f"failed: {error}")
    except FatalError:
        return
