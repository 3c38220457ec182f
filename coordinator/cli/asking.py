"""What the commands to a live desk share: where it is, who asks, how a refusal is told."""

from __future__ import annotations

import getpass
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.configuration.settings import LiveSettings
from coordinator.configuration.sources import HOME
from coordinator.live.trading import left_as
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from market.errors import ConfigError, InvalidError, QuorumError, TransientError
from market.live_messages import Command

DEFAULT_HOME = LiveSettings().home
Home = Annotated[Path, typer.Option("--home", envvar=HOME, help="Folder of the desk.")]
By = Annotated[
    str | None, typer.Option("--by", help="Who says so, for the journal; your login name.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the journal.")]


def login_name() -> str:
    """Who runs this command, as well as the machine knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def asked(home: Path, name: str, **facts: Any) -> dict[str, Any]:
    """The status after a command. Raises InvalidError where it was refused, TransientError that
    says what became of a desk that does not answer.
    """
    desk = DeskHome(folder=home)
    try:
        answer = ask_desk(desk, Command(name=name, **facts))
    except TransientError as error:
        raise TransientError(_left(desk) or str(error)) from None
    if answer.refused:
        raise InvalidError(f"refused: {answer.refused}")
    return dict(answer.told)


def _left(desk: DeskHome) -> str:
    """How a desk that is not at work was left, where its journal says that."""
    with suppress(QuorumError):
        return "" if desk.at_work else left_as(desk)
    return ""


def changed(
    home: Path, name: str, by: str | None, reason: str, because: str = "", **facts: Any
) -> dict[str, Any]:
    """`asked`, of a command that changes what the desk does. because: the reason where none is
    given; without it one must be. Raises ConfigError without a reason.
    """
    why = reason.strip() or because
    if not why:
        raise ConfigError("say why with --reason: it stands in the journal beside what was done")
    return asked(home, name, by=by or login_name(), reason=why, **facts)


def print_json(told: Any) -> None:
    """One JSON value on stdout, for machines."""
    typer.echo(json.dumps(plain(told)))


def plain(value: Any) -> Any:
    """The same for JSON, which knows no NaN and no infinity: null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
