"""`quorum halt`, `resume`, `flatten` and `stop`: what a person may tell a live desk."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.asking import DEFAULT_HOME, By, Home, Reason, asked, changed, print_json
from coordinator.cli.options import AsJson
from coordinator.live.status_view import ARMED, GATEWAY
from infra.live.asking import how_it_was_left
from infra.live.home import DeskHome
from infra.live.resuming import command_to_resume
from market.errors import TransientError

LOOK_EVERY_S = 0.1
ON_COMMAND = "on the command line"
UNFINISHED = 1
Within = Annotated[
    float, typer.Option("--within", min=0.0, help="Seconds to wait before telling what is left.")
]


def halt(
    home: Home = DEFAULT_HOME, by: By = None, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Take no new risk: what waits is cancelled, what reduces a position still passes."""
    told = changed(home, "halt", by, reason, because=ON_COMMAND)
    _tell(_console(as_json), told)
    if as_json:
        print_json(told)


def resume(
    home: Home = DEFAULT_HOME, by: By = None, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Allow new risk again, once the books are proved to be the broker's. Needs --reason.

    Arms the breakers too. Exit code 1 where one tripped again, because its condition still holds.
    """
    console = _console(as_json)
    told = changed(home, "resume", by, reason)
    _tell(console, told)
    holding = [one for one in told["breakers"] if one["phase"] != ARMED and one["by"] == GATEWAY]
    for one in holding:
        console.print(
            f"{one['name']} still holds and blocks new risk: {one['measured']:.4g} {one['unit']}, "
            f"limit {one['limit']:g}",
            highlight=False,
        )
    if as_json:
        print_json(told)
    if holding:
        raise typer.Exit(UNFINISHED)


def flatten(
    home: Home = DEFAULT_HOME,
    by: By = None,
    reason: Reason = "",
    within: Within = 60.0,
    as_json: AsJson = False,
) -> None:
    """Close every position and wait until that is done. Needs --reason; works without coordinator.

    Leaves the desk halted. Exit code 1 where something is left after the time: the gateway goes on
    closing it.
    """
    console = _console(as_json)
    told = changed(home, "flatten", by, reason)
    until = time.monotonic() + within
    with console.status(_left_open(told)) as shown:
        while told["mode"] == "FLATTENING" and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
            told = _newest(home, told)
            shown.update(_left_open(told))
    unfinished = told["mode"] == "FLATTENING"
    if unfinished:
        console.print(
            f"not flat after {within:g} s: {_left_open(told)}. The gateway goes on; "
            "`quorum status` tells how far it is.",
            highlight=False,
        )
    else:
        _tell(console, told)
    if as_json:
        print_json(told)
    if unfinished:
        raise typer.Exit(UNFINISHED)


def stop(
    home: Home = DEFAULT_HOME,
    by: By = None,
    reason: Reason = "",
    within: Within = 30.0,
    as_json: AsJson = False,
) -> None:
    """Settle what is open, close the journal and stop; positions are kept.

    Exit code 1 where the desk has not settled after the time.
    """
    console = _console(as_json)
    told = changed(home, "stop", by, reason, because=ON_COMMAND)
    until = time.monotonic() + within
    with console.status("settling what is open"):
        while not (stopped := _has_stopped(home)) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
            told = _newest(home, told)
    if stopped:
        console.print(
            f"stopped with {len(told['positions'])} positions open, equity {told['equity']:,.2f} "
            f"{told['account_currency']}. `{command_to_resume(DeskHome(folder=home))}` goes on.",
            highlight=False,
        )
    else:
        console.print(
            f"not settled after {within:g} s: {_left_open(told)}. Look with `quorum status`.",
            highlight=False,
        )
    if as_json:
        print_json(told | {"stopped": stopped})
    if not stopped:
        raise typer.Exit(UNFINISHED)


def _newest(home: Path, told: dict[str, Any]) -> dict[str, Any]:
    try:
        return asked(home, "status")
    except TransientError:
        return told  # it is being started again, or hung up once it had settled


def _has_stopped(home: Path) -> bool:
    return how_it_was_left(DeskHome(folder=home)) is not None


def _left_open(told: dict[str, Any]) -> str:
    positions = "  ".join(f"{held['symbol']} {held['units']:+,.0f}" for held in told["positions"])
    return f"open: {positions or 'no positions'}, {len(told['open_orders'])} orders"


def _console(as_json: bool) -> Console:
    """For people; machines read one object on stdout and nothing else."""
    return Console(soft_wrap=True, quiet=as_json)


def _tell(console: Console, told: dict[str, Any]) -> None:
    account = (
        f"equity {told['equity']:,.2f} {told['account_currency']} ({told['profit']:+,.2f})"
        if math.isfinite(told["equity"])
        else "the account is not known now"
    )
    console.print(f"{told['mode']}, {account}   {_left_open(told)}", highlight=False)
