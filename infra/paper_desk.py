"""The gateway of a paper desk, built where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from infra.brokers.paper.broker import PaperBroker
from infra.gateway import Gateway
from infra.journal.sqlite import SqliteJournal
from market.instruments import Instrument
from market.ports import Interest


def open_paper_gateway(
    instruments: Sequence[Instrument],
    *,
    account_currency: str,
    cash: float,
    slippage: float,
    closeout_fraction: float,
    interest: Interest | None,
    financing_fee: float,
    journal: Path,
    session: str,
    key: bytes,
    epoch: int,
) -> Gateway:
    """A gateway with a paper broker and a new journal; the arguments are theirs.

    Raises JournalUnwritable where the journal cannot be made.
    """
    broker = PaperBroker(
        instruments,
        account_currency=account_currency,
        cash=cash,
        slippage=slippage,
        closeout_fraction=closeout_fraction,
        interest=interest,
        financing_fee=financing_fee,
    )
    return Gateway(
        broker=broker, journal=SqliteJournal(journal), session=session, key=key, epoch=epoch
    )
