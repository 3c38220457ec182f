"""A desk goes on at the broker and the account where it began."""

from __future__ import annotations

from infra.live.home import DeskHome
from infra.live.opening import first_opening, session_at
from infra.live.resuming import OANDA, command_to_resume
from market.errors import ConfigError
from market.quotes import PriceKind

PAPER = "the paper exchange"


def refuse_another_broker(home: DeskHome, account: str = "") -> None:
    """Raise ConfigError where the desk in a folder trades another account than is chosen now.

    account: at OANDA, as the journal's first event names it; empty: the paper exchange.
    """
    if not home.journal.exists():
        return
    data = session_at(home.journal).data
    began = data if data.startswith(OANDA) else ""
    if began == account:
        return
    how = command_to_resume(home) + ("" if began else " --broker paper")
    raise ConfigError(
        f"the desk in {home.folder} began at {began or PAPER}, not at {account or PAPER}: its "
        f"books are of another account. Resume it with `{how}`, or start a new desk in "
        "another --home."
    )


def refuse_other_prices(home: DeskHome, kind: PriceKind, said: str) -> None:
    """Raise ConfigError where the desk in a folder has traded on prices of another kind than are
    chosen now: what it holds was bought at those. said: what is chosen, in words.
    """
    if not home.journal.exists():
        return
    opened = first_opening(home.journal)
    if opened is None or opened.prices in (PriceKind.UNSTATED, kind):
        return
    raise ConfigError(
        f"the desk in {home.folder} has traded on {session_at(home.journal).data}, not on {said}: "
        f"what it holds was bought at those prices. Resume it with `{command_to_resume(home)}`, or "
        "start a new desk in another --home."
    )
