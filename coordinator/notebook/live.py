"""A live desk from a notebook: start it, look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from io import StringIO
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from coordinator.cli.trade_view import TradeView
from coordinator.live.brokers.acceptance import accepted
from coordinator.live.brokers.choice import broker_named
from coordinator.live.on_record import taken_up
from coordinator.live.status_view import status_picture
from coordinator.live.trading import (
    Watchable,
    desk_on_ray,
    ended,
    look,
    plan_for,
    settle,
    why_not_at_work,
    why_silent,
)
from coordinator.live.trading_time import TradingTime
from coordinator.live.tried_out import TRIED_OUT, made_up
from coordinator.notebook.run import Run
from coordinator.notebook.running import replay, settings_with
from coordinator.report.grid import plain_text
from infra.live.home import DeskHome
from market.errors import ConfigError, TransientError

DEMO_YEARS = ("2013-01-01", "2016-12-31")
LOOK_EVERY_S = 0.5
BY = "notebook"
CODE = '<pre style="line-height:1.35;font-family:Menlo,DejaVu Sans Mono,monospace">{code}</pre>'


class SystemStatus:
    """How a live desk stood when it was asked. told: all that it said; home: its folder."""

    def __init__(self, home: Path, told: Mapping[str, Any]) -> None:
        self.home = home
        self.told = told

    @property
    def positions(self) -> pd.DataFrame:
        """One row a position: units (signed), prices, unrealised profit in account currency."""
        return pd.DataFrame(self.told.get("positions", ()))

    @property
    def agents(self) -> pd.DataFrame:
        """One row an agent, by name: weight, whether it is here, latencies, abstentions."""
        members, weights = self.told.get("agents", {}), self.told.get("weights", {})
        rows = {
            name: {"weight": weights.get(name, 0.0), **facts} for name, facts in members.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")

    def __repr__(self) -> str:
        return plain_text(status_picture(self.told), f"desk {self.home}")

    def _repr_html_(self) -> str:
        console = Console(record=True, width=110, force_jupyter=False, file=StringIO())
        console.print(status_picture(self.told), f"desk {self.home}", highlight=False)
        return console.export_html(inline_styles=True, code_format=CODE)


def run_quick_demo(*, agents: Sequence[str] | None = None, out: str | Path | None = None) -> Run:
    """Four years of real prices through the whole desk, in this process, in a few seconds.

    The first time it compiles for about a minute. agents, out: as of `replay`.
    """
    start, end = DEMO_YEARS
    return replay(start=start, end=end, agents=agents, out=out)


async def start_dynamic_trading(
    minutes: float,
    *,
    home: str | Path | None = None,
    resume: bool = False,
    speed: float | None = None,
    instruments: Sequence[str] | None = None,
    bar: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    config: str | Path | None = None,
    accept_live_risk: str | None = None,
) -> SystemStatus:
    """Trade on the wall clock for so many minutes of real time, counted from when the desk is at
    work, then settle.

    Other cells run meanwhile where it is a task: `asyncio.create_task(start_dynamic_trading(5))`,
    then `show_system_status()`. Interrupting settles at once; the journal is kept in any case, and
    `resume` takes the desk up again. Without settings of `live.feed` the prices are made up,
    without `live.broker` the account is on paper; real money needs `accept_live_risk`, the
    account's id, at every start. home: the desk's folder. speed, bar, settings, config: as of
    `quorum trade` and `replay`.

    Raises ConfigError where the folder holds a desk that is not resumed or is at work, or none,
    FatalError where a member cannot be built, or the gateway cannot go on.
    """
    if not isinstance(minutes, Real) or not 0.0 < minutes < float("inf"):
        raise ConfigError(f"expected a number of minutes above 0, found {minutes!r}")
    given: dict[str, dict[str, Any]] = {
        "data": {
            "instruments": None if instruments is None else tuple(instruments),
            "bar": bar,
        },
        "live": {"home": None if home is None else str(home), "speed": speed},
    }
    loaded = settings_with(given, settings, config)
    desk_home = DeskHome(folder=loaded.live.home.resolve())
    if resume:
        loaded = taken_up(desk_home, partial(settings_with, given, settings, config))
    elif made_up(loaded):
        loaded = settings_with(given, settings, config, TRIED_OUT)
    choice = broker_named(loaded)
    plan = plan_for(loaded, desk_home, choice, resume=resume)
    plan = accepted(plan, None, accept_live_risk)
    told: Mapping[str, Any] = {}
    why = "interrupted"
    with desk_on_ray(plan, desk_home, choice, print) as desk:
        try:
            told = await _watched(desk_home, minutes * 60.0, desk)
            why = "the time is over"
        finally:
            told = settle(desk_home, BY, why, told)
    return SystemStatus(desk_home.folder, told)


def show_system_status(home: str | Path | None = None) -> SystemStatus:
    """How the live desk in a folder stands now; by default in the configured one.

    Raises ConfigError where there is none, TransientError that says what became of one that does
    not answer.
    """
    folder = settings_with({}, None, None).live.home if home is None else Path(home)
    return SystemStatus(folder, look(DeskHome(folder=folder)))


async def _watched(home: DeskHome, for_s: float, desk: Watchable) -> Mapping[str, Any]:
    """The newest status once the time is over, or somebody stopped the desk. for_s: as of
    `TradingTime`. Raises FatalError as `why_silent`.
    """

    trading = TradingTime(for_s)
    told: Mapping[str, Any] = {}
    with TradeView(Console(soft_wrap=True)) as view:
        while not trading.over:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                told = await asyncio.to_thread(look, home)
            except TransientError:
                stopped = ended(home, told)
                if told and stopped is not None:
                    return stopped
                view.silent(await asyncio.to_thread(why_silent, desk, told), starting=not told)
                continue
            trading.heard(told)
            wrong = partial(why_not_at_work, desk, told, begun=trading.begun)
            view(told, await asyncio.to_thread(wrong))
    return told
