"""Each fault of a v20 server as its client meets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from infra.brokers.v20.times import nanoseconds_of
from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from tests.exchanges import SECOND
from tests.v20_servers import ServedV20, served_v20

HELD_S = 0.3
"""How long a client waits for an answer that does not come."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedV20]:
    """With a price, so that orders fill."""
    with served_v20(tmp_path) as served:
        served.market("EUR_USD", 1.1, 0.0002)
        yield served


def strike(bench: ServedV20, kind: FaultKind, **facts: object) -> None:
    """This fault for the next POST."""
    bench.inject(Fault(kind=kind, on="POST", **facts))  # type: ignore[arg-type]


def names_of_fills(bench: ServedV20) -> list[str]:
    orders = {one["id"]: one for one in bench.transactions() if one["type"] == "MARKET_ORDER"}
    return [orders[one["orderID"]]["clientExtensions"]["id"] for one in bench.fills()]


def test_latency_makes_an_answer_late_and_nothing_else(bench: ServedV20) -> None:
    strike(bench, FaultKind.LATENCY, seconds=2 * HELD_S)
    with pytest.raises(requests.exceptions.ReadTimeout):
        bench.order("late", timeout=HELD_S)
    strike(bench, FaultKind.LATENCY, seconds=0.01)
    assert bench.order("soon").status_code == 201


def test_a_timeout_before_leaves_no_trace(bench: ServedV20) -> None:
    strike(bench, FaultKind.TIMEOUT_BEFORE)
    with pytest.raises(requests.exceptions.ReadTimeout):
        bench.order("lost", timeout=HELD_S)
    assert bench.order("next").status_code == 201
    assert names_of_fills(bench) == ["next"]


def test_a_timeout_after_has_traded(bench: ServedV20) -> None:
    strike(bench, FaultKind.TIMEOUT_AFTER)
    with pytest.raises(requests.exceptions.ReadTimeout):
        bench.order("done", timeout=HELD_S)
    assert names_of_fills(bench) == ["done"]


def test_a_socket_that_was_held_for_its_time_is_reset(bench: ServedV20) -> None:
    strike(bench, FaultKind.TIMEOUT_BEFORE, seconds=0.05)
    with pytest.raises(requests.exceptions.ConnectionError) as told:
        bench.order("lost")
    assert not isinstance(told.value, requests.exceptions.Timeout)


@pytest.mark.parametrize(
    ("kind", "fills"), [(FaultKind.DISCONNECT_BEFORE, 0), (FaultKind.DISCONNECT_AFTER, 1)]
)
def test_a_disconnected_request_has_its_effect_or_not(
    bench: ServedV20, kind: FaultKind, fills: int
) -> None:
    strike(bench, kind)
    with pytest.raises(requests.exceptions.ConnectionError):
        bench.order("cut")
    assert len(bench.fills()) == fills


@pytest.mark.parametrize("done", [False, True])
def test_a_server_error_is_json_with_503(bench: ServedV20, done: bool) -> None:
    strike(bench, FaultKind.SERVER_ERROR, done=done)
    answer = bench.order("refused")
    assert (answer.status_code, list(answer.json())) == (503, ["errorMessage"])
    assert len(bench.fills()) == done


@pytest.mark.parametrize("status", [502, 200])
def test_html_comes_in_place_of_json(bench: ServedV20, status: int) -> None:
    strike(bench, FaultKind.HTML_ERROR, status=status)
    answer = bench.order("refused")
    assert answer.status_code == status
    assert answer.text.startswith("<html>")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_body_can_be_no_utf_8(bench: ServedV20) -> None:
    strike(bench, FaultKind.NOT_UTF8)
    answer = bench.order("refused")
    assert answer.status_code == 503
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode("utf-8")


def test_an_order_that_was_created_can_be_told_with_200(bench: ServedV20) -> None:
    strike(bench, FaultKind.WRONG_STATUS)
    answer = bench.order("created")
    assert answer.status_code == 200
    assert answer.json()["orderFillTransaction"]["type"] == "ORDER_FILL"


def test_a_redirect_leads_back_to_where_it_came_from(bench: ServedV20) -> None:
    strike(bench, FaultKind.REDIRECT)
    answer = bench.order("turned")
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("/orders")
    assert bench.fills() == []


def test_too_many_requests_are_refused_with_429(bench: ServedV20) -> None:
    strike(bench, FaultKind.RATE_LIMITED)
    assert bench.order("one").status_code == 429
    assert bench.order("two").status_code == 201


def test_an_order_can_fill_in_part(bench: ServedV20) -> None:
    strike(bench, FaultKind.PARTIAL_FILL, share=0.4)
    bench.order("part", "1000")
    (fill,) = bench.fills()
    assert float(fill["units"]) == 400
    assert bench.order("whole").json()["orderFillTransaction"]["units"] == "1000"


def test_an_order_can_be_rejected(bench: ServedV20) -> None:
    strike(bench, FaultKind.REJECT, reason="INSTRUMENT_NOT_TRADEABLE")
    answer = bench.order("refused")
    assert answer.status_code == 400
    assert answer.json()["orderRejectTransaction"]["rejectReason"] == "INSTRUMENT_NOT_TRADEABLE"


def test_an_order_can_be_cancelled_within_its_201(bench: ServedV20) -> None:
    strike(bench, FaultKind.CANCEL_IN_201, reason="INSUFFICIENT_MARGIN")
    answer = bench.order("cancelled")
    assert answer.status_code == 201
    assert answer.json()["orderCancelTransaction"]["reason"] == "INSUFFICIENT_MARGIN"
    assert bench.fills() == []


def test_what_befalls_an_order_does_not_befall_the_next(bench: ServedV20) -> None:
    strike(bench, FaultKind.REJECT)
    answer = bench.ask("POST", "/orders", {"order": {"type": "MARKET"}})
    assert answer.status_code == 400
    assert bench.order("next").status_code == 201


def test_a_halted_instrument_cannot_be_traded_until_it_is_taken_back(bench: ServedV20) -> None:
    bench.market("USD_JPY", 150.0)
    bench.inject(Fault(kind=FaultKind.MARKET_HALT, symbols=("EUR_USD",)))
    assert bench.order("halted").json()["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    (price,) = bench.ask("GET", "/pricing?instruments=EUR_USD").json()["prices"]
    assert price["tradeable"] is False
    (price,) = bench.ask("GET", "/pricing?instruments=USD_JPY").json()["prices"]
    assert price["tradeable"] is True
    bench.inject()
    assert "orderFillTransaction" in bench.order("open").json()


def test_a_halt_can_end_by_itself(bench: ServedV20) -> None:
    reader = bench.price_stream("EUR_USD")
    bench.inject(Fault(kind=FaultKind.MARKET_HALT, seconds=3.0))
    while reader.next_of("PRICE")["tradeable"]:
        pass
    while not reader.next_of("PRICE")["tradeable"]:
        pass
    assert "orderFillTransaction" in bench.order("open").json()


def test_a_margin_closeout_closes_what_is_held(bench: ServedV20) -> None:
    bench.order("held")
    reader = bench.transaction_stream()
    bench.inject(Fault(kind=FaultKind.MARGIN_CLOSEOUT))
    fill = reader.next_of("ORDER_FILL")
    assert (fill["reason"], float(fill["units"])) == ("MARKET_ORDER_MARGIN_CLOSEOUT", -1000)
    assert bench.ask("GET", "/openPositions").json()["positions"] == []


@pytest.mark.parametrize("seconds", [90.0, -90.0])
def test_a_skewed_clock_shows_in_every_time_that_is_told(bench: ServedV20, seconds: float) -> None:
    bench.inject(Fault(kind=FaultKind.CLOCK_SKEW, seconds=seconds))
    expected = bench.time + round(seconds) * SECOND
    answer = bench.ask("GET", "/pricing?instruments=EUR_USD")
    date = parsedate_to_datetime(answer.headers["Date"])
    assert date.timestamp() == expected // SECOND
    assert nanoseconds_of(answer.json()["time"]) == expected
    assert nanoseconds_of(answer.json()["prices"][0]["time"]) == expected
    assert nanoseconds_of(next(bench.price_stream("EUR_USD"))["time"]) == expected
    unix = {"Accept-Datetime-Format": "UNIX"}
    told = bench.ask("GET", "/pricing?instruments=EUR_USD", headers=unix).json()["time"]
    assert nanoseconds_of(told) == expected
    bench.inject()
    told = bench.ask("GET", "/pricing?instruments=EUR_USD").json()["time"]
    assert nanoseconds_of(told) == bench.time


def test_a_new_order_can_be_unknown_for_a_while(bench: ServedV20) -> None:
    strike(bench, FaultKind.NO_SUCH_ORDER, seconds=1_000.0)
    created = bench.order("new").json()["orderCreateTransaction"]
    for name in ("@new", created["id"]):
        answer = bench.ask("GET", f"/orders/{name}")
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "NO_SUCH_ORDER")
    bench.inject()
    assert bench.ask("GET", "/orders/@new").json()["order"]["state"] == "FILLED"


def test_every_third_request_is_struck_and_the_others_are_not(bench: ServedV20) -> None:
    bench.inject(Fault(kind=FaultKind.SERVER_ERROR, on="POST", first=1, every=3, times=None))
    statuses = [bench.order(f"order-{number}").status_code for number in range(7)]
    assert statuses == [503, 201, 201, 503, 201, 201, 503]


def test_another_process_says_what_goes_wrong_over_http(bench: ServedV20) -> None:
    plan = {"seed": 1, "faults": [{"kind": "RATE_LIMITED", "on": "POST", "times": None}]}
    assert bench.ask("POST", "/faults", plan).status_code == 200
    assert bench.order("one").status_code == 429
    told = bench.ask("GET", "/faults").json()
    assert [(one["kind"], one["struck"]) for one in told["faults"]] == [("RATE_LIMITED", 1)]
    assert bench.ask("DELETE", "/faults").json()["faults"] == []
    assert bench.order("two").status_code == 201


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"faults": [{"kind": "LATENCI"}]}, "did you mean 'LATENCY'"),
        (
            {"faults": [{"kind": "MARKET_HALT", "symbols": ["EUR_USX"]}]},
            "EUR_USX is not traded here, did you mean 'EUR_USD'",
        ),
    ],
)
def test_a_wrong_plan_is_refused_and_the_old_one_stays(
    bench: ServedV20, plan: object, message: str
) -> None:
    strike(bench, FaultKind.RATE_LIMITED)
    answer = bench.ask("POST", "/faults", plan)
    assert answer.status_code == 400
    assert message in answer.json()["errorMessage"]
    assert bench.order("one").status_code == 429


def test_faults_need_the_token(bench: ServedV20) -> None:
    answer = requests.post(f"{bench.server.url}/faults", data=json.dumps({}), timeout=20)
    assert answer.status_code == 401


def test_faults_can_be_there_from_the_beginning(tmp_path: Path) -> None:
    plan = FaultPlan(faults=(Fault(kind=FaultKind.SERVER_ERROR),))
    with served_v20(tmp_path, faults=plan) as bench:
        assert bench.ask("GET", "/summary").status_code == 503
        assert bench.ask("GET", "/summary").status_code == 200
