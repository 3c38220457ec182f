"""Plans on the made-up market: the default committee and rules, the optimizer at rest."""

from __future__ import annotations

from typing import Any

from benchmarks.replaying.market import instruments
from coordinator.configuration.settings import Settings
from coordinator.plan import Plan, make_plan
from coordinator.roster import AgentSpec, agent_spec
from market.bars import Bars

FIRST = 400
NEVER = 1_000_000_000
RULES = (
    "default rules: quorum, sizing by stop, every control of docs/RISK.md, close-out; spread and "
    "slippage charged; stops and take profits; no optimizer"
)


def plan(bars: Bars, agents: tuple[str, ...] | None = None, **sections: dict[str, Any]) -> Plan:
    """The default desk on a panel. agents: names or paths; unset, the default four."""
    settings = Settings.model_validate(
        {
            "data": {"instruments": bars.symbols},
            "optimizer": {"method": "exact", "rebalance_every": NEVER},
            **sections,
        }
    )
    specs = [
        AgentSpec(path=name) if ":" in name else agent_spec(name, {})
        for name in agents or settings.committee.agents
    ]
    return make_plan(
        settings,
        instruments=instruments(len(bars.symbols)),
        traded=len(bars.symbols),
        bars=bars,
        first=FIRST,
        data="seeded random walks",
        financing="not modelled",
        specs=specs,
        seated=[spec.build() for spec in specs],
    )
