"""`quorum`: the commands and how their errors are told."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from coordinator.cli.audit import audit
from coordinator.cli.breakers import breakers
from coordinator.cli.committee import agents
from coordinator.cli.data import data
from coordinator.cli.decision import replay as replay_decision
from coordinator.cli.doctor import doctor
from coordinator.cli.governing import flatten, halt, resume, stop
from coordinator.cli.inspect import check, show
from coordinator.cli.journal import journal
from coordinator.cli.lookahead import lookahead
from coordinator.cli.lookback import lookback
from coordinator.cli.optimize import optimize
from coordinator.cli.override import override
from coordinator.cli.parity import parity
from coordinator.cli.replay import replay
from coordinator.cli.report import report
from coordinator.cli.risk import risk
from coordinator.cli.stage import stage
from coordinator.cli.status import status, watch
from coordinator.cli.sweep import sweep
from coordinator.cli.trade import trade
from coordinator.cli.v20_server import v20_server
from coordinator.cli.whatif import whatif
from coordinator.cli.why import why
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
decision = typer.Typer(no_args_is_help=True, help="Recorded decisions.")
app.add_typer(decision, name="decision")
app.add_typer(audit, name="audit")
app.add_typer(data, name="data")
app.add_typer(journal, name="journal")
app.command()(replay)
app.command()(trade)
app.command("v20-server")(v20_server)
app.add_typer(agents, name="agents")
app.add_typer(stage, name="stage")
app.add_typer(override, name="override")
for command in (status, watch, breakers, halt, resume, flatten, stop):
    app.command()(command)
app.command()(report)
app.command()(risk)
app.command()(sweep)
app.command()(optimize)
app.command()(lookahead)
app.command()(lookback)
app.command()(whatif)
app.command()(parity)
app.command()(doctor)
app.command()(why)
decision.command("replay")(replay_decision)
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


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code.

    What goes wrong on purpose is told in one paragraph on stderr, without a traceback.
    """
    try:
        app(args=list(arguments), prog_name="quorum")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except QuorumError as error:
        told = Text.assemble(("error ", "bold red"), str(error))
        Console(stderr=True).print(told, soft_wrap=True)
        return WRONG_INPUT
    return 0


def main() -> None:
    """The entry point of `quorum`."""
    # A run's events hold no cycles, and looking for some among hundreds of thousands takes seconds.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    sys.path.insert(0, str(Path.cwd()))  # the user's own agents, named as package.module:Class
    raise SystemExit(run(sys.argv[1:]))
