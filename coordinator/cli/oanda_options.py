"""Flags that name a broker and an account there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
