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
_ON_TICKS = re.compile(
    r"recorded ticks of (?P<data>.+?)(?:, by the clock (?P<clock>\S+))?"
    r"(?:, at \S+ times real time)?"
)


def oanda_on_record(environment: str, account: str) -> str:
    """What the journal's first event says of the prices of a desk at OANDA."""
    return f"{OANDA}{environment}, account {account}"


def ticks_on_record(data: str, clock: str | None) -> str:
    """What it says of recorded ticks. clock: that they were written by, None where they say it."""
    return f"recorded ticks of {data}" + (f", by the clock {clock}" if clock else "")


def command_to_resume(home: DeskHome) -> str:
    """With every flag that names this desk, its broker and its prices. A journal that cannot be
    read names none; whoever resumes the desk is told of that then.
    """
    command = f"quorum trade --resume --home {shlex.quote(str(home.folder))}"
    prices = _prices(home)
    if began := _AT_OANDA.fullmatch(prices):
        return (
            f"{command} --broker oanda --environment {began['environment']} "
            f"--account {began['account']}"
        )
    if began := _ON_TICKS.fullmatch(prices):
        clock = f" --clock {began['clock']}" if began["clock"] else ""
        return f"{command} --feed ticks --data {shlex.quote(began['data'])}{clock}"
    return command


def _prices(home: DeskHome) -> str:
    """As the journal's first event describes them."""
    if not home.journal.exists():
        return ""
    try:
        first = next(read_events(home.journal), None)
    except QuorumError:
        return ""
    return first.data if isinstance(first, SessionStarted) else ""
