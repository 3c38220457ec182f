"""The streams of a v20 server: what a reader gets, when, and what it costs the others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.brokers.v20_server.faults import Fault, FaultKind
from infra.brokers.v20_server.stream import Mishaps
from infra.brokers.v20_server.stream_contents import WINDOW_S, PriceContent, TransactionContent
from infra.brokers.v20_server.streams import Streams
from tests import v20_messages
from tests.exchanges import SECOND, quote
from tests.v20_accounts import ACCOUNT, TOKEN, V20Bench, opened
from tests.v20_servers import ServedV20, beating, served_v20


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedV20]:
    with served_v20(tmp_path) as served:
        yield served


@pytest.fixture
def lively(tmp_path: Path) -> Iterator[ServedV20]:
    """Its streams have heartbeats all the time."""
    with served_v20(tmp_path, beating(0.05)) as served:
        yield served


@pytest.fixture
def account(tmp_path: Path) -> Iterator[V20Bench]:
    with opened(tmp_path) as one:
        yield one


def checked(message: dict[str, Any], definition: str) -> dict[str, Any]:
    if v20_messages.is_here():
        assert v20_messages.faults_of(message, definition) == []
    return message


def told(content: PriceContent, at: float) -> list[str]:
    """The bids that are told at a moment."""
    lines = content.due(at).decode().splitlines()
    return [line.split('"bids":[{"price":"')[1].split('"')[0] for line in lines]


def test_a_stream_of_prices_begins_with_a_snapshot_of_those_that_there_are(
    bench: ServedV20,
) -> None:
    bench.market("EUR_USD", 1.1, 0.0002)
    bench.market("USD_JPY", 150.0, 0.02)
    reader = bench.price_stream("EUR_USD", "USD_JPY", "EUR_GBP")
    first, second = checked(next(reader), "ClientPrice"), checked(next(reader), "ClientPrice")
    assert (first["type"], first["instrument"]) == ("PRICE", "EUR_USD")
    assert (first["bids"][0]["price"], first["asks"][0]["price"]) == ("1.09990", "1.10010")
    assert second["instrument"] == "USD_JPY"
    assert checked(next(reader), "PricingHeartbeat")["type"] == "HEARTBEAT"
    bench.market("EUR_GBP", 0.85)
    assert next(reader)["instrument"] == "EUR_GBP"


def test_a_snapshot_can_be_declined(bench: ServedV20) -> None:
    bench.market("EUR_USD", 1.1)
    reader = bench.stream("/pricing/stream?instruments=EUR_USD&snapshot=false")
    assert next(reader)["type"] == "HEARTBEAT"
    bench.market("EUR_USD", 1.2)
    assert next(reader)["closeoutBid"] == "1.20000"


def test_times_are_written_as_the_reader_asks(bench: ServedV20) -> None:
    bench.market("EUR_USD", 1.1)
    reader = bench.price_stream("EUR_USD", **{"Accept-Datetime-Format": "UNIX"})
    assert next(reader)["time"] == f"{bench.time // SECOND}.000000000"
    assert next(reader)["time"] == f"{bench.time // SECOND}.000000000"


def test_of_a_burst_the_reader_gets_the_first_price_and_the_last(bench: ServedV20) -> None:
    reader = bench.price_stream("EUR_USD")
    next(reader)
    bids = [round(1.1 + number / 1e4, 5) for number in range(60)]
    for number, bid in enumerate(bids):
        bench.prices.put(quote("EUR_USD", bench.time + (number + 1) * SECOND, bid))
        bench.server.settle()
    found = [float(reader.next_of("PRICE")["closeoutBid"])]
    while found[-1] != bids[-1]:
        found.append(float(reader.next_of("PRICE")["closeoutBid"]))
    assert found == sorted(found)
    assert len(found) < len(bids)


def test_an_instrument_is_told_at_once_and_then_once_a_window(account: V20Bench) -> None:
    streams = Streams(account.account)
    content = PriceContent(streams, ["EUR_USD", "USD_JPY"], snapshot=True, accepted="")

    def moves(symbol: str, mid: float) -> None:
        account.market(symbol, mid)
        streams.touched([symbol])
        content.changed(frozenset([symbol]))

    moves("EUR_USD", 1.1)
    assert told(content, 100.0) == ["1.10000"]
    moves("EUR_USD", 1.2)
    moves("EUR_USD", 1.3)
    moves("USD_JPY", 150.0)
    assert told(content, 100.1) == ["150.000"]
    assert content.next_due() == pytest.approx(100.0 + WINDOW_S)
    assert told(content, 100.0 + WINDOW_S) == ["1.30000"]
    assert told(content, 100.0 + 2 * WINDOW_S) == []
    moves("EUR_USD", 1.4)
    assert content.next_due() <= 101.0
    assert told(content, 101.0) == ["1.40000"]
    assert not content.changed(frozenset(["EUR_GBP"]))


def test_prices_that_come_a_little_late_do_not_shift_the_windows_after_them(
    account: V20Bench,
) -> None:
    streams = Streams(account.account)
    content = PriceContent(streams, ["EUR_USD"], snapshot=True, accepted="")
    lost = 0
    for number in range(200):
        account.market("EUR_USD", 1.1 + number / 1e4)
        streams.touched(["EUR_USD"])
        content.changed(frozenset(["EUR_USD"]))
        lost += told(content, 100.0 + number * WINDOW_S + 0.1 * (number % 2)) == []
    assert lost == 0


@pytest.mark.parametrize("query", ["", "?instruments=", "?instruments=EUR_USD,EUR_USX"])
def test_a_stream_of_no_or_unknown_instruments_is_refused(bench: ServedV20, query: str) -> None:
    answer = bench.ask("GET", f"/pricing/stream{query}")
    assert answer.status_code == 400
    assert answer.json() == {"errorMessage": "Invalid value specified for 'instruments'"}


def test_a_stream_needs_the_token(bench: ServedV20) -> None:
    answer = requests.get(f"{bench.server.url}{ACCOUNT}/transactions/stream", timeout=20)
    assert answer.status_code == 401


def test_a_stream_of_transactions_begins_with_the_id_of_the_newest(bench: ServedV20) -> None:
    bench.market("EUR_USD", 1.1)
    before = bench.transactions()[-1]["id"]
    reader = bench.transaction_stream()
    beat = checked(next(reader), "TransactionHeartbeat")
    assert (beat["type"], beat["lastTransactionID"]) == ("HEARTBEAT", before)


def test_transactions_are_told_as_they_happen_and_once(bench: ServedV20) -> None:
    bench.market("EUR_USD", 1.1)
    reader = bench.transaction_stream()
    next(reader)
    for number in range(3):
        assert bench.order(f"order-{number}").status_code == 201
    found = [checked(next(reader), "Transaction") for _ in range(6)]
    assert found == bench.transactions()[-6:]
    assert [one["type"] for one in found] == ["MARKET_ORDER", "ORDER_FILL"] * 3


def test_what_the_market_does_is_told_too(bench: ServedV20) -> None:
    bench.market("EUR_USD", 1.1)
    exit_at = {"takeProfitOnFill": {"price": "1.20000"}}
    order = {"type": "MARKET", "instrument": "EUR_USD", "units": "1000", **exit_at}
    bench.ask("POST", "/orders", {"order": order})
    reader = bench.transaction_stream()
    next(reader)
    bench.market("EUR_USD", 1.2)
    assert reader.next_of("ORDER_FILL")["reason"] == "TAKE_PROFIT_ORDER"


def test_heartbeats_come_while_nothing_else_does(lively: ServedV20) -> None:
    prices, transactions = lively.price_stream("EUR_USD"), lively.transaction_stream()
    assert [next(prices)["type"] for _ in range(4)] == ["HEARTBEAT"] * 4
    assert [next(transactions)["type"] for _ in range(4)] == ["HEARTBEAT"] * 4


def test_a_halt_is_told_like_a_price(bench: ServedV20) -> None:
    bench.market("EUR_USD", 1.1)
    reader = bench.price_stream("EUR_USD")
    assert next(reader)["tradeable"] is True
    bench.inject(Fault(kind=FaultKind.MARKET_HALT, symbols=("EUR_USD",)))
    assert reader.next_of("PRICE")["tradeable"] is False
    bench.inject()
    assert reader.next_of("PRICE")["tradeable"] is True


def test_a_reader_that_does_not_read_costs_nobody_else_and_loses_no_transaction(
    bench: ServedV20,
) -> None:
    bench.market("EUR_USD", 1.1)
    host, port = bench.server.url.removeprefix("http://").split(":")
    request = (
        f"GET {ACCOUNT}/transactions/stream HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n"
    )
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stuck.settimeout(20)
        stuck.connect((host, int(port)))
        stuck.sendall(request.encode())
        seen = stuck.recv(1_024)
        reader = bench.transaction_stream()
        next(reader)
        for number in range(60):
            bench.order(f"order-{number}")
        names = [reader.next_of("MARKET_ORDER")["clientExtensions"]["id"] for _ in range(60)]
        assert names == [f"order-{number}" for number in range(60)]
        while b'"id":"order-59"' not in seen:
            seen += stuck.recv(65_536)
        places = [seen.find(f'"id":"order-{number}"'.encode()) for number in range(60)]
        assert places == sorted(places)
        assert min(places) > 0


def test_a_dropped_stream_is_an_error_for_its_reader(bench: ServedV20) -> None:
    reader = bench.price_stream("EUR_USD")
    next(reader)
    bench.server.drop_streams()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        next(reader)
    assert next(bench.price_stream("EUR_USD"))["type"] == "HEARTBEAT"


def test_a_stream_that_the_server_ends_ends_in_order(bench: ServedV20) -> None:
    reader = bench.price_stream("EUR_USD")
    next(reader)
    bench.server.stop()
    with pytest.raises(StopIteration):
        next(reader)


def test_a_stream_can_be_dropped_after_a_while(lively: ServedV20) -> None:
    lively.inject(Fault(kind=FaultKind.STREAM_DROP, on="pricing", seconds=0.2))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        list(lively.price_stream("EUR_USD"))
    assert next(lively.price_stream("EUR_USD"))["type"] == "HEARTBEAT"


def test_a_stalled_stream_stays_open_and_silent(lively: ServedV20) -> None:
    reader = lively.price_stream("EUR_USD", silence_s=2.0)
    next(reader)
    lively.inject(Fault(kind=FaultKind.STREAM_STALL))
    with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
        list(reader)
    assert lively.ask("GET", "/summary").status_code == 200


def test_a_stall_can_be_taken_back(lively: ServedV20) -> None:
    reader = lively.price_stream("EUR_USD")
    lively.inject(Fault(kind=FaultKind.STREAM_STALL))
    lively.market("EUR_USD", 1.3)
    lively.inject()
    assert reader.next_of("PRICE")["closeoutBid"] == "1.30000"


def test_heartbeats_can_be_missing_while_prices_come(lively: ServedV20) -> None:
    lively.inject(Fault(kind=FaultKind.NO_HEARTBEATS))
    reader = lively.price_stream("EUR_USD", silence_s=2.0)
    lively.market("EUR_USD", 1.3)
    assert next(reader)["type"] == "PRICE"
    with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
        next(reader)


def test_transactions_can_be_told_twice(bench: ServedV20) -> None:
    bench.market("EUR_USD", 1.1)
    reader = bench.transaction_stream()
    first = int(next(reader)["lastTransactionID"]) + 1
    bench.inject(Fault(kind=FaultKind.DUPLICATE_TRANSACTIONS))
    bench.order("one")
    assert [int(next(reader)["id"]) - first for _ in range(4)] == [0, 0, 1, 1]


def test_transactions_can_be_told_out_of_order_and_none_is_kept_back(account: V20Bench) -> None:
    account.market("EUR_USD", 1.1)
    swapped = [Fault(kind=FaultKind.REORDERED_TRANSACTIONS)]
    content = TransactionContent(account.account, Mishaps(swapped, 0.0), "")
    first = account.account.last_transaction_id + 1

    def ids(lines: bytes) -> list[int]:
        parts = lines.decode().split('"id":"')[1:]
        return [int(part.split('"')[0]) - first for part in parts]

    account.order()
    account.order("LIMIT", price="1.0")
    assert ids(content.due(0.0)) == [1, 0], "the third waits for a fourth"
    account.order("LIMIT", price="1.0")
    assert ids(content.due(0.0)) == [3, 2]
    account.order("LIMIT", price="1.0")
    assert ids(content.due(0.0)) == []
    assert ids(content.heartbeat()) == [4]
