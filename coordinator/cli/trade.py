"""`quorum trade`: the desk on the wall clock."""

from __future__ import annotations

import json
import math
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.asking import plain
from coordinator.cli.oanda_options import (
    Broker,
    OandaAccount,
    OandaEnvironment,
    OandaTokenFile,
    refuse_flags_of_others,
)
from coordinator.cli.options import (
    AgentNames,
    AsJson,
    BarLength,
    Clock,
    ConfigFile,
    Data,
    Instruments,
    listed,
)
from coordinator.cli.trade_view import TradeView
from coordinator.configuration.durations import seconds
from coordinator.configuration.sources import HOME, load_settings
from coordinator.interrupts import ends, interrupts_noted
from coordinator.live.brokers.acceptance import accepted
from coordinator.live.brokers.choice import broker_named
from coordinator.live.on_record import taken_up
from coordinator.live.trading import (
    desk_on_ray,
    ended,
    plan_for,
    settle,
    why_not_at_work,
    why_silent,
)
from coordinator.live.trading_time import TradingTime
from coordinator.live.tried_out import TRIED_OUT, made_up
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from infra.live.resuming import command_to_resume
from market.errors import ConfigError, TransientError
from market.live_messages import Command

if TYPE_CHECKING:
    from coordinator.live.conduct import DeskOnRay

LOOK_EVERY_S = 0.5
BY = "quorum trade"


def trade(
    feed: Annotated[
        str | None,
        typer.Option("--feed", help="synthetic: made-up prices; ticks: recorded ones of --data."),
    ] = None,
    data: Data = None,
    speed: Annotated[
        float | None, typer.Option("--speed", help="Of the prices, as a multiple of real time.")
    ] = None,
    instruments: Instruments = None,
    agents: AgentNames = None,
    bar: BarLength = None,
    clock: Clock = None,
    broker: Broker = None,
    environment: OandaEnvironment = None,
    account: OandaAccount = None,
    token_file: OandaTokenFile = None,
    granted_by: Annotated[
        Path | None,
        typer.Option("--granted-by", help="Live: home of the practice desk that has earned it."),
    ] = None,
    accept_live_risk: Annotated[
        str | None,
        typer.Option("--i-accept-live-risk", metavar="ACCOUNT", help="In place of typing it."),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option(
            "--duration",
            help="Of real time, counted once every member is there: 90s, 30m; unset: no end.",
        ),
    ] = None,
    home: Annotated[
        Path | None, typer.Option("--home", envvar=HOME, help="Folder of the desk.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up the desk that is in the folder.")
    ] = False,
    config: ConfigFile = None,
    dashboard: Annotated[
        bool | None, typer.Option("--dashboard/--no-dashboard", help="Ray's dashboard.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Trade on the wall clock. Ctrl-C settles what is open and stops; the journal is kept."""
    flags: dict[str, dict[str, Any]] = {
        "data": {
            "source": None if data is None else _absolute(data),
            "instruments": listed(instruments),
            "bar": bar,
            "clock": clock,
        },
        "committee": {"agents": listed(agents)},
        "live": {"broker": broker, "feed": feed, "speed": speed, "home": home},
        "oanda": {
            "environment": environment,
            "account": account,
            "token_file": token_file,
            "granted_by": granted_by,
        },
        "ray": {"dashboard": dashboard},
    }
    settings = load_settings(config, flags)
    if resume:
        there = DeskHome(folder=settings.live.home.resolve())
        settings = taken_up(there, partial(load_settings, config, flags))
    elif made_up(settings):
        settings = load_settings(config, flags, TRIED_OUT)
    refuse_flags_of_others(
        settings.live.broker,
        {
            "paper": {"--feed": feed, "--data": data, "--clock": clock},
            "oanda": {
                "--environment": environment,
                "--account": account,
                "--token-file": token_file,
                "--granted-by": granted_by,
                "--i-accept-live-risk": accept_live_risk,
            },
        },
    )
    if settings.live.feed == "synthetic" and (data is not None or clock is not None):
        raise ConfigError(
            "--data and --clock are of recorded ticks, and this desk trades on made-up prices; add "
            "--feed ticks, or leave them out"
        )
    for_s = math.inf if duration is None else float(seconds(duration))
    console = Console(stderr=as_json, soft_wrap=not Console().is_terminal)
    desk_home = DeskHome(folder=settings.live.home.resolve())
    choice = broker_named(settings)
    with console.status("looking at the journal, the prices and the account"):
        plan = plan_for(settings, desk_home, choice, resume=resume)
    ask = typer.prompt if sys.stdin.isatty() else None
    plan = accepted(plan, ask, accept_live_risk)
    with desk_on_ray(plan, desk_home, choice, partial(console.print, highlight=False)) as desk:
        told = _watch(desk, desk_home, for_s, console)
    if as_json:
        typer.echo(json.dumps(plain(told)))
    else:
        _tell(console, desk_home, told)


def _absolute(data: str) -> str:
    """A file's or folder's own name: the desk's processes may run elsewhere."""
    return str(Path(data).resolve()) if Path(data).exists() else data


def _watch(desk: DeskOnRay, home: DeskHome, for_s: float, console: Console) -> dict[str, Any]:
    """Show how it goes until the time is over or a person wants to stop; then settle.

    for_s: as of `TradingTime`. Raises FatalError as `why_silent`.
    """
    trading = TradingTime(for_s)
    told: dict[str, Any] = {}
    with interrupts_noted(*ends()) as interrupted, TradeView(console) as view:
        while not trading.over and not interrupted():
            time.sleep(LOOK_EVERY_S)
            try:
                told = dict(ask_desk(home, Command(name="status")).told)
            except TransientError:
                stopped = ended(home, told)
                if told and stopped is not None:
                    return dict(stopped)  # `quorum stop` of another terminal
                view.silent(why_silent(desk, told), starting=not told)
                continue
            trading.heard(told)
            view(told, why_not_at_work(desk, told, begun=trading.begun))
    why = "the time is over" if trading.over else "interrupted"
    return dict(settle(home, BY, why, told))


def _tell(console: Console, home: DeskHome, told: dict[str, Any]) -> None:
    if not told:
        console.print(f"the desk never answered; look at the logs and at {home.folder}")
        return
    by = told["mode_by"]
    if told["mode"] == "STOPPED" and by != BY:
        console.print(f"{by} stopped the desk", highlight=False)
    console.print(
        f"equity   {told['equity']:,.2f} {told['account_currency']} "
        f"({told['profit']:+,.2f}), {len(told['positions'])} positions open\n"
        f"journal  {home.journal}, {told['events']:,} entries\n"
        f"next     {command_to_resume(home)}, quorum report {home.folder}",
        highlight=False,
    )
