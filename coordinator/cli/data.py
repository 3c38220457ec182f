"""`quorum data`: prices from a broker into files that the feeds read."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from coordinator.cli.oanda_options import OandaAccount, OandaEnvironment, OandaTokenFile
from coordinator.cli.options import ConfigFile, Instruments, listed
from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import load_settings
from coordinator.live.brokers.oanda_access import access_of, tokens_of
from infra.brokers.oanda.environment import environment as oanda_environment
from infra.feeds.oanda import download as oanda
from market.errors import ConfigError

SECOND_NS = 1_000_000_000
DAY_S = 86_400
OUT = Path("oanda-data")

data = typer.Typer(no_args_is_help=True, help="Prices: from a broker into files.")


@data.callback()
def about() -> None:
    """Prices: from a broker into files."""


@data.command()
def download(
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD, UTC.")],
    last: Annotated[
        str | None, typer.Option("--to", help="Last day, inclusive; unset: up to now.")
    ] = None,
    granularity: Annotated[
        str, typer.Option("--granularity", help="Of OANDA's candles: S5 to D, such as M1 or H1.")
    ] = "M1",
    instruments: Instruments = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the files.")] = OUT,
    broker: Annotated[str, typer.Option("--broker", help="oanda.")] = "oanda",
    environment: OandaEnvironment = None,
    account: OandaAccount = None,
    token_file: OandaTokenFile = None,
    config: ConfigFile = None,
) -> None:
    """Fetch every candle of bid and ask; called again it goes on where it was ended."""
    if broker != "oanda":
        raise ConfigError(f"--broker: expected oanda, found {broker!r}; others have no history")
    settings = load_settings(
        config,
        {
            "data": {"instruments": listed(instruments)},
            "live": {"broker": broker},
            "oanda": {"environment": environment, "account": account, "token_file": token_file},
        },
    )
    begin, end = _day(first, "--from"), _end(last)
    symbols = settings.data.instruments
    console = Console(stderr=True)
    fetched = _fetched(settings, symbols, granularity, begin, end, out, console)
    folder = out / granularity
    for one in fetched:
        typer.echo(
            f"{one.symbol}  {one.candles:,} candles fetched, {one.held:,} in {folder}"
            + (f", {one.left_out:,} left out that are no prices" if one.left_out else "")
        )
    typer.echo(
        f"use      quorum replay --data {folder} --instruments {','.join(symbols)}\n"
        f"next     the same command goes on from where these end, with a later --to or without one"
    )


def _fetched(
    settings: Settings,
    symbols: tuple[str, ...],
    granularity: str,
    begin: int,
    end: int,
    folder: Path,
    console: Console,
) -> tuple[oanda.Downloaded, ...]:
    access = access_of(settings)
    tasks: dict[str, TaskID] = {}
    with (
        closing(access.connect(tokens_of(settings.oanda, os.environ))) as connection,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>5.1f}%  {task.fields[candles]:>12,} candles"),
            TimeRemainingColumn(),
            console=console,
        ) as shown,
    ):
        for symbol in symbols:
            tasks[symbol] = shown.add_task(symbol, total=end - begin, candles=0)

        def show(so_far: oanda.Progress) -> None:
            shown.update(
                tasks[so_far.symbol],
                total=so_far.end - so_far.begin,
                completed=so_far.at - so_far.begin,
                candles=so_far.candles,
            )

        where = oanda_environment(access.environment, access.url).api
        return oanda.download(
            connection,
            symbols,
            granularity,
            begin,
            end,
            folder,
            source=f"OANDA {access.environment}, {where}",
            progress=show,
        )


def _day(text: str, flag: str) -> int:
    """The beginning of a UTC day, ns."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(f"{flag}: expected a day such as 2024-01-31, found {text!r}") from None
    return int(day.timestamp()) * SECOND_NS


def _end(last: str | None) -> int:
    """After the last day; now where it has not ended."""
    now = int(datetime.now(UTC).timestamp()) * SECOND_NS
    return now if last is None else min(now, _day(last, "--to") + DAY_S * SECOND_NS)
