"""`quorum agents`: who sits on the committee, and changing that while the desk trades."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.asking import DEFAULT_HOME, By, Home, Reason, changed, print_json
from coordinator.cli.inspect import agents as show_agents
from coordinator.cli.options import AgentNames, AsJson, ConfigFile

Seat = Annotated[str, typer.Argument(metavar="NAME", help="An agent on the desk's allow-list.")]
Weight = Annotated[float, typer.Argument(help="Of its vote; 0: a shadow votes and is not counted.")]

agents = typer.Typer(help="Show who sits on the committee; add, remove or re-weight them live.")


@agents.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    names: AgentNames = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show who sits on the committee: weight, lookback, idea; and who else could."""
    if context.invoked_subcommand is None:
        show_agents(names, config, as_json)


@agents.command()
def add(
    name: Seat,
    weight: Weight = 0.0,
    home: Home = DEFAULT_HOME,
    by: By = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Seat an agent of the allow-list while the desk trades; as a shadow unless given a weight."""
    _tell(changed(home, "seat", by, reason, agent=name, weight=weight), as_json)


@agents.command()
def remove(
    name: Seat,
    home: Home = DEFAULT_HOME,
    by: By = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Let an agent go while the desk trades."""
    _tell(changed(home, "unseat", by, reason, agent=name), as_json)


@agents.command()
def weight(
    name: Seat,
    weight: Weight,
    home: Home = DEFAULT_HOME,
    by: By = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Give an agent another weight while the desk trades, from the next decision on."""
    _tell(changed(home, "weigh", by, reason, agent=name, weight=weight), as_json)


def _tell(told: dict[str, Any], as_json: bool) -> None:
    weights = told["weights"]
    if as_json:
        print_json({"seated": told["seated"], "weights": weights})
        return
    seats = ", ".join(
        f"{name} {weights[name]:.2f}" if weights[name] > 0.0 else f"{name} (shadow)"
        for name in told["seated"]
    )
    Console().print(f"on the committee: {seats}", highlight=False, soft_wrap=True)
