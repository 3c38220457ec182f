"""`quorum doctor`: is everything here that a replay needs?"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordinator.cli.oanda_options import OandaAccount, OandaEnvironment, OandaTokenFile
from coordinator.cli.options import AsJson, ConfigFile
from coordinator.configuration.sources import load_settings
from coordinator.doctor.examine import examine
from coordinator.doctor.finding import Finding
from coordinator.doctor.oanda import examine_oanda
from market.errors import ConfigError

UNWELL = 1
COLOURS = {"pass": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    config: ConfigFile = None,
    start_ray: Annotated[
        bool, typer.Option("--start-ray", help="Start Ray and run a task, which takes seconds.")
    ] = False,
    broker: Annotated[
        str | None, typer.Option("--broker", help="oanda: look at the account there instead.")
    ] = None,
    environment: OandaEnvironment = None,
    account: OandaAccount = None,
    token_file: OandaTokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Look at packages, folders, data, memory, clock and Ray; say how to mend what is not well.

    With --broker oanda at the account there: address, token, account, instruments, streams, clocks.
    """
    flags = {"environment": environment, "account": account, "token_file": token_file}
    if broker is None and any(value is not None for value in flags.values()):
        raise ConfigError("--environment, --account and --token-file belong to --broker oanda")
    if broker is not None:
        settings = load_settings(config, {"live": {"broker": broker}, "oanda": flags})
        if settings.live.broker != "oanda":
            raise ConfigError(f"--broker: expected oanda, found {broker!r}; paper needs no account")
        findings = list(examine_oanda(settings, os.environ))
    else:
        findings = examine(config, start_ray=start_ray)
    counted = Counter(finding.state for finding in findings)
    well = counted["fail"] == 0
    if as_json:
        typer.echo(json.dumps({"well": well, "findings": [asdict(line) for line in findings]}))
    else:
        console = Console(soft_wrap=not Console().is_terminal)
        console.print(_table(findings))
        console.print(
            f"{counted['pass']} pass, {counted['warn']} warn, {counted['fail']} fail",
            highlight=False,
        )
    if not well:
        raise typer.Exit(UNWELL)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        told = Text(finding.found)
        if finding.mend:
            told.append(f"\n→ {finding.mend}", style="italic")
        colour = COLOURS[finding.state]
        table.add_row(Text(finding.state, style=colour), finding.subject, told)
    return table
