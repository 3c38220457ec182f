"""The composition root of a live desk: the one place that names its adapters and members."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from agents.guardian.guardian import RiskGuardian
from agents.optimizer.desk import AllocationDesk
from coordinator.bootstrap import check_settings, optimizer_of, registry_of
from coordinator.configuration.settings import Settings
from coordinator.live.plan import LivePlan, make_live_plan
from coordinator.roster import agent_spec
from infra.live.home import DeskHome
from infra.live.opening import session_at
from market.conversion import with_conversion_instruments
from market.errors import ConfigError
from market.lines import Member

Build = Callable[[], Member]


def live_plan_of(settings: Settings, *, opened: str = "", session: str | None = None) -> LivePlan:
    """Seat the agents and settle the desk; nothing is started or written.

    opened: what makes a new session's name its own. session: of the desk that is resumed. Raises
    ConfigError, AgentError.
    """
    committee = settings.committee
    everyone = (*committee.agents, *committee.shadows, *committee.allowed)
    seated = len(committee.agents) + len(committee.shadows)
    check_settings(
        settings.model_copy(update={"committee": committee.model_copy(update={"agents": everyone})})
    )
    registry = registry_of(settings)
    traded = [registry[symbol] for symbol in settings.data.instruments]
    available = [registry[symbol] for symbol in registry.symbols()]
    instruments = with_conversion_instruments(traded, available, settings.desk.account_currency)
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
    """Builds the guardian of a live desk, where a person must re-arm."""
    return partial(
        RiskGuardian,
        plan.instruments,
        account_currency=plan.settings.desk.account_currency,
        limits=plan.desk.limits,
        equity=plan.desk.initial_balance,
        key=key,
        rearm_after=None,
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
