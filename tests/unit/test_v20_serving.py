"""A v20 server from its start to its stop, and again."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from infra.brokers.v20_server.faults import FaultPlan
from infra.brokers.v20_server.running import V20Server
from market.errors import DataError, InvalidError, TransientError
from tests.exchanges import START, WITHIN_S, HandPrices
from tests.v20_accounts import V20_TERMS
from tests.v20_servers import ServedV20, served_v20


def test_it_answers_once_it_has_started_and_not_after_it_stopped(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        answer = bench.ask("GET", "/summary")
        assert answer.json()["account"]["balance"] == "100000.0000"
        bench.server.stop()
        with pytest.raises(requests.exceptions.ConnectionError):
            bench.ask("GET", "/summary")


def test_a_restart_goes_on_with_the_account_the_market_and_the_numbers(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        bench.market("EUR_USD", 1.1)
        bench.order("before")
        told, url = bench.transactions(), bench.server.url
        bench.server.stop()
        bench.server.start()
        assert bench.server.url == url
        assert bench.opened_after == [None, bench.time]
        assert bench.transactions() == told
        bench.market("EUR_USD", 1.2)
        bench.order("after", "-1000")
        assert float(bench.fills()[-1]["pl"]) == pytest.approx(100.0)
        ids = [int(one["id"]) for one in bench.transactions()]
        assert ids == list(range(1, len(ids) + 1))


def test_another_server_goes_on_with_the_same_folder(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        bench.market("EUR_USD", 1.1)
        bench.order("before")
        told = bench.transactions()
    with served_v20(tmp_path) as again:
        assert again.transactions() == told
        candles = again.ask("GET", "/v3/instruments/EUR_USD/candles").json()["candles"]
        assert [one["volume"] for one in candles] == [1]


def test_a_folder_in_use_is_refused_and_its_server_goes_on(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        second = V20Server(V20_TERMS, folder=tmp_path, open_source=lambda _: HandPrices())
        with pytest.raises(InvalidError):
            second.start()
        assert not second.running
        assert bench.ask("GET", "/summary").status_code == 200


def test_a_port_in_use_is_refused_by_its_number(tmp_path: Path) -> None:
    with served_v20(tmp_path / "one") as bench:
        port = int(bench.server.url.rsplit(":", 1)[1])
        second = ServedV20(tmp_path / "two", port=port)
        with pytest.raises(InvalidError, match=f"cannot listen on port {port}"):
            second.server.start()


def test_prices_that_cannot_be_opened_are_told_where_it_is_started(tmp_path: Path) -> None:
    def nothing(_: int | None) -> HandPrices:
        raise DataError("no prices today")

    server = V20Server(V20_TERMS, folder=tmp_path, open_source=nothing)
    with pytest.raises(DataError, match="no prices today"):
        server.start()
    with served_v20(tmp_path):
        pass


def test_prices_that_fail_stop_it_and_are_told(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        reader = bench.price_stream("EUR_USD")
        bench.prices.quotes = failing  # type: ignore[method-assign]
        assert {one["type"] for one in reader} == {"HEARTBEAT"}, "its streams end"
        with pytest.raises((DataError, TransientError)):
            bench.server.settle()
        with pytest.raises(DataError, match="the feed broke"):
            bench.server.stop()
        bench.server.stop()


def failing(until: int) -> tuple[()]:
    raise DataError(f"the feed broke at {until}")


def test_stop_does_not_wait_for_who_keeps_it_waiting(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        host, port = bench.server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), WITHIN_S) as idle:
            idle.sendall(b"GET /v3/accounts HTTP/1.1\r\n")
            threads = threading.active_count()
            bench.server.stop()
            assert not bench.server.running
            assert threading.active_count() < threads
            idle.settimeout(WITHIN_S)
            with contextlib.suppress(ConnectionResetError):
                assert idle.recv(100) == b""


def test_what_is_asked_of_a_stopped_server_says_so(tmp_path: Path) -> None:
    server = V20Server(V20_TERMS, folder=tmp_path, open_source=lambda _: HandPrices())
    for ask in (server.settle, server.drop_streams, server.status):
        with pytest.raises(TransientError, match="does not run"):
            ask()
    with pytest.raises(TransientError, match="does not run"):
        server.inject(FaultPlan())
    server.stop()


def test_settle_returns_once_every_quote_is_traded_on(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        for number in range(20):
            bench.market("EUR_USD", 1.1 + number / 1000)
            (price,) = bench.ask("GET", "/pricing?instruments=EUR_USD").json()["prices"]
            assert float(price["closeoutBid"]) == pytest.approx(1.1 + number / 1000)


def test_its_status_tells_how_it_stands(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        bench.market("EUR_USD", 1.1)
        next(bench.price_stream("EUR_USD"))
        status = bench.server.status()
        assert status["clock"] == bench.time > START
        assert (status["streams"], status["faults_struck"]) == (1, 0)
        assert status["last_transaction"] == len(bench.transactions())
        assert status["source"] == "prices made by hand"


def test_the_token_is_in_no_text_of_it(tmp_path: Path) -> None:
    terms = replace(V20_TERMS, token="a-secret-of-its-own")
    server = V20Server(terms, folder=tmp_path, open_source=lambda _: HandPrices())
    assert "a-secret-of-its-own" not in f"{terms!r} {server!r}"


def test_unknown_paths_are_answered_in_the_protocols_way(tmp_path: Path) -> None:
    with served_v20(tmp_path) as bench:
        answer = bench.ask("GET", "/nothing")
        assert (answer.status_code, list(answer.json())) == (404, ["errorMessage"])
