"""`quorum`: the commands and how their errors are told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.inspect import agents, check, show
from coordinator.cli.replay import replay
from coordinator.plan import QUORUM_VERSION
from market.errors import QuorumError

WRONG_INPUT = 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A committee of trading agents on Ray: replay, paper and live on one code path.",
)
config = typer.Typer(no_args_is_help=True, help="The configuration in force.")
app.add_typer(config, name="config")
app.command()(replay)
app.command()(agents)
config.command()(show)
config.command()(check)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"quorum {QUORUM_VERSION}")
        raise typer.Exit


@app.callback()
def quorum(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Trade by committee."""
    del version


def main() -> None:
    """Run a command; what goes wrong on purpose is told in one paragraph, without a traceback."""
    sys.path.insert(0, str(Path.cwd()))  # the user's own agents, named as package.module:Class
    try:
        app()
    except QuorumError as error:
        Console(stderr=True).print(f"[bold red]error[/] {error}", highlight=False, soft_wrap=True)
        raise SystemExit(WRONG_INPUT) from None
