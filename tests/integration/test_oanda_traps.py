"""The traps of OANDA's protocol and of its client library, each by its name.

What the v20 server does on demand is met through it; what OANDA alone does is written by hand.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oandapyV20.endpoints.transactions import TransactionsStream

from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.pacing import CONNECTIONS_A_SECOND, REQUESTS_A_SECOND, Pace, Paces
from infra.brokers.oanda.records import Records
from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from infra.deadlines import readable
from infra.feeds.live.board import PriceBoard
from infra.feeds.oanda.prices import price_of
from infra.feeds.oanda.stream import OandaStream, StreamTimes
from market.accounts import OrderState, Transaction, TransactionKind
from market.errors import InvalidError, OutcomeUnknown, StreamLost
from market.live_events import OrderUnknown
from market.marks import no_marks
from market.orders import TimeInForce
from market.quotes import Quote
from tests.exchanges import SECOND, START, SYMBOLS, TERMS, WITHIN_S, limit, order, quote
from tests.live_gateways import approved, open_gateway
from tests.oanda import (
    ACCOUNT,
    PREFIX,
    Bench,
    Recorded,
    Slept,
    answer,
    bench,
    closed,
    connected,
    created,
    filled,
    opened,
    refused,
    transaction,
)
from tests.paper import HOUR_NS, FlatRates
from tests.scripted_http import Reply
from tests.streaming_http import StreamingServer, streaming_server
from tests.v20_bench import TOKEN, V20Bench, v20_bench

ACCEPTED, FILLED, CANCELLED = OrderState.ACCEPTED, OrderState.FILLED, OrderState.CANCELLED
EUR = SYMBOLS.index("EUR_USD")
SOON = (5.0, 0.3)
"""To connect, and for an answer that does not come."""
ODD = "a/b c?d#e%2F"


@pytest.fixture
def oanda() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def v20(tmp_path: Path) -> Iterator[V20Bench]:
    """OANDA as it fills, with a price."""
    with v20_bench(tmp_path, fills="at once", heartbeat_s=0.05) as made:
        made.market("EUR_USD", 1.1, 0.0002)
        yield made


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[V20Bench]:
    """The same, and an adapter that soon gives up an answer: for what waits until it does."""
    with v20_bench(tmp_path, fills="at once", timeout=SOON, heartbeat_s=0.05) as made:
        made.market("EUR_USD", 1.1, 0.0002)
        yield made


def strike(v20: V20Bench, kind: FaultKind, on: str = "POST", **facts: Any) -> None:
    v20.server.inject(FaultPlan(faults=(Fault(kind=kind, on=on, **facts),)))


def record(v20: V20Bench, kind: str = "") -> list[Any]:
    """What OANDA itself has on record, of a type or all."""
    return [raw for raw in Records(v20.connection).since(0) if kind in ("", raw["type"])]


def state_of(v20: V20Bench, name: str) -> OrderState | None:
    found = v20.broker.find(name)
    return None if found is None else found.state


class Heard:
    """All that a stream brought."""

    def __init__(self, stream: OandaStream, asked_before: Sequence[str] = ()) -> None:
        self.stream = stream
        self.asked_before = asked_before
        self.quotes: list[Quote] = []
        self.closed: list[str] = []
        self.transactions: list[Transaction] = []

    @property
    def ids(self) -> list[int]:
        return [one.id for one in self.transactions]

    def until(self, enough: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not enough():
            assert readable([self.stream], deadline), "nothing more came"
            update = self.stream.take()
            self.quotes += update.quotes
            self.closed += update.closed
            self.transactions += update.transactions

    def until_quoted(self, mid: float) -> None:
        self.until(lambda: self.quotes and math.isclose(self.quotes[-1].mid, mid))


@contextlib.contextmanager
def hearing(v20: V20Bench, **times: float) -> Iterator[Heard]:
    """A stream of the server."""
    stream = OandaStream(
        v20.connection,
        SYMBOLS,
        0,
        transaction_of=v20.broker.transaction_of,
        backfill=v20.broker.transactions,
        times=StreamTimes(**{"tick_s": 0.02, **times}),
    )
    try:
        yield Heard(stream)
    finally:
        stream.close()


@contextlib.contextmanager
def scripted_stream(
    record: list[Transaction], refusing: str = ""
) -> Iterator[tuple[StreamingServer, Heard]]:
    """A stream whose messages a test sends, if any. record: what the broker holds. refusing: a
    path that is not answered.
    """
    before: list[str] = []

    def backfill(after: int) -> list[Transaction]:
        before.extend(server.asked if not before else ())
        return [one for one in record if one.id > after]

    with streaming_server() as server, contextlib.closing(connected(server.url)) as connection:
        server.refusing.update({refusing} if refusing else ())
        stream = OandaStream(
            connection, SYMBOLS, 0, transaction_of=lambda _: pytest.fail("x"), backfill=backfill
        )
        try:
            yield server, Heard(stream, before)
        finally:
            stream.close()


def noted(number: int) -> Transaction:
    return Transaction(
        id=number, time=START, kind=TransactionKind.NOTED, client_order_id="", symbol=""
    )


# Numbers are strings, and times have nine decimals.


def test_numbers_leave_as_strings_and_times_come_to_the_nanosecond(oanda: Bench) -> None:
    body = answer(orderCreateTransaction=created(7, "a", "100", type="LIMIT_ORDER"))
    oanda.server.on("POST /orders", Reply(status=201, body=body))
    oanda.broker.place(order("a", 100.0, entry=limit(1.1)))
    asked = oanda.server.asked[-1]
    assert (asked.body["order"]["units"], asked.body["order"]["price"]) == ("100", "1.1")
    assert asked.headers["Accept-Datetime-Format"] == "RFC3339"
    for told in ("2024-01-04T12:00:00.123456789Z", "1704369600.123456789"):
        raw = transaction(8, "CLIENT_CONFIGURE", time=told)
        assert oanda.broker.transaction_of(raw).time == 1_704_369_600_123_456_789


# Units are signed, and a close names the side.


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_close_names_the_side_that_is_held(v20: V20Bench, side: float) -> None:
    v20.broker.place(order("a", side * 1_000.0))
    assert v20.broker.account().units[EUR] == side * 1_000.0
    closed = v20.broker.close("EUR_USD", "b")
    assert closed is not None
    assert (closed.state, closed.filled) == (FILLED, -side * 1_000.0)
    assert v20.broker.account().units[EUR] == 0.0


# A 201 may carry a cancel; a refusal may lack its code.


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("MARKET_HALTED", "MARKET_HALTED"),
        ("INSUFFICIENT_MARGIN", "INSUFFICIENT_MARGIN"),
        ("BOUNDS_VIOLATION", "PRICE_BOUND"),
    ],
)
def test_a_201_that_carries_a_cancel_is_no_fill(v20: V20Bench, reason: str, word: str) -> None:
    strike(v20, FaultKind.CANCEL_IN_201, reason=reason)
    found = v20.broker.place(order("a", 1_000.0))
    assert (found.state, found.reason, found.filled) == (CANCELLED, word, 0.0)
    assert v20.broker.account().units[EUR] == 0.0


def test_a_refusal_without_a_code_is_named_by_its_transaction(oanda: Bench) -> None:
    body = {
        "orderRejectTransaction": refused(7, "a", "INSUFFICIENT_MARGIN"),
        "errorMessage": "rejected",
        "lastTransactionID": "7",
    }
    oanda.server.on("POST /orders", Reply(status=400, body=body))
    with pytest.raises(InvalidError, match="INSUFFICIENT_MARGIN: the account has not enough"):
        oanda.broker.place(order("a", 1.0))


# Market orders are FOK, and one fill may close, reduce and open.


def test_a_market_order_fills_whole_or_not_at_all(v20: V20Bench) -> None:
    v20.broker.place(order("a", 1_000.0))
    assert [raw["timeInForce"] for raw in record(v20, "MARKET_ORDER")] == ["FOK"]


def test_a_fill_has_the_price_of_its_parts_and_not_the_deprecated_one(oanda: Bench) -> None:
    raw = filled(
        9, 8, "-600", name="a", pl="3.0000", price="9.9",
        tradesClosed=[closed(3, "-100", "1.10000", "1.0000")],
        tradeReduced=closed(5, "-200", "1.20000", "2.0000"),
        tradeOpened=opened(9, "-300", "1.30000", "a"),
    )  # fmt: skip
    fill = oanda.broker.transaction_of(raw).fill
    assert fill is not None
    assert (fill.units, fill.realised) == (-600.0, 3.0)
    assert fill.price == pytest.approx((100 * 1.1 + 200 * 1.2 + 300 * 1.3) / 600)


# A client id is not known to be taken for ever.


def test_the_id_of_a_filled_order_is_not_used_again_by_a_desk_that_has_forgotten(
    oanda: Bench,
) -> None:
    fill = filled(4, 3, "100", name="a", tradeOpened=opened(4, "100", "1.1", "a"))
    oanda.record(created(3, "a", "100"), fill)
    found = oanda.broker.place(order("a", 100.0))
    assert (found.state, found.filled) == (FILLED, 100.0)
    assert oanda.server.paths("POST") == []


def another(v20: V20Bench) -> Any:
    """A broker that remembers nothing."""
    return type(v20.broker)(
        v20.connection, instruments=TERMS.instruments, account_currency="USD", interval_s=60
    )


# Replaced orders have new ids, 404 on a cancel may mean filled, new orders are unknown for a while.


def test_a_replaced_order_names_the_one_in_its_place(v20: V20Bench) -> None:
    first = v20.broker.place(order("a", 1_000.0, entry=limit(1.05)))
    second = v20.broker.replace("a", order("b", 2_000.0, entry=limit(1.06)))
    found = v20.broker.find("a")
    assert found is not None
    assert (found.state, found.replaced_by) == (OrderState.REPLACED, "b")
    assert second.transaction > first.transaction
    assert [one.client_order_id for one in v20.broker.working()] == ["b"]


def test_a_404_on_a_cancel_is_the_fill_that_came_before_it(v20: V20Bench) -> None:
    v20.broker.place(order("a", 1_000.0, entry=limit(1.05)))
    v20.market("EUR_USD", 1.04, 0.0002)
    found = v20.broker.cancel("a")
    assert (found.state, found.filled) == (FILLED, 1_000.0)


def test_an_order_that_is_denied_right_after_its_making_is_looked_for_again(oanda: Bench) -> None:
    oanda.server.on("POST /orders", Reply(cut=True))
    with pytest.raises(OutcomeUnknown):
        oanda.broker.place(order("a", 100.0))
    oanda.server.on("GET /orders/@a", Reply(status=404, body={"errorCode": "NO_SUCH_ORDER"}))
    made = created(3, "a", "100")
    oanda.server.on(
        "GET /transactions/sinceid",
        Reply(body={"transactions": [], "lastTransactionID": "2"}),
        Reply(body={"transactions": [made], "lastTransactionID": "3"}),
    )
    found = oanda.broker.find("a")
    assert found is not None
    assert found.state is ACCEPTED


# Heartbeats are no prices, and prices may be none, old or dead.


def test_a_heartbeat_is_no_price_and_what_is_not_tradeable_has_none(v20: V20Bench) -> None:
    with hearing(v20) as heard:
        heard.until_quoted(1.1)
        strike(v20, FaultKind.MARKET_HALT, on="", symbols=("EUR_USD",))
        heard.until(lambda: "EUR_USD" in heard.closed)
        since = len(heard.quotes)
        began = time.monotonic()
        heard.until(lambda: heard.stream.health().price_heartbeat_s < time.monotonic() - began)
        assert heard.quotes[since:] == []
    side = [{"price": "1.1"}]
    told = {"instrument": "EUR_USD", "time": "1704369600", "bids": side, "asks": side}
    assert price_of(told).quote is not None
    lacking: tuple[dict[str, Any], ...] = (
        {"tradeable": False},
        {"status": "non-tradeable"},
        {"bids": []},
        {"asks": []},
    )
    for none in lacking:
        assert price_of(told | none).quote is None


def test_a_price_is_as_old_as_the_broker_says_however_new_the_stream(v20: V20Bench) -> None:
    v20.market("GBP_USD", 1.3, seconds=600)
    with hearing(v20) as heard:
        heard.until(lambda: len(heard.quotes) >= 2)
        board = PriceBoard(SYMBOLS, 60, np.full(len(SYMBOLS), 60 * SECOND))
        for one in heard.quotes:
            board.put(one)
        marks = no_marks(len(SYMBOLS))
        board.mark(marks, v20.time)
        assert marks.age[EUR] >= 9.0


def test_a_dead_price_stream_is_reopened_while_the_transaction_stream_lives(v20: V20Bench) -> None:
    strike(v20, FaultKind.STREAM_STALL, on="pricing/stream")
    with hearing(v20, read_timeout_s=2.0, poll_s=60.0, missing_s=60.0) as heard:
        v20.market("EUR_USD", 1.2)
        heard.until_quoted(1.2)
        v20.broker.place(order("a", 1_000.0))
        heard.until(lambda: heard.transactions and heard.transactions[-1].fill)
        assert heard.stream.health().reconnects == 1


# The transaction stream repeats nothing that was missed, and tells some things twice.


def test_what_happened_while_no_stream_stood_is_read_from_the_record() -> None:
    held = [noted(1)]
    with scripted_stream(held) as (server, heard):
        first = server.transactions()
        heard.until(lambda: heard.ids == [1])
        held.append(noted(2))
        first.cut()
        server.transactions()  # which tells nothing, and has no heartbeat either
        heard.until(lambda: len(heard.ids) >= 2)
        assert heard.ids == [1, 2]


def test_a_transaction_is_given_once_however_often_it_is_told(v20: V20Bench) -> None:
    strike(v20, FaultKind.DUPLICATE_TRANSACTIONS, on="transactions/stream", times=None)
    with hearing(v20) as heard:
        for number in range(6):
            if number % 2:
                v20.server.drop_streams()
            v20.broker.place(order(f"o{number}", 1_000.0))
        last = v20.broker.account().last_transaction
        heard.until(lambda: heard.ids and heard.ids[-1] >= last)
        assert heard.ids == list(range(1, last + 1))


# The balance moves without orders.


def test_money_moves_by_financing_and_by_a_close_out_without_an_order(tmp_path: Path) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.0})
    with v20_bench(tmp_path, fills="at once", interest=rates) as v20:
        v20.market("EUR_USD", 1.1)
        v20.broker.place(order("a", 1_000.0))
        v20.put(quote("EUR_USD", START + 12 * HOUR_NS, 1.1))
        v20.market("EUR_USD", 1.05)
        strike(v20, FaultKind.MARGIN_CLOSEOUT, on="")
        told = v20.broker.transactions(0)
        (night,) = [one for one in told if one.kind is TransactionKind.FINANCING]
        assert night.amount == pytest.approx(1_000.0 * 1.1 * (0.02 - 0.05) / 365.0, abs=1e-4)
        fill = [one.fill for one in told if one.fill][-1]
        assert (fill.reason, fill.client_order_id) == ("MARGIN_CLOSEOUT", "a")
        moved = sum(one.amount + (one.fill.realised if one.fill else 0.0) for one in told)
        account = v20.broker.account()
        assert account.cash == pytest.approx(moved, abs=1e-6)
        assert account.units[EUR] == 0.0
        # No order of the desk stands behind it.
        assert [one.client_order_id for one in told if one.kind is TransactionKind.ACCEPTED] == [
            "a"
        ]


# The trailing stop moves at the broker, and a gap fills it through its trigger.


def test_a_trailing_stop_is_the_brokers_and_a_gap_fills_through_it(v20: V20Bench) -> None:
    v20.broker.place(order("a", 1_000.0, trailing=0.01, take_profit=0.2, reference=1.1))
    first = v20.broker.account().stop_price[EUR]
    v20.market("EUR_USD", 1.15, 0.0002)
    v20.market("EUR_USD", 1.1500, 0.0002)
    moved = v20.broker.account().stop_price[EUR]
    assert first < 1.1 < moved < 1.15
    v20.market("EUR_USD", 1.12, 0.0002, seconds=48 * 3600)
    told = v20.broker.transactions(0)
    fill = next(one.fill for one in reversed(told) if one.fill is not None)
    assert (fill.client_order_id, fill.reason) == ("a", "TRAILING_STOP")
    assert fill.price == pytest.approx(1.1199)
    # The take profit went with it, and was no order of the desk.
    assert v20.broker.working() == ()
    assert len(v20.broker.account().working.nonzero()[0]) == 0
    assert not [one for one in told if one.kind is TransactionKind.CANCELLED]
    assert record(v20, "ORDER_CANCEL")


# So many requests and connections a second.


def test_no_more_is_asked_in_a_second_than_the_broker_allows() -> None:
    slept = Slept()
    paces = Paces(
        Pace(REQUESTS_A_SECOND, elapsed=slept.elapsed, sleep=slept.sleep),
        Pace(CONNECTIONS_A_SECOND, elapsed=slept.elapsed, sleep=slept.sleep),
    )
    assert REQUESTS_A_SECOND <= 120
    assert CONNECTIONS_A_SECOND <= 2
    with contextlib.closing(connected_with(paces)) as held:
        records, began = Records(held.connection), slept.now
        for _ in range(121):
            records.last_id()
        assert slept.now - began >= 1.0
        slept.sleep(10.0)
        held.connection.close()
        streams = [held.connection.new_stream(TransactionsStream(ACCOUNT), 1.0) for _ in range(3)]
        began = slept.now
        for stream in streams:
            with pytest.raises(StreamLost):
                next(stream)
        assert slept.now - began >= 1.0
        assert held.server.connections == 4


class Held:
    """A connection and its server."""

    def __init__(self, server: Recorded, connection: OandaConnection) -> None:
        self.server = server
        self.connection = connection

    def close(self) -> None:
        self.connection.close()
        self.server.stop()


def connected_with(paces: Paces) -> Held:
    server = Recorded()
    made = OandaConnection(
        environment=environment("local", server.url),
        account=ACCOUNT,
        tokens=TokenText(TOKEN),
        paces=paces,
    )
    return Held(server, made)


# The client has no time-out, repeats nothing and loses headers.


def test_silence_ends_in_time_and_a_question_is_asked_again(hasty: V20Bench) -> None:
    strike(hasty, FaultKind.TIMEOUT_BEFORE, seconds=5.0)
    with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.3 s"):
        hasty.broker.place(order("a", 1.0))
    strike(hasty, FaultKind.DISCONNECT_BEFORE, on="GET", times=2)
    assert hasty.broker.account().cash > 0.0


def test_a_broker_that_asks_to_be_left_alone_is_left_alone_for_as_long() -> None:
    slept, server = Slept(), Recorded()
    server.next(Reply(status=429, body={}, headers={"Retry-After": "2"}))
    with contextlib.closing(Held(server, connected(server, slept=slept))) as held:
        Records(held.connection).last_id()
    assert slept.pauses == [2.0]


# The client fails on answers of orders that exist.


@pytest.mark.parametrize(
    ("kind", "facts", "there"),
    [
        (FaultKind.WRONG_STATUS, {}, True),
        (FaultKind.HTML_ERROR, {"status": 200, "done": True}, True),
        (FaultKind.HTML_ERROR, {"status": 502}, False),
        (FaultKind.NOT_UTF8, {"done": True}, True),
        (FaultKind.NOT_UTF8, {}, False),
        (FaultKind.REDIRECT, {}, False),
        (FaultKind.REDIRECT, {"done": True}, True),
    ],
)
def test_an_answer_that_the_client_cannot_take_leaves_the_order_unknown_until_it_is_found(
    v20: V20Bench, kind: FaultKind, facts: dict[str, Any], there: bool
) -> None:
    strike(v20, kind, **facts)
    with pytest.raises(OutcomeUnknown):
        v20.broker.place(order("a", 1_000.0))
    assert state_of(v20, "a") is (FILLED if there else None)
    assert len(record(v20, "MARKET_ORDER")) == there


def test_a_redirected_order_does_not_become_a_question(oanda: Bench) -> None:
    elsewhere = Reply(status=302, headers={"Location": f"{PREFIX}/elsewhere"})
    oanda.server.on("POST /orders", elsewhere)
    with pytest.raises(OutcomeUnknown, match="never followed"):
        oanda.broker.place(order("a", 100.0))
    assert oanda.server.paths()[-1] == "POST /orders"


# Ids are not quoted in paths.


def test_an_id_of_any_signs_is_one_part_of_a_path(v20: V20Bench) -> None:
    v20.broker.place(order(ODD, 1_000.0, entry=limit(1.05)))
    assert another(v20).find(ODD).state is ACCEPTED
    assert v20.broker.cancel(ODD).state is CANCELLED


# Streams connect late, end without a word, stall, and cannot be left by their own means.


def test_the_record_is_asked_once_the_stream_stands_and_not_when_it_was_made() -> None:
    with scripted_stream([noted(1)], refusing="transactions/stream") as (server, heard):
        server.prices()
        heard.until(lambda: sum(path.endswith("transactions/stream") for path in server.asked) > 3)
        assert heard.asked_before == []
        server.refusing.clear()
        heard.until(lambda: heard.ids == [1])


def test_a_clean_end_of_which_the_client_says_nothing_is_an_end() -> None:
    with scripted_stream([]) as (server, _):
        server.prices().end()
        server.transactions().end()
        assert server.prices()
        assert server.transactions()


@pytest.mark.parametrize("kind", [FaultKind.STREAM_DROP, FaultKind.STREAM_STALL])
def test_a_stream_that_drops_or_stalls_is_opened_anew(v20: V20Bench, kind: FaultKind) -> None:
    strike(v20, kind, on="/stream", times=2)
    with hearing(v20, read_timeout_s=0.3, poll_s=60.0, missing_s=60.0) as heard:
        v20.market("EUR_USD", 1.2)
        v20.broker.place(order("a", 1_000.0))
        heard.until(lambda: heard.transactions and heard.transactions[-1].fill)
        heard.until_quoted(1.2)
        assert heard.stream.health().reconnects >= 1


def test_a_stream_is_left_from_another_thread_while_its_readers_wait(tmp_path: Path) -> None:
    with v20_bench(tmp_path, heartbeat_s=600.0) as v20:
        v20.market("EUR_USD", 1.1)
        with hearing(v20) as heard:
            heard.until_quoted(1.1)
            heard.until(lambda: heard.transactions)
        with pytest.raises(StreamLost):
            heard.stream.take()
        assert [one.name for one in threading.enumerate() if one.name.startswith("oanda ")] == []


# The client's own types write numbers wrongly.


def test_numbers_are_written_with_the_digits_that_they_have(oanda: Bench) -> None:
    until_ns = START + HOUR_NS + 123_456_789
    wish = order(
        "a", 1e-05, "USD_JPY", stop=0.5, take_profit=0.25, reference=150.0,
        entry=limit(149.5, TimeInForce.GTD, until_ns),
    )  # fmt: skip
    oanda.server.on("POST /orders", Reply(cut=True))
    with pytest.raises(OutcomeUnknown):
        oanda.broker.place(wish)
    sent = oanda.server.asked[-1].body["order"]
    assert (sent["units"], sent["price"], sent["type"]) == ("0.00001", "149.5", "LIMIT")
    assert sent["stopLossOnFill"]["distance"] == "0.500"
    assert sent["takeProfitOnFill"]["price"] == "149.750"
    assert sent["gtdTime"].endswith(".123456789Z")


@pytest.mark.parametrize("units", [math.nan, math.inf])
def test_what_is_no_number_never_leaves(oanda: Bench, units: float) -> None:
    with pytest.raises(InvalidError, match="expected a finite number"):
        oanda.broker.place(order("a", units))
    assert oanda.server.paths("POST") == []


# An order without an answer is looked up before anything is sent again.


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER, FaultKind.SERVER_ERROR])
def test_an_order_without_an_answer_is_looked_up_before_anything_is_sent_again(
    hasty: V20Bench, tmp_path: Path, kind: FaultKind
) -> None:
    desk = open_gateway(hasty, tmp_path)
    strike(hasty, kind, done=True)
    assert desk.execute(approved("EUR_USD", 1_000.0)).sent == 1
    assert len(desk.events(OrderUnknown)) == 1
    answer = desk.execute(approved("EUR_USD", 1_000.0), sequence=1)
    assert answer.sent == 0
    assert "is unknown; it is being looked up" in answer.unsent[0][1]
    assert desk.gateway.dispatch.resolve(desk.gateway.now) == 0
    desk.gateway.catch_up()
    assert desk.state.ledger.units[EUR] == hasty.broker.account().units[EUR] == 1_000.0
    assert len(record(hasty, "MARKET_ORDER")) == 1
    assert desk.gateway.compare() == ""
    desk.gateway.books.close()
    desk.stream.close()
