"""The desk's broker, asked by somebody else, and its bad days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.brokers.paper.live.client import PaperExchangeClient
from infra.brokers.paper.live.faults import TRADING, Fault, FaultPlan
from infra.live.home import DeskHome

RATE = 0.02
STRIKES = (Fault.SILENT_BEFORE, Fault.SILENT_AFTER, Fault.DROP_BEFORE, Fault.DROP_AFTER)


def bad_day(seed: int) -> FaultPlan:
    """Each of four faults strikes one in fifty of the requests that trade, or look an order up."""
    return FaultPlan(
        rates=tuple((fault, RATE) for fault in STRIKES), seed=seed, verbs=(*TRADING, "find")
    )


def good_day() -> FaultPlan:
    """No faults."""
    return FaultPlan()


@contextmanager
def broker_of(home: DeskHome) -> Iterator[PaperExchangeClient]:
    """A line to the paper exchange beside the gateway's."""
    client = PaperExchangeClient(home.exchange_address, home.line_key())
    try:
        yield client
    finally:
        client.hang_up()
