"""`quorum status` and `quorum watch`: how a live desk stands."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.asking import DEFAULT_HOME, Home, print_json
from coordinator.cli.options import AsJson
from coordinator.cli.trade_view import TradeView
from coordinator.interrupts import interrupts_noted
from coordinator.live.status_view import status_picture
from coordinator.live.trading import left_as, look
from infra.live.home import DeskHome
from market.errors import TransientError

LOOK_EVERY_S = 0.25


def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Tell how a live desk stands: mode, account, what is open, the committee's health."""
    told = look(DeskHome(folder=home))
    if as_json:
        print_json(told)
    else:
        Console().print(status_picture(told), highlight=False)


def watch(
    home: Home = DEFAULT_HOME,
    times: Annotated[
        int | None, typer.Option("--times", min=1, help="Look so often, then end.")
    ] = None,
) -> None:
    """Watch a live desk until Ctrl-C, which leaves it trading."""
    look(DeskHome(folder=home))  # where there is no desk, that is an error and nothing to watch
    console = Console()
    looks = 0
    with interrupts_noted() as interrupted, TradeView(console) as view:
        while not interrupted() and (times is None or looks < times):
            looks += 1
            try:
                view(look(DeskHome(folder=home)))
            except TransientError:
                left = left_as(DeskHome(folder=home))
                if left:
                    console.print(left, highlight=False)
                    return
                view.silent()
            time.sleep(LOOK_EVERY_S)
    console.print(f"no longer watched; the desk in {home} goes on", highlight=False)
