"""`quorum v20-server`: a paper account that speaks OANDA's protocol, on this machine."""

from __future__ import annotations

import json
import os
import secrets
import time
from functools import partial
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console

from coordinator.bootstrap import interest_of
from coordinator.cli.options import AsJson, BarLength, Clock, ConfigFile, Data, Instruments, listed
from coordinator.cli.v20_server_view import V20ServerView
from coordinator.configuration.durations import seconds
from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import load_settings
from coordinator.interrupts import STOP_SIGNALS, interrupts_noted
from coordinator.live.prices import check_prices, prices_said
from coordinator.live.v20_feed import ServedFeed, open_served, served_terms
from infra.brokers.v20_server.faults import FaultPlan, plan_of
from infra.brokers.v20_server.running import HOST, V20Server
from infra.brokers.v20_server.terms import Fills, Hours, V20Terms
from market.errors import ConfigError, RunFolderError

PORT = 8020
TOKEN = "token"
LOOK_EVERY_S = 0.25
OPEN = "while its market is open"
FILLS: dict[str, Fills] = {"at-once": "at once", "next-quote": "next quote"}
HOURS: dict[str, Hours] = {"always": "always", "market": "market"}


def v20_server(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0: any that is free.")
    ] = PORT,
    host: Annotated[str, typer.Option("--host", help="This machine only.")] = HOST,
    home: Annotated[
        Path, typer.Option("--home", help="Folder of the account: token, transactions, candles.")
    ] = Path("v20-server"),
    feed: Annotated[
        str,
        typer.Option("--feed", help="synthetic: made-up; ticks or bars: recorded ones of --data."),
    ] = "synthetic",
    data: Data = None,
    clock: Clock = None,
    bar: BarLength = None,
    speed: Annotated[
        float | None, typer.Option("--speed", help="Of the prices, as a multiple of real time.")
    ] = None,
    instruments: Instruments = None,
    balance: Annotated[
        float | None, typer.Option("--balance", help="Of a new account, in its currency.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Of the account: USD, EUR.")
    ] = None,
    fills: Annotated[
        str, typer.Option("--fills", help="at-once: on the standing quote; or next-quote.")
    ] = "at-once",
    hours: Annotated[
        str, typer.Option("--hours", help="always: open at any time; market: closed at weekends.")
    ] = "always",
    heartbeat: Annotated[
        str, typer.Option("--heartbeat", help="Between heartbeats of a stream: 5s.")
    ] = "5s",
    history: Annotated[
        int, typer.Option("--history", min=1, help="Bars before the first price of a new account.")
    ] = 1_000,
    faults: Annotated[
        Path | None, typer.Option("--faults", help="JSON file: what goes wrong, and when.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Serve a paper account over OANDA's v20 protocol. Ctrl-C stops; the account is kept."""
    if host not in (HOST, "localhost"):
        raise ConfigError(
            f"--host: a v20 server answers this machine only, found {host!r}; use {HOST}"
        )
    settings = load_settings(
        config,
        {
            "data": {
                "source": data,
                "instruments": listed(instruments),
                "bar": bar,
                "clock": clock,
            },
            "desk": {"initial_balance": balance, "account_currency": currency},
            "live": {"speed": speed},
        },
    )
    chosen = _feed(feed, settings, data)
    exchange = served_terms(settings)
    if fills not in FILLS:
        raise ConfigError(f"--fills: expected {' or '.join(FILLS)}, found {fills!r}")
    if hours not in HOURS:
        raise ConfigError(f"--hours: expected {' or '.join(HOURS)}, found {hours!r}")
    plan = None if faults is None else _plan(faults)
    terms = V20Terms(
        exchange=exchange,
        token=_token(home),
        fills=FILLS[fills],
        hours=HOURS[hours],
        heartbeat_s=float(seconds(heartbeat)),
    )
    server = V20Server(
        terms,
        folder=home,
        open_source=partial(
            open_served,
            settings=settings,
            feed=chosen,
            instruments=exchange.instruments,
            rows=history,
        ),
        port=port,
        interest=interest_of(settings),
        faults=plan,
        history_bars=history,
    )
    console = Console(stderr=as_json, soft_wrap=not Console().is_terminal)
    with interrupts_noted(*STOP_SIGNALS) as interrupted:
        with console.status("opening the account and making its history"):
            server.start()
        try:
            if as_json:
                typer.echo(json.dumps({**_facts(home), **server.status()}))
            else:
                said = _said(chosen, settings)
                _tell(console, server, home, said if hours == "always" else f"{said}, {OPEN}")
            with V20ServerView(console) as view:
                while server.running and not interrupted():
                    view(server.status())
                    time.sleep(LOOK_EVERY_S)
        finally:
            server.stop()
    console.print(f"stopped; the account is kept in {home}", highlight=False)


def _feed(feed: str, settings: Settings, data: str | None) -> ServedFeed:
    for known in get_args(ServedFeed):
        if feed == known:
            chosen: ServedFeed = known
            live = {"feed": "ticks" if chosen == "ticks" else "synthetic"}
            update = {"live": settings.live.model_copy(update=live)}
            check_prices(settings.model_copy(update=update))
            if data is not None and chosen == "synthetic":
                raise ConfigError(
                    "--data: made-up prices need none; add --feed ticks or --feed bars to play it"
                )
            return chosen
    raise ConfigError(f"--feed: expected {', '.join(get_args(ServedFeed))}, found {feed!r}")


def _said(feed: ServedFeed, settings: Settings) -> str:
    if feed == "bars":
        paced = (
            "" if settings.live.speed == 1.0 else f", at {settings.live.speed:g} times real time"
        )
        return f"recorded bars of {settings.data.source}{paced}"
    live = settings.live.model_copy(update={"feed": feed})
    return prices_said(settings.model_copy(update={"live": live}))


def _plan(path: Path) -> FaultPlan:
    try:
        return plan_of(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"--faults: {path} cannot be read: {error.strerror}") from None


def _token(home: Path) -> str:
    """The account's token, made where there is none. Raises ConfigError, RunFolderError."""
    path = home / TOKEN
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe())
        mode = path.stat().st_mode & 0o077
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(
            f"the server's folder {home} cannot be used: {error}; choose another with --home"
        ) from None
    if mode or not token:
        raise ConfigError(
            f"{path} must hold a token that only its owner can read; run chmod 600 {path}, or "
            "remove it and a new one is made"
        )
    return token


def _facts(home: Path) -> dict[str, object]:
    return {"token_file": str(home / TOKEN), "home": str(home), "pid": os.getpid()}


def _tell(console: Console, server: V20Server, home: Path, prices: str) -> None:
    url = "" if server.url.endswith(f":{PORT}") else f"QUORUM_OANDA__URL={server.url} "
    console.print(
        f"v20      {server.url}, account {server.account}\n"
        f"prices   {prices}\n"
        f"token    in {home / TOKEN}\n"
        f"trade    {url}quorum trade --broker oanda --environment local "
        f"--token-file {home / TOKEN}\n"
        f"stop     Ctrl-C; the account is kept in {home}",
        highlight=False,
    )
