"""What a request to OANDA ends in, whatever answers."""

from __future__ import annotations

import contextlib
import logging
import pickle
import random
import socket
import traceback
from collections.abc import Callable, Iterator

import pytest
from oandapyV20.endpoints import accounts, orders, pricing

from infra.brokers.oanda.circuit import FAILURES, Circuit
from infra.brokers.oanda.connection import ATTEMPTS, OandaConnection
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.paths import by_client_id
from market.errors import (
    ConfigError,
    FatalError,
    InvalidError,
    OutcomeUnknown,
    QuorumError,
    StreamLost,
    TransientError,
)
from tests.oanda import ACCOUNT, PREFIX, TOKEN, Slept, connected
from tests.scripted_http import Reply, ScriptedServer, lines, scripted

HTML = b"<html><body>502 Bad Gateway</body></html>"
NOT_UTF8 = b"\xff\xfe\x00 no text"
SOON = (5.0, 0.2)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted(PREFIX) as made:
        yield made


def question() -> accounts.AccountSummary:
    return accounts.AccountSummary(ACCOUNT)


def trade() -> orders.OrderCreate:
    return orders.OrderCreate(ACCOUNT, {"order": {"units": "1"}})


def outcome(connection: OandaConnection, *, trades: bool) -> QuorumError:
    with contextlib.closing(connection), pytest.raises(QuorumError) as caught:
        connection.ask(trade() if trades else question(), trades=trades)
    return caught.value


UNCERTAIN = {
    "html with 200": Reply(status=200, body=HTML),
    "html with 502": Reply(status=502, body=HTML),
    "no text with 500": Reply(status=500, body=NOT_UTF8),
    "no text with 201": Reply(status=201, body=NOT_UTF8),
    "json with 503": Reply(status=503, body={"errorMessage": "maintenance"}),
    "a request time-out": Reply(status=408, body={"errorMessage": "too slow"}),
    "a list": Reply(status=201, body=[1]),
    "nothing": Reply(status=201, body=b""),
    "a page of something between": Reply(status=404, body=HTML),
    "cut": Reply(cut=True),
    "cut within its answer": Reply(status=201, body={"a": 1}, short=True),
    "a redirect": Reply(status=302, headers={"Location": "/v3/elsewhere"}),
    "a redirect that holds json": Reply(status=307, headers={"Location": "/"}, body={"a": 1}),
}


@pytest.mark.parametrize("reply", UNCERTAIN.values(), ids=UNCERTAIN)
def test_a_trade_without_a_proper_answer_is_unknown_and_sent_once(
    server: ScriptedServer, reply: Reply
) -> None:
    server.on("POST /orders", reply)
    assert type(outcome(connected(server), trades=True)) is OutcomeUnknown
    assert server.paths() == ["POST /orders"]


@pytest.mark.parametrize("reply", UNCERTAIN.values(), ids=UNCERTAIN)
def test_a_question_without_a_proper_answer_is_asked_again_and_fails_for_now(
    server: ScriptedServer, reply: Reply
) -> None:
    server.on("GET /summary", reply)
    assert type(outcome(connected(server), trades=False)) is TransientError
    assert server.paths() == ["GET /summary"] * ATTEMPTS


def test_a_200_instead_of_a_201_is_unknown_though_it_tells_of_the_order(
    server: ScriptedServer,
) -> None:
    server.on("POST /orders", Reply(status=200, body={"orderCreateTransaction": {"id": "7"}}))
    error = outcome(connected(server), trades=True)
    assert type(error) is OutcomeUnknown
    assert "200" in str(error)


def test_a_redirected_post_is_not_followed_as_a_get(server: ScriptedServer) -> None:
    server.on("POST /orders", Reply(status=301, headers={"Location": f"{PREFIX}/summary"}))
    server.on("GET /summary", Reply(body={"account": {"id": ACCOUNT}}))
    assert type(outcome(connected(server), trades=True)) is OutcomeUnknown
    assert server.paths() == ["POST /orders"]


@pytest.mark.parametrize("trades", [True, False])
def test_what_was_never_sent_had_no_effect(trades: bool) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        error = outcome(connected(url), trades=trades)
    assert type(error) is TransientError
    assert "not sent" in str(error)
    assert "refused" in str(error)


@pytest.mark.parametrize(("trades", "kind"), [(True, OutcomeUnknown), (False, TransientError)])
def test_silence_ends_with_the_read_time_out(
    server: ScriptedServer, trades: bool, kind: type[QuorumError]
) -> None:
    server.next(*[Reply(silent=True)] * ATTEMPTS)
    error = outcome(connected(server, timeout=SOON), trades=trades)
    assert type(error) is kind
    assert "within 0.2 s" in str(error)


def test_the_clock_is_compared_when_an_answer_begins_and_not_when_its_body_has_come(
    server: ScriptedServer,
) -> None:
    server.on("GET /summary", Reply(body={"a": "b" * 40}, trickle_s=0.025))
    with contextlib.closing(connected(server)) as connection:
        connection.ask(question())
    bounds = connection.clock_offset.bounds_ns
    assert bounds is not None
    assert bounds[0] <= 0 <= bounds[1], "both clocks are this machine's"


def test_an_answer_that_trickles_ends_with_the_read_time_out(server: ScriptedServer) -> None:
    server.on("POST /orders", Reply(status=201, body={"a": "b" * 2_000}, trickle_s=0.05))
    error = outcome(connected(server, timeout=SOON), trades=True)
    assert type(error) is OutcomeUnknown
    assert "within 0.2 s" in str(error)


@pytest.mark.parametrize("trades", [True, False])
def test_too_many_requests_means_that_nothing_was_done(
    server: ScriptedServer, trades: bool
) -> None:
    server.next(*[Reply(status=429, body={"errorMessage": "slow down"})] * ATTEMPTS)
    assert type(outcome(connected(server), trades=trades)) is TransientError
    assert len(server.asked) == (1 if trades else ATTEMPTS)


def test_a_refused_order_is_invalid_with_the_brokers_code_and_words(
    server: ScriptedServer,
) -> None:
    reject = {"id": "9", "type": "MARKET_ORDER_REJECT", "rejectReason": "INSUFFICIENT_MARGIN"}
    body = {"orderRejectTransaction": reject, "errorMessage": "rejected by rule"}
    server.on("POST /orders", Reply(status=400, body=body))
    error = outcome(connected(server), trades=True)
    assert isinstance(error, Refused)
    assert (error.code, error.status) == ("INSUFFICIENT_MARGIN", 400)
    for part in ("INSUFFICIENT_MARGIN", "not enough free margin", "rejected by rule"):
        assert part in str(error)
    assert error.body["orderRejectTransaction"] == reject
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.code, copied.body) == (str(error), error.code, error.body)


@pytest.mark.parametrize("status", [400, 404, 405, 416])
def test_a_refused_question_is_invalid_and_not_asked_again(
    server: ScriptedServer, status: int
) -> None:
    server.on("GET /summary", Reply(status=status, body={"errorCode": "NO_SUCH_THING"}))
    error = outcome(connected(server), trades=False)
    assert isinstance(error, InvalidError)
    assert "NO_SUCH_THING" in str(error)
    assert len(server.asked) == 1


@pytest.mark.parametrize(("status", "mend"), [(401, "make a new one"), (403, "practice and live")])
def test_a_token_that_is_not_accepted_says_what_to_mend(
    server: ScriptedServer, status: int, mend: str
) -> None:
    server.on("POST /orders", Reply(status=status, body={"errorMessage": "Insufficient rights"}))
    error = outcome(connected(server), trades=True)
    assert isinstance(error, InvalidError)
    assert mend in str(error)


class Rotated:
    """Gives another token once the first was refused."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def token(self) -> str:
        return self.tokens[0]

    def stale(self) -> None:
        if len(self.tokens) > 1:
            del self.tokens[0]


@pytest.mark.parametrize("trades", [True, False])
def test_a_refused_token_is_read_again_once(server: ScriptedServer, trades: bool) -> None:
    good = Reply(status=201 if trades else 200, body={"lastTransactionID": "4"})
    server.next(Reply(status=401), good)
    with contextlib.closing(connected(server, tokens=Rotated("old", "new"))) as connection:
        endpoint = trade() if trades else question()
        assert connection.ask(endpoint, trades=trades) == {"lastTransactionID": "4"}
    assert [one.headers["Authorization"] for one in server.asked] == ["Bearer old", "Bearer new"]


def test_a_token_that_stays_the_same_is_not_tried_again(server: ScriptedServer) -> None:
    server.next(Reply(status=401, body={"errorMessage": "no"}))
    outcome(connected(server, tokens=Rotated("old")), trades=True)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=400, body={"errorMessage": f"bad header Bearer {TOKEN}", "errorCode": TOKEN}),
        Reply(status=502, body={"errorMessage": TOKEN}),
        Reply(status=302, headers={"Location": f"http://127.0.0.1/?{TOKEN}"}),
        Reply(status=401, body={"errorMessage": TOKEN}),
        Reply(status=403, body={"errorMessage": "x", "echo": TOKEN}),
        Reply(cut=True),
        Reply(status=200, body=TOKEN.encode()),
    ],
    ids=["400", "502", "302", "401", "403", "cut", "200"],
)
@pytest.mark.parametrize("trades", [True, False])
def test_no_error_holds_the_token(server: ScriptedServer, reply: Reply, trades: bool) -> None:
    server.next(*[reply] * ATTEMPTS)
    error = outcome(connected(server), trades=trades)
    assert error.__cause__ is None
    assert error.__context__ is None
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    assert TOKEN not in told
    assert TOKEN.encode() not in pickle.dumps(error)


def test_the_clients_log_reaches_nobody(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.on("POST /orders", Reply(status=400, body={"errorMessage": "a body"}))
    with caplog.at_level(logging.DEBUG):
        outcome(connected(server), trades=True)
    assert TOKEN not in caplog.text
    assert "a body" not in caplog.text


def test_the_token_is_not_among_what_a_connection_shows(server: ScriptedServer) -> None:
    with contextlib.closing(connected(server)) as connection:
        assert TOKEN not in repr(connection)
        assert TOKEN not in repr(vars(connection))


def test_questions_wait_longer_each_time_and_for_as_long_as_they_are_told(
    server: ScriptedServer,
) -> None:
    slept = Slept()
    server.next(
        Reply(status=503),
        Reply(status=429, body={}, headers={"Retry-After": "1"}),
        Reply(body={"lastTransactionID": "4"}),
    )
    with contextlib.closing(connected(server, slept=slept, rng=random.Random(1))) as connection:
        connection.ask(question())
    first, second = slept.pauses
    assert 0.0 <= first <= 0.1
    assert second == 1.0


def test_a_question_is_not_asked_again_after_the_time_for_an_answer(
    server: ScriptedServer,
) -> None:
    server.next(Reply(status=429, body={}, headers={"Retry-After": "60"}))
    slept = Slept()
    outcome(connected(server, slept=slept), trades=False)
    assert len(server.asked) == 1
    assert slept.pauses == []


def test_an_open_circuit_sends_nothing_and_one_request_probes(server: ScriptedServer) -> None:
    slept = Slept()
    circuit = Circuit(elapsed=slept.elapsed)
    connection = connected(server, slept=slept, circuit=circuit)
    server.next(*[Reply(status=503)] * (FAILURES + 1), Reply(status=201, body={"a": "b"}))
    for _ in range(FAILURES):
        with pytest.raises(OutcomeUnknown):
            connection.ask(trade(), trades=True)
    with pytest.raises(TransientError, match="left alone"):
        connection.ask(trade(), trades=True)
    assert len(server.asked) == FAILURES
    slept.sleep(1.0)
    with pytest.raises(OutcomeUnknown):
        connection.ask(trade(), trades=True)
    slept.sleep(1.0)
    with pytest.raises(TransientError, match="left alone for"):
        connection.ask(trade(), trades=True)
    slept.sleep(1.0)
    assert connection.ask(trade(), trades=True) == {"a": "b"}
    connection.close()


def left_alone(server: ScriptedServer) -> OandaConnection:
    """A connection whose circuit has opened, and whose time does not pass."""
    slept = Slept()
    connection = connected(server, slept=slept, circuit=Circuit(elapsed=slept.elapsed))
    server.on("POST /orders", Reply(status=503))
    for _ in range(FAILURES):
        with pytest.raises(OutcomeUnknown):
            connection.ask(trade(), trades=True)
    with pytest.raises(TransientError, match="left alone"):
        connection.ask(trade(), trades=True)
    return connection


def listen(connection: OandaConnection, opened: Callable[[], None] | None = None) -> None:
    """Open a stream of prices and hear it to its end."""
    endpoint = pricing.PricingStream(ACCOUNT, params={"instruments": "EUR_USD"})
    with pytest.raises(StreamLost):
        list(connection.new_stream(endpoint, 5.0, opened=opened))


def test_a_stream_that_is_answered_closes_the_circuit(server: ScriptedServer) -> None:
    with contextlib.closing(left_alone(server)) as connection:
        server.on("GET /pricing/stream", Reply(chunks=lines({"type": "HEARTBEAT"})))
        server.on("POST /orders", Reply(status=201, body={"a": "b"}))
        answers: list[object] = []
        listen(connection, lambda: answers.append(connection.ask(trade(), trades=True)))
        assert answers == [{"a": "b"}]


def test_a_stream_that_is_refused_closes_no_circuit(server: ScriptedServer) -> None:
    with contextlib.closing(left_alone(server)) as connection:
        server.on("GET /pricing/stream", Reply(status=503, body={}))
        listen(connection)
        with pytest.raises(TransientError, match="left alone"):
            connection.ask(trade(), trades=True)


def test_a_circuit_that_a_stream_closed_is_opened_by_the_next_failure(
    server: ScriptedServer,
) -> None:
    with contextlib.closing(left_alone(server)) as connection:
        server.on("GET /pricing/stream", Reply(chunks=lines({"type": "HEARTBEAT"})))
        listen(connection)
        with pytest.raises(OutcomeUnknown):
            connection.ask(trade(), trades=True)
        with pytest.raises(TransientError, match="left alone"):
            connection.ask(trade(), trades=True)


def test_refusals_do_not_open_the_circuit(server: ScriptedServer) -> None:
    server.on("POST /orders", Reply(status=400, body={"errorCode": "X"}))
    with contextlib.closing(connected(server)) as connection:
        for _ in range(2 * FAILURES):
            with pytest.raises(Refused):
                connection.ask(trade(), trades=True)


def test_one_line_is_kept_for_many_requests(server: ScriptedServer) -> None:
    server.on("GET /summary", Reply(body={"lastTransactionID": "4"}))
    with contextlib.closing(connected(server)) as connection:
        for _ in range(5):
            connection.ask(question())
    assert server.connections == 1


def test_an_answer_about_another_account_stops_everything(server: ScriptedServer) -> None:
    other = {"account": {"id": "001-001-7654321-001"}}
    server.on("GET /summary", Reply(body=other))
    assert type(outcome(connected(server), trades=False)) is FatalError


def test_ids_are_quoted_in_paths(server: ScriptedServer) -> None:
    server.on("GET /orders/@a%2Fb%20c%3Fd%23e%25", Reply(body={"order": {"id": "4"}}))
    endpoint = orders.OrderDetails(ACCOUNT, by_client_id("a/b c?d#e%"))
    with contextlib.closing(connected(server)) as connection:
        assert connection.ask(endpoint) == {"order": {"id": "4"}}


def test_the_brokers_clock_is_known_from_its_answers(server: ScriptedServer) -> None:
    ahead = "Wed, 01 Jan 2031 00:00:03 GMT"
    wall = 1_924_992_000_000_000_000  # 2031-01-01 00:00:00
    server.on("GET /summary", Reply(body={}, headers={"Date": ahead}))
    connection = connected(server, wall=lambda: wall)
    assert connection.offset_ns is None
    with contextlib.closing(connection):
        connection.ask(question())
    assert connection.offset_ns == pytest.approx(3.5e9, abs=0.2e9)


def test_a_stream_tells_its_messages_and_how_it_ended(server: ScriptedServer) -> None:
    messages = lines({"type": "PRICE", "instrument": "EUR_USD"}, {"type": "HEARTBEAT"})
    server.on("GET /pricing/stream", Reply(chunks=messages))
    stream = connected(server).new_stream(
        pricing.PricingStream(ACCOUNT, params={"instruments": "EUR_USD"}), 5.0
    )
    assert [next(stream)["type"], next(stream)["type"]] == ["PRICE", "HEARTBEAT"]
    with pytest.raises(StreamLost, match="closed by the other side"):
        next(stream)
    assert server.asked[0].query == {"instruments": "EUR_USD"}
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


ENDS = {
    "silence": Reply(chunks=lines({"type": "HEARTBEAT"}), silent=True),
    "html": Reply(chunks=(b"<html>\n",)),
    "a number": Reply(chunks=(b"7\n",)),
    "a refusal": Reply(status=401, body={"errorMessage": TOKEN}),
    "no text": Reply(status=503, body=NOT_UTF8),
    "cut": Reply(cut=True),
    "a redirect": Reply(status=302, headers={"Location": "/"}, body=b"{}"),
}


@pytest.mark.parametrize("reply", ENDS.values(), ids=ENDS)
def test_every_end_of_a_stream_is_lost_without_the_token(
    server: ScriptedServer, reply: Reply
) -> None:
    server.on("GET /pricing/stream", reply)
    stream = connected(server).new_stream(
        pricing.PricingStream(ACCOUNT, params={"instruments": "EUR_USD"}), 0.2
    )
    with pytest.raises(StreamLost) as caught:
        list(stream)
    assert caught.value.__context__ is None
    assert TOKEN not in str(caught.value)


def test_plain_http_leaves_this_machine_for_nobody() -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        environment("local", "http://example.com")
    with pytest.raises(ConfigError, match="OANDA's own"):
        environment("live", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="did you mean 'practice'"):
        environment("practise")
    with pytest.raises(ConfigError, match="account id such as"):
        OandaConnection(environment=environment("practice"), account="../x", tokens=Rotated("a"))
