"""`Plan`: everything about a run that is settled before it starts."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from agents.ballot import Agent
from agents.guardian.volatility import VolatilityRules
from coordinator.allocation import AllocationRules
from coordinator.configuration.settings import CommitteeSettings, Settings
from coordinator.desk import Desk
from coordinator.risk_rules import learning_rules, risk_limits, sizing_rules, traits_with
from coordinator.roster import AgentSpec, code_digest
from market.bars import Bars
from market.compiled import constant
from market.conversion import conversion, currency_names
from market.errors import ConfigError, DataError
from market.instruments import Instrument
from market.ports import Interest

QUORUM_VERSION = "0.1.0"
DAY_S = 86_400
MONTH_OF_DAYS = 21
INTRADAY_REBALANCE_S = 900
OTHER_WEIGHT = 0.25
EPOCH = 1
RESERVED_NAMES = {"coordinator", "gateway", "quantum_optimizer", "risk_guardian"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run, ready to start.

    instruments: (M,) traded first, then those that only convert. bars: (T, M), priming rows
    included. first: the first row to decide on. agents, specs: in the order of the tally.
    sources: digests of the code (of an agent in hand) and of further inputs, by agent.
    """

    settings: Settings
    desk: Desk
    instruments: tuple[Instrument, ...]
    bars: Bars
    first: int
    data: str
    financing: str
    interest: Interest | None
    specs: tuple[AgentSpec, ...]
    names: tuple[str, ...]
    lookbacks: tuple[int, ...]
    sources: tuple[str, ...]
    allocation: AllocationRules
    versions: tuple[tuple[str, str], ...]

    @property
    def currencies(self) -> tuple[str, ...]:
        """Every currency that the run touches, in the order of its arrays."""
        return currency_names(self.instruments, self.settings.desk.account_currency)

    @property
    def decisions(self) -> int:
        """Bars to decide on."""
        return len(self.bars) - self.first


def make_plan(
    settings: Settings,
    *,
    instruments: Sequence[Instrument],
    traded: int,
    bars: Bars,
    first: int,
    data: str,
    financing: str,
    specs: Sequence[AgentSpec],
    seated: Sequence[Agent],
    interest: Interest | None = None,
) -> Plan:
    """Settle a run. interest: what positions pay and earn; financing: the same in words.

    Raises DataError for too few bars, ConfigError for contradictions."""
    names = tuple(agent.name for agent in seated)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(
            f"committee.agents: {', '.join(repeated)} sits twice; give each its own name"
        )
    taken = sorted(set(names) & RESERVED_NAMES)
    if taken:
        raise ConfigError(
            f"committee.agents: {', '.join(taken)} is the name of another member of the desk; "
            "give the agent another"
        )
    longest = max(seated, key=lambda agent: agent.lookback)
    if len(bars) <= longest.lookback:
        raise DataError(
            f"{len(bars)} bars are too few: {longest.name} needs {longest.lookback} before its "
            "first vote. Load more history, choose a shorter lookback, or leave the agent out."
        )
    sources = tuple(source_of(spec, agent) for spec, agent in zip(specs, seated, strict=True))
    versions = library_versions()
    given = [(spec.path, without_folders(dict(spec.parameters))) for spec in specs]
    session = _session_id(settings, bars.digest(), repr((given, sources, financing, first)))
    return Plan(
        settings=settings,
        desk=desk_of(
            settings,
            session,
            instruments,
            traded,
            weights_of(settings.committee, names),
            interval_s=bars.interval_s,
            has_extremes=bars.has_extremes,
        ),
        instruments=tuple(instruments),
        bars=bars,
        first=first,
        data=data,
        financing=financing,
        interest=interest,
        specs=tuple(specs),
        names=names,
        lookbacks=tuple(agent.lookback for agent in seated),
        sources=sources,
        allocation=allocation_rules(settings, bars.interval_s),
        versions=versions,
    )


def source_of(spec: AgentSpec, agent: Agent) -> str:
    """What an agent's votes depend on beside prices: digests of its code and of its inputs.

    Those of an agent in hand, whose parameters no configuration states, are followed by these.
    """
    digests = f"{spec.code or code_digest(type(agent))} {getattr(agent, 'source_digest', '')}"
    stated = without_folders(dict(spec.parameters))
    parameters = json.dumps(stated, sort_keys=True) if spec.code and stated else ""
    return f"{digests.strip()} {parameters}".strip()


def configuration_json(settings: Settings) -> str:
    """What decisions depend on, with files named without their folders."""
    return json.dumps(without_folders(decisive_settings(settings)), sort_keys=True)


def decisive_settings(settings: Settings) -> dict[str, Any]:
    """What decisions depend on; where things are kept or written and how Ray runs is left out."""
    return settings.model_dump(
        mode="json",
        exclude={
            "run": True,
            "ray": True,
            "live": True,
            "oanda": True,
            "staging": True,
            "breakers": True,
            "guardian": {"assess_every_s"},
            "journal": True,
            "pace": {"cancels_per_second", "cancels_per_minute"},
            "data": {"panel", "scratch"},
            "committee": {"shadows", "allowed"},
        },
    )


def without_folders(value: Any) -> Any:
    """The same settings with every file that is there named without its folders.

    What a file holds goes into a run by its digest; where it lies is no part of it.
    """
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [without_folders(item) for item in value]
    if isinstance(value, (str, Path)) and str(value) and is_there(Path(value)):
        return Path(value).resolve().name
    return value


def is_there(path: Path) -> bool:
    """Whether a path exists; a text too long to be one does not."""
    try:
        return path.exists()
    except OSError:
        return False


def allocation_rules(settings: Settings, interval_s: int) -> AllocationRules:
    """The optimizer's calendar in bars of this length.

    Raises ConfigError where the lookback can never hold the returns that it must.
    """
    optimizer = settings.optimizer
    if optimizer.allocation_min_observations > optimizer.allocation_lookback:
        raise ConfigError(
            f"optimizer.allocation_min_observations ({optimizer.allocation_min_observations}) is "
            f"above optimizer.allocation_lookback ({optimizer.allocation_lookback}): no instrument "
            "could ever be judged; lower the first or raise the second"
        )
    daily = interval_s >= DAY_S
    every = optimizer.rebalance_every or (
        MONTH_OF_DAYS if daily else max(1, INTRADAY_REBALANCE_S // interval_s)
    )
    return AllocationRules(
        every=every,
        lookback=optimizer.allocation_lookback,
        max_age=optimizer.allocation_max_age or 3 * every,
        cap=optimizer.allocation_cap,
    )


def weights_of(committee: CommitteeSettings, names: Sequence[str]) -> list[float]:
    """The weight of each agent: as configured, else its default, else that of a newcomer.

    Raises ConfigError for a weight of an agent that does not sit, or no weight at all.
    """
    defaults = type(committee)().weights
    strangers = sorted(set(committee.weights) - set(names) - set(defaults))
    if strangers:
        raise ConfigError(
            f"committee.weights names {', '.join(strangers)}, who do not sit on the committee; "
            f"its agents are {', '.join(names)}"
        )
    weights = [committee.weights.get(name, defaults.get(name, OTHER_WEIGHT)) for name in names]
    if not sum(weights) > 0.0:
        raise ConfigError("committee.weights: at least one agent needs a weight above zero")
    return weights


def desk_of(
    settings: Settings,
    session: str,
    instruments: Sequence[Instrument],
    traded: int,
    weights: Sequence[float],
    *,
    interval_s: int,
    has_extremes: bool,
) -> Desk:
    """What a session of these settings decides by. Raises ConfigError for contradictions."""
    return Desk(
        session=session,
        epoch=EPOCH,
        symbols=tuple(instrument.symbol for instrument in instruments),
        traded=traded,
        interval_s=interval_s,
        has_extremes=has_extremes,
        initial_balance=settings.desk.initial_balance,
        paths=conversion(instruments, settings.desk.account_currency),
        traits=traits_with(settings, instruments),
        weights=constant(np.array(weights, dtype=np.float64)),
        decision_threshold=settings.committee.decision_threshold,
        quorum=settings.committee.quorum,
        limits=risk_limits(settings, instruments[:traded], interval_s),
        sizing=sizing_rules(settings, interval_s),
        volatility=VolatilityRules(
            taps=settings.sizing.volatility_window, decay=settings.sizing.volatility_decay
        ),
        learning=learning_rules(settings),
        typical_spread=constant(np.array([one.typical_spread for one in instruments[:traded]])),
    )


def _session_id(settings: Settings, data_digest: str, others: str) -> str:
    """Named by its inputs: the same configuration, data and agents give the same session."""
    stated = f"{configuration_json(settings)} {data_digest} {others}"
    return hashlib.sha256(stated.encode()).hexdigest()[:10]


def library_versions() -> tuple[tuple[str, str], ...]:
    """Of the code and of the libraries that compute, as they run here."""
    libraries = ("numpy", "numba", "scipy", "ray")
    return (
        ("quorum", QUORUM_VERSION),
        ("python", re.sub(r"[^\d.].*", "", platform.python_version())),
        *((library, version(library)) for library in libraries),
    )
