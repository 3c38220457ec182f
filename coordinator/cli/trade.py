"""`quorum trade`: the desk on the wall clock."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

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
from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import HOME, load_settings
from coordinator.interrupts import interrupts_noted
from coordinator.live.bootstrap import live_plan_of, session_to_resume
from coordinator.live.plan import LivePlan
from coordinator.live.prices import open_prices
from infra.live.asking import ask_desk, how_it_was_left
from infra.live.home import DeskHome
from market.errors import ConfigError, FatalError, TransientError
from market.live_messages import Command

if TYPE_CHECKING:
    from coordinator.live.conduct import DeskOnRay

LOOK_EVERY_S = 0.5
STOP_WITHIN_S = 20.0
BY = "quorum trade"


def trade(
    feed: Annotated[
        str | None,
        typer.Option("--feed", help="synthetic: made-up prices; ticks: recorded ones of --data."),
    ] = None,
    data: Data = None,
    speed: Annotated[
        float | None, typer.Option("--speed", help="Of the feed, as a multiple of real time.")
    ] = None,
    instruments: Instruments = None,
    agents: AgentNames = None,
    bar: BarLength = None,
    clock: Clock = None,
    broker: Annotated[str, typer.Option("--broker", help="paper.")] = "paper",
    duration: Annotated[
        str | None, typer.Option("--duration", help="Of real time: 90s, 30m; unset: until Ctrl-C.")
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
    if broker != "paper":
        raise ConfigError(f"--broker: expected paper, found {broker!r}")
    settings = load_settings(
        config,
        {
            "data": {
                "source": None if data is None else _absolute(data),
                "instruments": listed(instruments),
                "bar": bar,
                "clock": clock,
            },
            "committee": {"agents": listed(agents)},
            "live": {"feed": feed, "speed": speed, "home": home},
            "ray": {"dashboard": dashboard},
        },
    )
    for_s = None if duration is None else float(seconds(duration))
    console = Console(stderr=as_json, soft_wrap=not Console().is_terminal)
    desk_home = DeskHome(folder=settings.live.home.resolve())
    plan = _plan(settings, desk_home, resume)
    if not resume:
        with console.status("looking at the prices"):
            # What is wrong with them is told here, where somebody reads it.
            open_prices(None, settings=settings, instruments=plan.instruments, rows=plan.rows)
    told = _run(plan, desk_home, for_s, console)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        _tell(console, desk_home, told)


def _absolute(data: str) -> str:
    """A file's or folder's own name: the desk's processes may run elsewhere."""
    return str(Path(data).resolve()) if Path(data).exists() else data


def _plan(settings: Settings, home: DeskHome, resume: bool) -> LivePlan:
    if resume:
        return live_plan_of(settings, session=session_to_resume(home))
    if home.journal.exists():
        raise ConfigError(
            f"{home.folder} holds a desk already. `quorum trade --resume` takes it up with its "
            "positions; for a new one choose another --home."
        )
    return live_plan_of(settings, opened=datetime.now(UTC).isoformat())


def _run(plan: LivePlan, home: DeskHome, for_s: float | None, console: Console) -> dict[str, Any]:
    # Ray takes a second to import: wrong input should be told before that.
    from coordinator.live.conduct import DeskOnRay  # noqa: PLC0415
    from infra.runtime import ray_cluster  # noqa: PLC0415

    settings = plan.settings.ray
    with ray_cluster(settings.namespace, dashboard=settings.dashboard) as url:
        if settings.dashboard and url is not None:
            console.print(f"dashboard {url}; its token: ray get-auth-token", highlight=False)
        desk = DeskOnRay(plan, home)
        try:
            desk.start()
            return _watch(desk, home, for_s, console)
        finally:
            desk.take_down()


def _watch(
    desk: DeskOnRay, home: DeskHome, for_s: float | None, console: Console
) -> dict[str, Any]:
    """Show how it goes until the time is over or a person wants to stop; then settle.

    for_s: counted from the first answer. Raises FatalError where a member cannot be built.
    """
    until = float("inf")
    told: dict[str, Any] = {}
    with interrupts_noted() as interrupted, TradeView(console) as view:
        while time.monotonic() < until and not interrupted():
            time.sleep(LOOK_EVERY_S)
            try:
                told = dict(ask_desk(home, Command(name="status")).told)
            except TransientError as error:
                if told and how_it_was_left(home) is not None:
                    return told  # `quorum stop` of another terminal
                problem = desk.problem()
                if problem and not told:
                    raise FatalError(problem) from None
                view.silent(problem or str(error))
                continue
            if until == float("inf") and for_s is not None:
                until = time.monotonic() + for_s
            view(told)
            if told["mode"] == "STOPPED":
                return told
    why = "the time is over" if time.monotonic() >= until else "interrupted"
    return _stop(home, why, told)


def _stop(home: DeskHome, reason: str, told: dict[str, Any]) -> dict[str, Any]:
    """Ask the gateway to settle and stop; the newest status."""
    until = time.monotonic() + STOP_WITHIN_S
    asked = False
    while time.monotonic() < until:
        try:
            name = "status" if asked else "stop"
            answer = ask_desk(home, Command(name=name, by=BY, reason=reason))
            asked, told = True, dict(answer.told) or told
        except TransientError:
            if asked:
                return told  # it has settled, closed its books and hung up
        time.sleep(0.1)
    return told


def _tell(console: Console, home: DeskHome, told: dict[str, Any]) -> None:
    if not told:
        console.print(f"the desk never answered; look at the logs and at {home.folder}")
        return
    console.print(
        f"equity   {told['equity']:,.2f} {told['account_currency']} "
        f"({told['profit']:+,.2f}), {len(told['positions'])} positions open\n"
        f"journal  {home.journal}, {told['events']:,} events\n"
        f"next     quorum trade --resume --home {home.folder}, quorum report {home.folder}",
        highlight=False,
    )
