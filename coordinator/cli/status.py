"""`quorum status` and `quorum watch`: how a live desk stands."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.asking import DEFAULT_HOME, Home, asked, plain
from coordinator.cli.options import AsJson
from coordinator.cli.status_view import status_picture
from coordinator.cli.trade_view import TradeView
from coordinator.interrupts import interrupts_noted
from infra.live.asking import how_it_was_left
from infra.live.home import DeskHome
from market.bars import utc
from market.errors import TransientError

LOOK_EVERY_S = 0.25


def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Tell how a live desk stands: mode, account, what is open, the committee's health."""
    try:
        told = asked(home, "status")
    except TransientError as error:
        raise TransientError(_left(home) or str(error)) from None
    if as_json:
        typer.echo(json.dumps(plain(told)))
    else:
        Console().print(status_picture(told), highlight=False)


def watch(
    home: Home = DEFAULT_HOME,
    times: Annotated[
        int | None, typer.Option("--times", min=1, help="Look so often, then end.")
    ] = None,
) -> None:
    """Watch a live desk until Ctrl-C, which leaves it trading."""
    asked(home, "status")  # where there is no desk, that is an error and nothing to wait for
    console = Console()
    looks = 0
    with interrupts_noted() as interrupted, TradeView(console) as view:
        while not interrupted() and (times is None or looks < times):
            looks += 1
            try:
                view(asked(home, "status"))
            except TransientError as error:
                left = _left(home)
                if left:
                    console.print(left, highlight=False)
                    return
                view.silent(str(error))
            time.sleep(LOOK_EVERY_S)
    console.print(f"no longer watched; the desk in {home} goes on", highlight=False)


def _left(home: Path) -> str:
    """What became of a desk that does not answer; empty where nobody stopped it."""
    desk = how_it_was_left(DeskHome(folder=home))
    if desk is None:
        return ""
    return (
        f"the desk in {home} was stopped by {desk.mode_by} at {utc(desk.time):%Y-%m-%d %H:%M:%S} "
        "UTC of market time. `quorum trade --resume` takes it up again."
    )
