"""The composition root: the one place that names concrete feeds, brokers and members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from agents.ballot import Agent
from agents.guardian.guardian import RiskGuardian
from agents.optimizer.allocate import Optimizer
from agents.optimizer.configured import check_configuration
from agents.optimizer.desk import AllocationDesk
from agents.optimizer.settings import VariationalSettings
from coordinator.allocation import AllocationInForce
from coordinator.committee import Committee
from coordinator.configuration.durations import seconds
from coordinator.configuration.settings import Settings
from coordinator.desk import Desk
from coordinator.engines.arrays import desk_rules, opening_state
from coordinator.engines.chunks import PanelChunks
from coordinator.engines.committee import LocalCommittee, PanelCommittee
from coordinator.engines.local import ROOM, LocalReplay, Scribe
from coordinator.learning import Learning
from coordinator.plan import Plan, allocation_rules, desk_of, make_plan
from coordinator.risk_rules import refuse_contradictions
from coordinator.roster import AgentInHand, AgentSpec, agent_spec, refuse_stray_tables, take_seat
from coordinator.session import Session
from infra.brokers.paper.state import FillRules, fill_rules
from infra.feeds.clocks import clock_named
from infra.feeds.files import FileFeed
from infra.feeds.panels import where_traded
from infra.feeds.rates import InterestRates, read_interest_rates
from infra.feeds.room import Room, temporary_folder
from infra.feeds.selection import ECB, open_feed, select_days
from infra.journal.sqlite import SqliteJournal
from infra.memory import available_memory
from infra.paper_desk import open_paper_gateway
from market.bars import Bars
from market.conversion import with_conversion_instruments
from market.errors import ConfigError, DataError
from market.events import SessionStarted
from market.instruments import Instrument, Registry, fx_pair
from market.lines import Line, LocalLine, Member
from market.ports import Journal

GATEWAY = "gateway"
GUARDIAN = "risk_guardian"
OPTIMIZER = "quantum_optimizer"
COORDINATOR = "coordinator"
UNKNOWN_SPREAD_PIPS = 2.0
Build = Callable[[], Member]
"""Builds a member where it runs; it carries what that takes and no more."""


def plan_of(settings: Settings, in_hand: Mapping[str, AgentInHand] | None = None) -> Plan:
    """Load the data, seat the agents and settle the run; nothing is started or written.

    in_hand: agents that exist already, by the name they have in `settings.committee.agents`.
    """
    given = in_hand or {}
    check_settings(settings)
    registry = registry_of(settings)
    traded = [registry[symbol] for symbol in settings.data.instruments]
    specs = [
        given.get(name) or agent_spec(name, settings.agents) for name in settings.committee.agents
    ]
    seated = [spec.build() for spec in specs]
    bars, instruments, description = _prices(settings, registry, traded)
    selection = select_days(bars, _day(settings.data.start), _day(settings.data.end))
    return make_plan(
        settings,
        instruments=instruments,
        traded=len(traded),
        bars=selection.bars,
        first=selection.first,
        data=description,
        financing=financing_of(settings),
        interest=interest_of(settings),
        specs=specs,
        seated=seated,
    )


def check_settings(settings: Settings) -> None:
    """Raise the first thing that is wrong with the settings, before any data is read."""
    _day(settings.data.start)
    _day(settings.data.end)
    allocation_rules(settings, seconds(settings.data.bar))
    if settings.data.clock is not None:
        clock_named(settings.data.clock)
    refuse_stray_tables(settings.committee.agents, settings.agents)
    refuse_contradictions(settings)
    check_optimizer(settings)
    financing_of(settings)
    registry_of(settings)


def prices_of(settings: Settings) -> tuple[Bars, int]:
    """The panel of the configured source; its first columns are the traded instruments."""
    registry = registry_of(settings)
    traded = [registry[symbol] for symbol in settings.data.instruments]
    bars, _, _ = _prices(settings, registry, traded)
    return bars, len(traded)


def panel_of(settings: Settings) -> Bars:
    """The prices of a run of these settings: its days, and what came before them."""
    registry = registry_of(settings)
    traded = [registry[symbol] for symbol in settings.data.instruments]
    bars, _, _ = _prices(settings, registry, traded)
    return select_days(bars, _day(settings.data.start), _day(settings.data.end)).bars


def agent_and_panel(settings: Settings, name: str) -> tuple[Agent, Bars, str]:
    """An agent, the traded instruments' bars of the configured days, and what these are.

    The agent need not sit on the committee. Raises AgentError for an unknown one.
    """
    spec = agent_spec(name, settings.agents)
    seated = tuple(dict.fromkeys((*settings.committee.agents, name)))
    committee = settings.committee.model_copy(update={"agents": seated})
    check_settings(settings.model_copy(update={"committee": committee}))
    agent = spec.build()
    registry = registry_of(settings)
    traded = [registry[symbol] for symbol in settings.data.instruments]
    bars, _, description = _prices(settings, registry, traded)
    selection = select_days(bars, _day(settings.data.start), _day(settings.data.end))
    days = selection.bars.rows(selection.first, len(selection.bars))
    return agent, days.columns(days.symbols[: len(traded)]), description


def registry_of(settings: Settings) -> Registry:
    """The standard instruments and those of the configuration."""
    registry = Registry()
    for symbol, entry in settings.instruments.items():
        base, _, quote = symbol.partition("_")
        if not base or not quote:
            raise ConfigError(f"instruments.{symbol}: expected a name such as XAU_USD")
        known = (
            registry[symbol]
            if symbol in registry
            else fx_pair(base, quote, spread_pips=UNKNOWN_SPREAD_PIPS, margin_rate=0.05)
        )
        registry.add(replace(known, **entry.model_dump(exclude_none=True)))
    return registry


def agent_builder(spec: AgentSpec) -> Build:
    """Builds an agent's place at the table."""
    return partial(take_seat, spec)


def guardian_builder(plan: Plan, key: bytes) -> Build:
    """Builds the guardian of a replay, with its scripted supervisor."""
    return partial(
        RiskGuardian,
        plan.instruments,
        account_currency=plan.settings.desk.account_currency,
        traits=plan.desk.traits,
        agents=len(plan.desk.weights),
        limits=plan.desk.limits,
        equity=plan.desk.initial_balance,
        key=key,
        rearm_after=plan.settings.guardian.rearm_after,
    )


def guardian_again(
    started: SessionStarted, settings: Settings, *, supervised: bool
) -> RiskGuardian:
    """The guardian of a recorded session as at its start. supervised: as in a replay, whose
    scripted supervisor re-arms.
    """
    registry, desk = registry_of(settings), desk_again(started, settings)
    return RiskGuardian(
        [registry[symbol] for symbol in started.symbols],
        account_currency=started.account_currency,
        traits=desk.traits,
        agents=len(started.agents),
        limits=desk.limits,
        equity=started.initial_balance,
        key=b"",
        rearm_after=settings.guardian.rearm_after if supervised else None,
    )


def desk_again(started: SessionStarted, settings: Settings) -> Desk:
    """What a recorded session decided by."""
    registry = registry_of(settings)
    return desk_of(
        settings,
        started.session,
        [registry[symbol] for symbol in started.symbols],
        started.traded,
        [agent.weight for agent in started.agents],
        interval_s=started.interval_s,
        has_extremes=started.has_extremes,
    )


def optimizer_builder(plan: Plan, *, deadline_s: float | None = None) -> Build:
    """Builds the optimizer with the configured method.

    deadline_s: what a live desk passes, its `optimizer.deadline_s`. None waits, as a replay must:
    which answer counts, and so the journal's digest, may not depend on the speed of a machine.
    """
    settings = plan.settings.optimizer
    return partial(
        AllocationDesk,
        optimizer_of(plan.settings, deadline_s=deadline_s),
        budget_share=settings.budget_share,
        min_observations=settings.allocation_min_observations,
    )


def optimizer_of(settings: Settings, *, deadline_s: float | None = None) -> partial[Optimizer]:
    """Makes the optimizer that is configured."""
    chosen = settings.optimizer
    return partial(
        Optimizer,
        q=chosen.risk_aversion,
        method=chosen.method,
        bits_per_asset=chosen.bits_per_asset,
        settings=VariationalSettings(
            layers=chosen.layers,
            cvar_alpha=chosen.cvar_alpha,
            trainer=chosen.trainer,
            shots=chosen.shots,
            seed=settings.desk.seed,
            max_qubits=chosen.max_qubits,
        ),
        deadline_s=deadline_s,
        backend=chosen.backend,
    )


def check_optimizer(settings: Settings) -> None:
    """Raise ConfigError where the optimizer's settings contradict each other."""
    check_configuration(
        method=settings.optimizer.method,
        bits_per_asset=settings.optimizer.bits_per_asset,
        assets=len(settings.data.instruments),
        max_qubits=settings.optimizer.max_qubits,
        backend_name=settings.optimizer.backend,
    )


def gateway_builder(plan: Plan, folder: Path, key: bytes) -> Build:
    """Builds the gateway with its broker and a new journal in the run's folder."""
    settings = plan.settings.broker
    return partial(
        open_paper_gateway,
        plan.instruments,
        account_currency=plan.settings.desk.account_currency,
        cash=plan.desk.initial_balance,
        slippage=settings.slippage_bps * 1e-4,
        closeout_fraction=settings.closeout_fraction,
        interest=plan.interest,
        financing_fee=settings.financing_fee_annual,
        journal=folder.resolve() / "journal.sqlite",
        session=plan.desk.session,
        key=key,
        epoch=plan.desk.epoch,
    )


def local_committee(plan: Plan) -> LocalCommittee:
    """The committee in this process, voting on rows of the plan's panel."""
    agents = [spec.build() for spec in plan.specs]
    return LocalCommittee(agents, plan.bars, plan.desk.traded, plan.first)


def panel_fills(plan: Plan) -> FillRules:
    """How the paper broker fills."""
    settings = plan.settings.broker
    return fill_rules(
        plan.instruments,
        slippage=settings.slippage_bps * 1e-4,
        closeout_fraction=settings.closeout_fraction,
        financing_fee=settings.financing_fee_annual if plan.interest is not None else 0.0,
    )


def panel_replay(
    plan: Plan,
    committee: PanelCommittee,
    scribe: Scribe | None = None,
    *,
    rows: int | None = None,
    room: int = ROOM,
) -> LocalReplay:
    """The plan's replay through the sequential kernel, with the optimizer in this process.

    rows: of a chunk; by default as many as fit a cache. room: events that the kernel writes down
    before they are taken over.
    """
    desk = plan.desk
    return LocalReplay(
        rules=desk_rules(desk, panel_fills(plan), plan.settings.guardian.rearm_after),
        state=opening_state(desk),
        chunks=PanelChunks(
            plan.bars,
            desk,
            first=plan.first,
            currencies=plan.currencies,
            interest=plan.interest,
            rows=rows,
        ),
        committee=committee,
        allocation=AllocationInForce(
            LocalLine(optimizer_builder(plan)()), desk.traded, plan.allocation
        ),
        learning=Learning(desk.learning, len(desk.weights), desk.typical_spread),
        symbols=desk.symbols,
        bars=plan.decisions,
        scribe=scribe,
        room=room,
    )


def run_journal(folder: Path) -> Journal:
    """The journal of a run, new. Raises JournalUnwritable."""
    return SqliteJournal(folder.resolve() / "journal.sqlite")


def interest_of(settings: Settings) -> InterestRates | None:
    """The interest rates of the configured file, None where none is given."""
    rates = settings.broker.financing_rates
    return None if rates is None else read_interest_rates(rates)


def financing_of(settings: Settings) -> str:
    """What financing the broker charges, for the record."""
    known, fee = interest_of(settings), settings.broker.financing_fee_annual
    if known is None:
        return "not modelled: no rates file given"
    return (
        f"{known.description}; fee {fee:.2%} a year on notional; where a currency has no rate only "
        f"the fee is charged; sha256 {known.digest()}"
    )


def session_of(
    plan: Plan, agents: Mapping[str, Line], guardian: Line, gateway: Line, optimizer: Line
) -> Session:
    """The session over the given lines."""
    return Session(
        plan.desk,
        committee=Committee({name: agents[name] for name in plan.names}),
        guardian=guardian,
        gateway=gateway,
        allocation=AllocationInForce(optimizer, plan.desk.traded, plan.allocation),
    )


def _prices(
    settings: Settings, registry: Registry, traded: list[Instrument]
) -> tuple[Bars, list[Instrument], str]:
    """The panel, its columns' instruments, and where it comes from."""
    data, symbols, room = settings.data, list(settings.data.instruments), room_of(settings)
    if data.source == ECB:
        available = [registry[symbol] for symbol in registry.symbols()]
    else:
        feed = open_feed(data.source, clock=data.clock, stamps=data.stamps)
        known = feed.available if isinstance(feed, FileFeed) else ()
        missing = [symbol for symbol in symbols if symbol not in known]
        if missing:
            raise DataError(
                f"{data.source} holds no prices for {', '.join(missing)}; it holds "
                f"{', '.join(known)}. Name the instruments to trade with --instruments."
            )
        available = [registry[symbol] for symbol in known if symbol in registry]
    account = settings.desk.account_currency
    instruments = with_conversion_instruments(traded, available, account)
    feed = open_feed(
        data.source,
        symbols=[instrument.symbol for instrument in instruments],
        clock=data.clock,
        stamps=data.stamps,
        interval_s=seconds(data.bar),
        room=room,
    )
    bars = where_traded(feed.load(), len(traded), room)
    return bars, instruments, feed.description


def room_of(settings: Settings) -> Room:
    """Where the prices of a run are kept."""
    scratch = settings.data.scratch
    return Room(
        place=settings.data.panel,
        scratch=temporary_folder() if scratch is None else scratch,
        memory=available_memory(),
    )


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"expected a day as YYYY-MM-DD, found {text!r}") from None
