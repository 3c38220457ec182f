"""Flags that name a broker and an account there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from market.errors import ConfigError

Broker = Annotated[
    str | None, typer.Option("--broker", help="paper: an exchange of the desk's own; or oanda.")
]
OandaEnvironment = Annotated[
    str | None, typer.Option("--environment", help="Of OANDA: practice, live or local.")
]
OandaAccount = Annotated[
    str | None, typer.Option("--account", help="At OANDA, such as 101-004-1234567-001.")
]
OandaTokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="Readable by its owner only; or QUORUM_OANDA_TOKEN."),
]


def refuse_flags_of_others(broker: str, flags: Mapping[str, Mapping[str, object]]) -> None:
    """Raise ConfigError for a flag of another broker than the chosen one.

    flags: by broker, what was given for each; None where it was not.
    """
    for whose, theirs in flags.items():
        given = [name for name, value in theirs.items() if value is not None]
        if given and broker != whose:
            raise ConfigError(
                f"{', '.join(given)} belongs to --broker {whose}, and this desk trades through "
                f"{broker}; leave it out, or choose the other broker"
            )
