"""`quorum stage`: how much capital a live desk may risk, and moving it up and down."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.asking import DEFAULT_HOME, By, Home, Reason, changed, print_json
from coordinator.cli.options import AsJson
from coordinator.live.stage_view import stage_line, stage_picture
from coordinator.live.trading import look
from infra.live.home import DeskHome
from market.errors import ConfigError
from market.stages import CapitalStage

BY_NAME = "say who with --by: more capital is a named person's decision, and stands in the journal"
To = Annotated[
    str,
    typer.Option("--to", help=f"One of {', '.join(CapitalStage)}; unset: the next one down."),
]

stage = typer.Typer(help="Show the capital stage of a live desk and its evidence; move it.")


@stage.callback(invoke_without_command=True)
def show(context: typer.Context, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show the stage, what it allows, and what has been shown against what the next one needs."""
    if context.invoked_subcommand is not None:
        return
    told = look(DeskHome(folder=home))["capital"]
    if as_json:
        print_json(told)
    else:
        Console().print(stage_picture(told), highlight=False)


@stage.command()
def promote(
    home: Home = DEFAULT_HOME, by: By = None, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Move up one stage, where the evidence is enough. Needs --by and --reason."""
    if not by:
        raise ConfigError(BY_NAME)
    _tell(changed(home, "promote", by, reason), as_json)


@stage.command()
def demote(
    home: Home = DEFAULT_HOME,
    to: To = "",
    by: By = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Move down at once, by one stage or to one; to the same one the evidence begins anew."""
    _tell(changed(home, "demote", by, reason, stage=to), as_json)


@stage.command("emergency-stop")
def emergency_stop(
    home: Home = DEFAULT_HOME, by: By = None, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Open nothing new from here; what reduces a position still passes. Needs --reason."""
    _tell(changed(home, "emergency_stop", by, reason), as_json)


def _tell(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told["capital"])
    else:
        Console(soft_wrap=True).print(stage_line(told["capital"]), highlight=False)
