"""The composition root of a live desk: the one place that names its adapters and members."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from agents.guardian.assessment.desk import assessing_guardian
from agents.guardian.guardian import RiskGuardian
from agents.optimizer.desk import AllocationDesk
from coordinator.bootstrap import (
    GATEWAY,
    check_settings,
    optimizer_of,
    registry_of,
)
from coordinator.configuration.settings import Settings
from coordinator.live.brokers.acceptance import refuse_unaccepted
from coordinator.live.brokers.venue import Venue
from coordinator.live.plan import LivePlan, live_session_started, make_live_plan
from coordinator.override_rules import override_rules
from coordinator.risk.history import live_history
from coordinator.risk.limits import limits_of
from coordinator.risk_rules import flatten_drawdown
from coordinator.roster import agent_spec
from infra.feeds.live.staleness import staleness_limits
from infra.journal.anchoring import anchor_sink
from infra.journal.key import journal_key
from infra.live.cancel_budget import CancelLimits
from infra.live.home import DeskHome
from infra.live.opening import session_at
from infra.live.serving import serve_gateway
from infra.live.standing import Serve
from infra.logs import DeskLog
from infra.metrics import Meters
from market.breaker_rules import BreakerLimits
from market.conversion import with_conversion_instruments
from market.errors import ConfigError
from market.lines import Member
from market.stage_needs import StageNeeds

Build = Callable[[], Member]


def live_plan_of(
    settings: Settings,
    *,
    opened: str = "",
    session: str | None = None,
    available: Collection[str] | None = None,
) -> LivePlan:
    """Seat the agents and settle the desk, for a broker that has checked the settings.

    Nothing is started or written.
    opened: what makes a new session's name its own. session: of the desk that is resumed.
    available: the instruments that the broker has; None for all that are known. Raises
    ConfigError, AgentError.
    """
    journal_key_of(settings)
    if settings.journal.anchors is not None:
        anchor_sink(settings.journal.anchors)
    committee = settings.committee
    everyone = (*committee.agents, *committee.shadows, *committee.allowed)
    seated = len(committee.agents) + len(committee.shadows)
    check_settings(
        settings.model_copy(update={"committee": committee.model_copy(update={"agents": everyone})})
    )
    registry = registry_of(settings)
    traded = [registry[symbol] for symbol in settings.data.instruments]
    known = [
        registry[symbol]
        for symbol in registry.symbols()
        if available is None or symbol in available
    ]
    instruments = with_conversion_instruments(traded, known, settings.desk.account_currency)
    specs = [agent_spec(name, settings.agents) for name in everyone]
    return make_live_plan(
        settings,
        instruments=instruments,
        traded=len(traded),
        specs=specs,
        agents=[spec.build() for spec in specs],
        seated=seated,
        opened=opened,
        session=session,
    )


def session_to_resume(home: DeskHome) -> str:
    """The session of the desk in a folder. Raises ConfigError where there is none."""
    if not home.journal.exists():
        raise ConfigError(
            f"{home.folder} holds no desk to resume; start one with `quorum trade` without "
            "--resume, or name its folder with --home"
        )
    return session_at(home.journal).session


def live_guardian_builder(plan: LivePlan, key: bytes) -> Build:
    """Builds the guardian of a live desk, where a person must re-arm, and who it assesses with."""
    settings = plan.settings
    guardian = partial(
        RiskGuardian,
        plan.instruments,
        account_currency=plan.settings.desk.account_currency,
        traits=plan.desk.traits,
        agents=len(plan.desk.weights),
        limits=plan.desk.limits,
        equity=plan.desk.initial_balance,
        key=key,
        rearm_after=None,
        staged=True,
    )
    return partial(
        assessing_guardian,
        guardian,
        plan.instruments,
        traded=plan.desk.traded,
        account_currency=settings.desk.account_currency,
        start=settings.desk.initial_balance,
        interval_s=plan.desk.interval_s,
        limits=limits_of(settings.guardian.model_dump(), settings.stress.model_dump()),
        history=partial(live_history, settings, plan.instruments),
    )


def live_optimizer_builder(plan: LivePlan) -> Build:
    """Builds the optimizer with its deadline: live, the classical answer stands in after it."""
    settings = plan.settings.optimizer
    return partial(
        AllocationDesk,
        optimizer_of(plan.settings, deadline_s=settings.deadline_s),
        budget_share=settings.budget_share,
        min_observations=settings.allocation_min_observations,
    )


def journal_key_of(settings: Settings) -> bytes | None:
    """What seals the journal; None where no key was given. Raises ConfigError for a bad one."""
    return journal_key(settings.journal.key_file, os.environ)


def anchors_at(settings: Settings, home: DeskHome) -> str:
    """Where the journal is anchored: a file or an address; by default a file of the home, by which
    an end that was cut off is found.
    """
    said = settings.journal.anchors
    if said is not None:
        return said if "://" in said else str(Path(said).resolve())
    return str(home.anchors.resolve())


def breaker_limits(settings: Settings) -> BreakerLimits:
    """The gateway's own; it closes everything at the fall at which the guardian does."""
    return BreakerLimits(
        **settings.breakers.model_dump(), drawdown_flatten=flatten_drawdown(settings.guardian)
    )


def gateway_server(
    plan: LivePlan, home: DeskHome, approvals_key: bytes, venue: Venue, run: str = ""
) -> Serve:
    """Serves the desk's gateway, where it runs. run: as of `GatewayLoop`.

    Raises ConfigError where a person has not accepted what the plan risks.
    """
    refuse_unaccepted(plan, venue)
    settings = plan.settings
    key = journal_key_of(settings)
    return partial(
        serve_gateway,
        home=home,
        broker=venue.open_broker,
        description=venue.description,
        prices=venue.prices,
        speed=venue.speed,
        real=venue.real,
        grant=plan.grant,
        differs=venue.differs,
        absent_after_s=venue.absent_after_s,
        heard_within_s=venue.heard_within_s,
        asks_history=venue.exchange is not None,  # another broker's is a request an instrument
        needs=stage_needs(settings),
        override_rules=override_rules(plan.desk.limits),
        started=live_session_started(plan, time=0, feed=venue.feed),
        rows=plan.rows,
        seated=plan.seated,
        instruments=plan.instruments,
        staleness=staleness_limits(plan.instruments, "ticks", plan.desk.interval_s),
        breakers=breaker_limits(settings),
        guardian_limits={
            "DAILY_LOSS": settings.guardian.max_daily_loss,
            "DRAWDOWN": settings.guardian.max_drawdown,
        },
        cancels=CancelLimits(
            per_second=settings.pace.cancels_per_second,
            per_minute=settings.pace.cancels_per_minute,
        ),
        approvals_key=approvals_key,
        reconcile_every_s=settings.live.reconcile_every_s,
        journal_key=key,
        anchors_at=anchors_at(settings, home),
        anchor_every_s=settings.journal.anchor_every_s,
        events_per_file=settings.journal.events_per_file,
        open_log=partial(DeskLog, home.logs, GATEWAY, session=plan.desk.session),
        open_meters=partial(ray_meters, plan.desk.session),
        run=run,
    )


def stage_needs(settings: Settings) -> StageNeeds:
    """What a desk of these settings must have shown to be given more capital."""
    staging = settings.staging
    return StageNeeds(
        days=staging.min_days,
        trades=staging.min_trades,
        win_rate=staging.min_win_rate,
        sharpe_ratio=staging.min_sharpe_ratio,
        drawdown=staging.max_drawdown,
    )


def ray_meters(session: str) -> Meters:
    """Ray's, in a process that is connected to it."""
    # Ray takes a second to import: a command line that only asks does without.
    from infra.ray_metrics import RayMeters  # noqa: PLC0415

    return RayMeters(session)
