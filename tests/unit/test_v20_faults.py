"""Plans of faults: which requests they strike, and how a wrong plan is refused."""

from __future__ import annotations

import json

import pytest

from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan, Faults, plan_of, told
from market.errors import InvalidError

ORDERS = "/v3/accounts/001-001-0000001-001/orders"


def struck(fault: Fault, requests: list[tuple[str, str]], seed: int = 0) -> list[int]:
    """The numbers, from 1, of the requests that were struck."""
    faults = Faults(FaultPlan(faults=(fault,), seed=seed))
    return [number for number, one in enumerate(requests, 1) if faults.strike(*one)]


def test_every_third_request_that_matches_is_struck_so_often() -> None:
    fault = Fault(kind=FaultKind.SERVER_ERROR, on="POST", first=2, every=3, times=3)
    assert struck(fault, [("POST", ORDERS)] * 20) == [2, 5, 8]
    mixed = [("GET", ORDERS), ("POST", ORDERS)] * 5
    assert struck(fault, mixed) == [4, 10]


def test_without_times_there_is_no_end() -> None:
    fault = Fault(kind=FaultKind.LATENCY, every=2, times=None)
    assert struck(fault, [("GET", ORDERS)] * 7) == [1, 3, 5, 7]


def test_chance_is_drawn_from_the_seed() -> None:
    fault = Fault(kind=FaultKind.LATENCY, times=None, chance=0.5)
    requests = [("GET", ORDERS)] * 64
    assert struck(fault, requests, seed=1) == struck(fault, requests, seed=1)
    assert struck(fault, requests, seed=1) != struck(fault, requests, seed=2)
    assert 16 < len(struck(fault, requests, seed=1)) < 48


@pytest.mark.parametrize(
    ("kind", "method", "path", "counts"),
    [
        (FaultKind.REJECT, "POST", ORDERS, True),
        (FaultKind.REJECT, "PUT", f"{ORDERS}/7", True),
        (FaultKind.REJECT, "PUT", f"{ORDERS}/7/cancel", False),
        (FaultKind.REJECT, "PUT", "/v3/accounts/1/positions/EUR_USD/close", True),
        (FaultKind.REJECT, "GET", ORDERS, False),
        (FaultKind.STREAM_DROP, "GET", "/v3/accounts/1/pricing/stream", True),
        (FaultKind.STREAM_DROP, "GET", "/v3/accounts/1/pricing", False),
        (FaultKind.DUPLICATE_TRANSACTIONS, "GET", "/v3/accounts/1/pricing/stream", False),
        (FaultKind.DUPLICATE_TRANSACTIONS, "GET", "/v3/accounts/1/transactions/stream", True),
        (FaultKind.MARKET_HALT, "GET", ORDERS, False),
        (FaultKind.LATENCY, "GET", ORDERS, True),
    ],
)
def test_a_kind_counts_the_requests_that_it_can_strike(
    kind: FaultKind, method: str, path: str, counts: bool
) -> None:
    assert Fault(kind=kind).matches(method, path) is counts


def test_a_fault_of_the_market_waits_for_no_request_unless_one_is_named() -> None:
    halt = Fault(kind=FaultKind.MARKET_HALT)
    later = Fault(kind=FaultKind.CLOCK_SKEW, on="GET", seconds=-30.0)
    faults = Faults(FaultPlan(faults=(halt, later)))
    assert faults.at_once() == (halt,)
    assert faults.strike("GET", ORDERS) == (later,)
    assert [one.struck for one in faults.struck] == [1, 1]


def test_a_plan_is_told_as_it_is_read_with_what_it_struck() -> None:
    text = '{"seed": 3, "faults": [{"kind": "HTML_ERROR", "on": "POST", "status": 200}]}'
    plan = plan_of(text)
    assert plan == FaultPlan(
        faults=(Fault(kind=FaultKind.HTML_ERROR, on="POST", status=200),), seed=3
    )
    faults = Faults(plan)
    faults.strike("POST", ORDERS)
    (first,) = json.loads(json.dumps(told(faults)))["faults"]
    assert (first["kind"], first["matched"], first["struck"]) == ("HTML_ERROR", 1, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "the plan of faults is not understood"),
        ("[]", "the plan of faults: expected"),
        ('{"faults": 3}', "the plan of faults: expected"),
        ('{"fault": []}', "unknown 'fault', did you mean 'faults'"),
        ('{"faults": [{"kind": "LATENCI"}]}', "fault 1: unknown kind 'LATENCI', did you mean"),
        ('{"faults": [{"kind": "LATENCY", "second": 1}]}', "fault 1: unknown 'second', did you"),
        ('{"faults": [{"kind": "LATENCY", "seconds": "long"}]}', "not understood"),
        ('{"faults": [{"kind": "LATENCY", "seconds": -1}]}', "LATENCY: expected seconds"),
        ('{"faults": [{"kind": "LATENCY", "first": 0}]}', "count from 1"),
        ('{"faults": [{"kind": "PARTIAL_FILL", "share": 1.5}]}', "a share between"),
        ('{"faults": [{"kind": "HTML_ERROR", "status": 404}]}', "502 or 200"),
        ('{"faults": ["LATENCY"]}', "fault 1: expected an object"),
    ],
)
def test_a_plan_that_is_not_understood_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        plan_of(text)
