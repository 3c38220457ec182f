"""The plan of a trial: the base plan with other settings, on any of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agents.ballot import Agent
from coordinator.bootstrap import registry_of
from coordinator.configuration.settings import Settings
from coordinator.plan import Plan, allocation_rules, desk_of, weights_of
from coordinator.roster import AgentSpec, agent_spec
from coordinator.sweep.keys import Value, table_of, with_values
from coordinator.sweep.splits import Span
from market.errors import AgentError, ConfigError

COMMITTEE = "committee.agents"


def plan_with(base: Plan, values: Mapping[str, Value]) -> Plan:
    """The base plan with these settings by dotted key; bars, rows and session are shared.

    Nothing is loaded and no price is read. Raises ConfigError or AgentError for values that are
    refused or contradict each other.
    """
    settings = with_values(base.settings, values)
    specs = _specs(base, settings, values)
    names, lookbacks = base.names, base.lookbacks
    if specs != base.specs:
        seated = [spec.build() for spec in specs]
        names = _names(seated)
        lookbacks = tuple(agent.lookback for agent in seated)
    instruments = base.instruments
    if any(key.startswith("instruments.") for key in values):
        registry = registry_of(settings)
        instruments = tuple(registry[symbol] for symbol in base.desk.symbols)
    return replace(
        base,
        settings=settings,
        desk=desk_of(
            settings,
            base.desk.session,
            instruments,
            base.desk.traded,
            weights_of(settings.committee, names),
            interval_s=base.bars.interval_s,
            has_extremes=base.bars.has_extremes,
        ),
        instruments=instruments,
        specs=specs,
        names=names,
        lookbacks=lookbacks,
        allocation=allocation_rules(settings, base.bars.interval_s),
    )


def on_rows(plan: Plan, rows: Span) -> Plan:
    """The plan on some of its rows: flat, with its initial balance, before the first of them.

    All bars before them stay, and prime agents and volatilities as they would live.
    """
    return replace(plan, bars=plan.bars.rows(0, rows.stop), first=rows.start)


def _specs(base: Plan, settings: Settings, values: Mapping[str, Value]) -> tuple[AgentSpec, ...]:
    """The specs of the base with the parameters given; those of another committee where named."""
    if COMMITTEE in values:
        return tuple(agent_spec(name, settings.agents) for name in settings.committee.agents)
    specs = []
    for spec in base.specs:
        prefix = f"agents.{table_of(spec)}."
        given = {
            key.removeprefix(prefix): value
            for key, value in values.items()
            if key.startswith(prefix)
        }
        if given:
            merged = {**dict(spec.parameters), **given}
            spec = replace(spec, parameters=tuple(sorted(merged.items())))  # noqa: PLW2901
        specs.append(spec)
    return tuple(specs)


def _names(seated: list[Agent]) -> tuple[str, ...]:
    names = tuple(agent.name for agent in seated)
    if len(set(names)) < len(names):
        raise ConfigError(f"{COMMITTEE}: an agent sits twice in {', '.join(names)}")
    for agent in seated:
        if agent.lookback < 1:
            raise AgentError(f"{agent.name}: expected a lookback of at least 1 bar")
    return names
