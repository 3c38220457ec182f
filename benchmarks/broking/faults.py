"""A broker's worst day: every third request comes to nothing, or to something that nobody hears."""

from __future__ import annotations

from dataclasses import replace

from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan

EVERY = 3
ENDINGS = (
    Fault(kind=FaultKind.TIMEOUT_BEFORE),
    Fault(kind=FaultKind.TIMEOUT_AFTER),
    Fault(kind=FaultKind.DISCONNECT_BEFORE),
    Fault(kind=FaultKind.DISCONNECT_AFTER),
    Fault(kind=FaultKind.SERVER_ERROR),
    Fault(kind=FaultKind.SERVER_ERROR, done=True),
    Fault(kind=FaultKind.HTML_ERROR),
    Fault(kind=FaultKind.HTML_ERROR, status=200, done=True),
    Fault(kind=FaultKind.NOT_UTF8),
    Fault(kind=FaultKind.RATE_LIMITED),
)
"""Each ends a request; those that are done, or AFTER, let it have its effect first."""
LATE = Fault(kind=FaultKind.LATENCY, first=7, every=10, times=None, seconds=0.05)
WRONG = Fault(kind=FaultKind.WRONG_STATUS, first=5, every=10, times=None)


def worst_day(seed: int) -> FaultPlan:
    """Every third request is ended by one of the endings, each as likely; every tenth is late, and
    every tenth order answered with 200 instead of 201.

    Of several faults the first that ends a request counts, so one of K must be drawn with 1/K, the
    next with 1/(K − 1), and the last whenever none before it was.
    """
    drawn = tuple(
        replace(fault, first=EVERY, every=EVERY, times=None, chance=1.0 / (len(ENDINGS) - place))
        for place, fault in enumerate(ENDINGS)
    )
    return FaultPlan(faults=(*drawn, LATE, WRONG), seed=seed)
