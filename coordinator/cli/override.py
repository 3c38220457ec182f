"""`quorum override`: a limit of the guardian, moved for a while by a named person."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.asking import DEFAULT_HOME, By, Home, Reason, changed, print_json
from coordinator.cli.options import AsJson
from coordinator.configuration.durations import seconds
from coordinator.live.override_view import override_line
from coordinator.live.trading import look
from infra.live.home import DeskHome
from market.errors import ConfigError

BY_NAME = "say who with --by: an override is a named person's decision, and stands in the journal"
NONE = "no override is in force"
Limit = Annotated[str, typer.Argument(help="A key of [guardian] or [stress].")]
Value = Annotated[float, typer.Argument(help="At most half as loose again as it is configured.")]
For = Annotated[str, typer.Option("--for", help="How long, market time: 30m, 2h; up to 24h.")]

override = typer.Typer(
    no_args_is_help=True, help="Move a limit of a live desk for a while; it expires by itself."
)


@override.command("set")
def begin(
    limit: Limit,
    value: Value,
    lasting: For,
    home: Home = DEFAULT_HOME,
    by: By = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Override a limit from the next bar on. Needs --for, --by and --reason."""
    told = changed(
        home, "override", _named(by), reason, limit=limit, value=value, for_s=seconds(lasting)
    )
    _tell(told, as_json)


@override.command()
def end(
    limit: Limit,
    home: Home = DEFAULT_HOME,
    by: By = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Back to what is configured, from the next bar on. Needs --by and --reason."""
    _tell(changed(home, "end_override", _named(by), reason, limit=limit), as_json)


@override.command("list")
def in_force(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what is overridden now."""
    _tell(look(DeskHome(folder=home)), as_json)


def _named(by: str | None) -> str:
    if not by:
        raise ConfigError(BY_NAME)
    return by


def _tell(told: dict[str, Any], as_json: bool) -> None:
    standing = told.get("overrides", [])
    if as_json:
        print_json({"overrides": standing})
        return
    console = Console(soft_wrap=True)
    for one in standing:
        console.print(override_line(one), highlight=False)
    if not standing:
        console.print(NONE, highlight=False)
