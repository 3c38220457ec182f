"""The adapter and a v20 server over HTTP: whatever goes wrong, each order is there once."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from market.accounts import BrokerOrder, OrderState, TransactionKind
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.orders import OrderRequest
from tests.exchanges import SYMBOLS, order
from tests.v20_bench import V20Bench, v20_bench

WITHIN_S = 60.0
ORDERS = 15
CHANCE = 1.0 / 3.0
QUICK = 4.0
"""Times faster than it has to be, an order that never came is given up. Not where the server
denies one that is there: that has an end of its own, and the adapter is to wait for it.
"""
EUR = SYMBOLS.index("EUR_USD")
ENDED = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED})

FAULTS = {
    "late": Fault(kind=FaultKind.LATENCY, seconds=0.02, times=None, chance=CHANCE),
    "cut before": Fault(kind=FaultKind.DISCONNECT_BEFORE, times=None, chance=CHANCE),
    "cut after": Fault(kind=FaultKind.DISCONNECT_AFTER, times=None, chance=CHANCE),
    "timed out before": Fault(kind=FaultKind.TIMEOUT_BEFORE, times=None, chance=0.1),
    "timed out after": Fault(kind=FaultKind.TIMEOUT_AFTER, times=None, chance=0.1),
    "503 before": Fault(kind=FaultKind.SERVER_ERROR, times=None, chance=CHANCE),
    "503 after": Fault(kind=FaultKind.SERVER_ERROR, times=None, chance=CHANCE, done=True),
    "html 502": Fault(kind=FaultKind.HTML_ERROR, times=None, chance=CHANCE, done=True),
    "html 200": Fault(kind=FaultKind.HTML_ERROR, times=None, chance=CHANCE, status=200, done=True),
    "no text": Fault(kind=FaultKind.NOT_UTF8, times=None, chance=CHANCE, done=True),
    "200 for 201": Fault(kind=FaultKind.WRONG_STATUS, times=None, chance=CHANCE),
    "redirected before": Fault(kind=FaultKind.REDIRECT, times=None, chance=CHANCE),
    "redirected after": Fault(kind=FaultKind.REDIRECT, times=None, chance=CHANCE, done=True),
    "too many": Fault(kind=FaultKind.RATE_LIMITED, times=None, chance=CHANCE),
    "refused": Fault(
        kind=FaultKind.REJECT, times=None, chance=CHANCE, reason="INSUFFICIENT_MARGIN"
    ),
    "cancelled": Fault(
        kind=FaultKind.CANCEL_IN_201, times=None, chance=CHANCE, reason="MARKET_HALTED"
    ),
    "denied": Fault(kind=FaultKind.NO_SUCH_ORDER, times=None, chance=CHANCE, seconds=0.3),
    "in part": Fault(kind=FaultKind.PARTIAL_FILL, times=None, share=0.5),
}


def brought_to_an_end(bench: V20Bench, request: OrderRequest) -> BrokerOrder | None:
    """As a desk does it: what was not sent may be sent, what has no answer is looked up and never
    sent again; None where it never came.
    """
    deadline = time.monotonic() + WITHIN_S
    unknown = False
    while time.monotonic() < deadline:
        try:
            if not unknown:
                return bench.broker.place(request)
            return bench.broker.find(request.client_order_id)
        except (OutcomeUnknown, InvalidError):
            unknown = True  # also of what was refused the record tells
        except TransientError:
            continue
    raise AssertionError(f"{request.client_order_id} has no end")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_order_is_lost_or_doubled(tmp_path: Path, fault: Fault) -> None:
    quick = 1.0 if fault.kind is FaultKind.NO_SUCH_ORDER else QUICK
    with v20_bench(tmp_path, fills="at once", timeout=(5.0, 0.5), quick=quick) as bench:
        bench.market("EUR_USD", 1.1, 0.0002)
        bench.server.inject(FaultPlan(faults=(fault,), seed=7))
        requests = [order(f"o{n}", 100.0 * (-1) ** (n % 3)) for n in range(ORDERS)]
        found = [brought_to_an_end(bench, one) for one in requests]
        ends = {end.client_order_id: end for end in found if end is not None}
        bench.server.inject(FaultPlan(faults=(), seed=7))
        told = bench.broker.transactions(0)
        account = bench.broker.account()
    assert len(ends) >= ORDERS / 3
    assert {end.state for end in ends.values()} <= ENDED
    assert [one.id for one in told] == list(range(1, account.last_transaction + 1))
    accepted = Counter(one.client_order_id for one in told if one.kind is TransactionKind.ACCEPTED)
    refused = {one.client_order_id for one in told if one.kind is TransactionKind.REJECTED}
    assert set(accepted) | refused == set(ends)
    assert set(accepted.values()) <= {1}
    filled: Counter[str] = Counter()
    for one in told:
        if one.fill is not None:
            filled[one.client_order_id] += one.fill.units
    assert {name: end.filled for name, end in ends.items() if end.filled} == dict(filled)
    assert account.units[EUR] == sum(filled.values())
    cash = sum(one.amount + (one.fill.realised if one.fill else 0.0) for one in told)
    assert account.cash == pytest.approx(cash, abs=1e-6)
