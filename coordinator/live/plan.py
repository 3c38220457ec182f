"""`LivePlan`: everything about a live desk that is settled before it starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from agents.ballot import Agent
from agents.seat import evidence_names
from coordinator.allocation import AllocationRules
from coordinator.configuration.durations import bar_seconds
from coordinator.configuration.settings import Settings
from coordinator.desk import Desk
from coordinator.live.places import Place
from coordinator.plan import (
    RESERVED_NAMES,
    allocation_rules,
    configuration_json,
    decisive_settings,
    desk_of,
    library_versions,
    source_of,
    weights_of,
    without_folders,
)
from coordinator.roster import AgentSpec
from market.bar_window import BarWindow
from market.conversion import currency_names
from market.errors import ConfigError
from market.events import SessionStarted
from market.instruments import Instrument
from market.seats import AgentSeated
from market.stage_grants import StageGrant


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlan:
    """A live desk, ready to start.

    instruments: (M,) traded first. places, specs, sources: of every agent on the allow-list, in the
    order of the tally; weights: theirs at the start. seated: those that run from the start. grant:
    what a practice desk has earned for it, where its orders move real money. risk_accepted: the
    account whose risk a person has accepted for this start, empty for none.
    """

    settings: Settings
    desk: Desk
    instruments: tuple[Instrument, ...]
    places: tuple[Place, ...]
    specs: tuple[AgentSpec, ...]
    sources: tuple[str, ...]
    weights: tuple[float, ...]
    seated: tuple[str, ...]
    allocation: AllocationRules
    versions: tuple[tuple[str, str], ...]
    grant: StageGrant | None = None
    risk_accepted: str = ""

    @property
    def rows(self) -> int:
        """Bars that a desk must remember to go on after a restart."""
        return rows_remembered(self.desk, self.settings, self.longest)

    @property
    def primed_rows(self) -> int:
        """Bars that must lie before the first decision."""
        return rows_primed(self.desk, self.settings, self.longest)

    @property
    def longest(self) -> int:
        """The largest of the agents' lookbacks."""
        return max(place.lookback for place in self.places)

    def spec_of(self, name: str) -> AgentSpec:
        """How to build an agent on the allow-list."""
        names = [place.name for place in self.places]
        return self.specs[names.index(name)]


def rows_primed(desk: Desk, settings: Settings, longest: int) -> int:
    """Bars that must lie before the first decision. longest: of the agents' lookbacks."""
    return max(
        longest + 1,
        allocation_rules(settings, desk.interval_s).lookback + 1,
        desk.volatility.lookback,
        desk.limits.correlation_window + 1,
        settings.breakers.correlation_bars + 1,
    )


def rows_remembered(desk: Desk, settings: Settings, longest: int) -> int:
    """Bars that a live desk must remember to go on after a restart."""
    learning = desk.learning
    return max(
        rows_primed(desk, settings, longest),
        desk.limits.returns_window + 1,  # on fewer returns the same book measures another loss
        learning.calibration.lookback + 1 if learning.needed else 0,
    )


def make_live_plan(
    settings: Settings,
    *,
    instruments: Sequence[Instrument],
    traded: int,
    specs: Sequence[AgentSpec],
    agents: Sequence[Agent],
    seated: int,
    opened: str,
    session: str | None = None,
) -> LivePlan:
    """Settle a live desk.

    specs, agents: the committee, then the shadows, then who else may join. seated: how many of
    them, from the first, run at the start. opened: what makes the session's name its own, such as
    the time; session: the name itself, of a desk that is resumed. Raises ConfigError for
    contradictions.
    """
    names = tuple(agent.name for agent in agents)
    for name in names:
        if names.count(name) > 1 or name in RESERVED_NAMES:
            raise ConfigError(
                f"{name} sits twice, or is the name of another member of the desk, among "
                "committee.agents, committee.shadows and committee.allowed; name each once"
            )
    interval_s = bar_seconds(settings.data.bar)
    voting = len(settings.committee.agents)
    weights = (*weights_of(settings.committee, names[:voting]), *[0.0] * (len(names) - voting))
    symbols = tuple(instrument.symbol for instrument in instruments[:traded])
    like = BarWindow(symbols, 1, interval_s).bars()
    stated = f"{configuration_json(settings)} {opened}"
    session = session or f"live-{hashlib.sha256(stated.encode()).hexdigest()[:10]}"
    return LivePlan(
        settings=settings,
        desk=desk_of(
            settings,
            session,
            instruments,
            traded,
            weights,
            interval_s=interval_s,
            has_extremes=True,
        ),
        instruments=tuple(instruments),
        places=tuple(
            Place(name=agent.name, lookback=agent.lookback, evidence=evidence_names(agent, like))
            for agent in agents
        ),
        specs=tuple(specs),
        sources=tuple(source_of(spec, agent) for spec, agent in zip(specs, agents, strict=True)),
        weights=weights,
        seated=names[:seated],
        allocation=allocation_rules(settings, interval_s),
        versions=library_versions(),
    )


def live_configuration_json(settings: Settings) -> str:
    """What a live desk's trading depends on: what decisions do, the gateway's breakers and budgets
    of cancels, and what a capital stage asks for.
    """
    stated = decisive_settings(settings)
    for section in ("breakers", "pace", "staging"):  # whole, where decisions know a part or nothing
        stated[section] = getattr(settings, section).model_dump(mode="json")
    return json.dumps(without_folders(stated), sort_keys=True)


def live_session_started(plan: LivePlan, *, time: int, feed: str) -> SessionStarted:
    """The first event of a live journal. time: market time, ns. feed: what the prices are."""
    desk = plan.desk
    return SessionStarted(
        session=desk.session,
        account_currency=plan.settings.desk.account_currency,
        initial_balance=desk.initial_balance,
        symbols=desk.symbols,
        traded=desk.traded,
        currencies=currency_names(plan.instruments, plan.settings.desk.account_currency),
        interval_s=desk.interval_s,
        has_extremes=desk.has_extremes,
        first_time=time,
        last_time=time,
        bars=0,
        data=feed,
        data_digest="",
        financing="as the broker charges it",
        agents=tuple(
            AgentSeated(
                name=place.name,
                weight=weight,
                lookback=place.lookback,
                evidence=place.evidence,
                source=f"{spec.path} {source}".strip(),
            )
            for place, weight, spec, source in zip(
                plan.places, plan.weights, plan.specs, plan.sources, strict=True
            )
        ),
        configuration=live_configuration_json(plan.settings),
        versions=plan.versions,
    )
