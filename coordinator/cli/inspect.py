"""`quorum agents` and `quorum config`: looking before trading."""

from __future__ import annotations

import json

import typer
from rich.console import Console
from rich.table import Table

from coordinator.bootstrap import check_settings, registry_of
from coordinator.cli.options import AgentNames, AsJson, ConfigFile, listed
from coordinator.configuration.document import as_toml
from coordinator.configuration.sources import load_settings
from coordinator.plan import weights_of
from coordinator.roster import agent_spec, known_agents


def agents(names: AgentNames = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show who sits on the committee: weight, lookback, idea; and who else could."""
    settings = load_settings(config, {"committee": {"agents": listed(names)}})
    specs = [agent_spec(name, settings.agents) for name in settings.committee.agents]
    seated = [spec.build() for spec in specs]
    weights = weights_of(settings.committee, [agent.name for agent in seated])
    rows = [
        {
            "name": agent.name,
            "weight": weight,
            "lookback": agent.lookback,
            "class": spec.path,
            "idea": (type(agent).__doc__ or "").strip().split("\n")[0],
        }
        for agent, weight, spec in zip(seated, weights, specs, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps({"agents": rows, "known": known_agents()}))
        return
    table = Table("agent", "weight", "lookback", "idea", title="The committee")
    for row in rows:
        table.add_row(
            str(row["name"]), f"{row['weight']:.2f}", f"{row['lookback']} bars", str(row["idea"])
        )
    console = Console()
    console.print(table)
    console.print(f"Known names: {', '.join(sorted(known_agents()))}; or package.module:Class.")


def show(config: ConfigFile = None) -> None:
    """Print the configuration in force as TOML, every default included."""
    typer.echo(as_toml(load_settings(config)))


def check(config: ConfigFile = None) -> None:
    """Check the configuration without starting anything."""
    settings = load_settings(config)
    check_settings(settings)
    registry = registry_of(settings)
    for symbol in settings.data.instruments:
        registry[symbol]
    specs = [agent_spec(name, settings.agents) for name in settings.committee.agents]
    weights_of(settings.committee, [spec.build().name for spec in specs])
    typer.echo("configuration: good")
