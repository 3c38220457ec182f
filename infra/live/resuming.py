"""The command that takes a desk up again, as the desk's own record tells it."""

from __future__ import annotations

import re
import shlex

from infra.journal.reader import read_events
from infra.live.home import DeskHome
from market.errors import QuorumError
from market.events import SessionStarted

OANDA = "OANDA "
"""How the record of a desk at OANDA begins; its prices are then the account's own."""
_AT_OANDA = re.compile(rf"{OANDA}(?P<environment>\w+), account (?P<account>[\w-]+)")


def oanda_on_record(environment: str, account: str) -> str:
    """What the journal's first event says of the prices of a desk at OANDA."""
    return f"{OANDA}{environment}, account {account}"


def command_to_resume(home: DeskHome) -> str:
    """With every flag that names this desk and its broker. A journal that cannot be read names no
    broker; whoever resumes the desk is told of that then.
    """
    command = f"quorum trade --resume --home {shlex.quote(str(home.folder))}"
    began = _AT_OANDA.fullmatch(_prices(home))
    if began is None:
        return command
    return (
        f"{command} --broker oanda --environment {began['environment']} "
        f"--account {began['account']}"
    )


def _prices(home: DeskHome) -> str:
    """As the journal's first event describes them."""
    if not home.journal.exists():
        return ""
    try:
        first = next(read_events(home.journal), None)
    except QuorumError:
        return ""
    return first.data if isinstance(first, SessionStarted) else ""
