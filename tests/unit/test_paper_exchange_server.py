"""The paper exchange among clients that are slow, stuck, gone, strangers or plagued by faults."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from infra.brokers.paper.live.client import PaperExchangeClient
from infra.brokers.paper.live.dialing import dial
from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.faults import Fault, FaultPlan, Faults
from infra.brokers.paper.live.messages import REQUESTS, STREAM, Ask, Taken
from infra.brokers.paper.live.records import Kept, Terms, encode
from infra.brokers.paper.live.running import ExchangeShell, open_exchange
from infra.brokers.paper.live.server import ExchangeServer
from infra.brokers.paper.live.store import Changes, ExchangeStore
from infra.brokers.paper.live.stream import ExchangeStream
from infra.brokers.paper.live.subscription import HEARTBEAT_S, WINDOW, Subscription
from infra.deadlines import DeadlineLine, readable
from infra.frames import frame
from infra.transport import Switchboard
from market.accounts import AccountState, OrderState
from market.errors import FatalError, InvalidError, OutcomeUnknown, StreamLost, TransientError
from tests.exchanges import (
    KEY,
    SECOND,
    START,
    TERMS,
    WITHIN_S,
    HandPrices,
    LocalBench,
    ServedBench,
    heard,
    limit,
    order,
    quote,
    served,
)

SHORT_S = 1.0
UNANSWERED = [Fault.SILENT_BEFORE, Fault.SILENT_AFTER, Fault.DROP_BEFORE, Fault.DROP_AFTER]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedBench]:
    with served(tmp_path) as made:
        yield made


@pytest.mark.parametrize("fault", UNANSWERED)
def test_without_an_answer_the_outcome_is_unknown_and_can_be_looked_up(
    tmp_path: Path, fault: Fault
) -> None:
    with served(tmp_path, faults=FaultPlan(script=(fault,)), timeout_s=SHORT_S) as bench:
        with pytest.raises(OutcomeUnknown, match="looked up"):
            bench.broker.place(order("a", 1.0))
        was_done = fault in (Fault.SILENT_AFTER, Fault.DROP_AFTER)
        assert (bench.broker.find("a") is not None) is was_done
        assert bench.broker.place(order("a", 1.0)).state is OrderState.ACCEPTED
        assert len(bench.broker.working()) == 1


@pytest.mark.parametrize("fault", UNANSWERED)
def test_a_replacement_without_an_answer_is_looked_up_and_may_be_repeated(
    tmp_path: Path, fault: Fault
) -> None:
    plan = FaultPlan(script=(fault,), verbs=("replace",))
    with served(tmp_path, faults=plan, timeout_s=SHORT_S) as bench:
        bench.broker.place(order("a", 1.0, entry=limit(1.0)))
        with pytest.raises(OutcomeUnknown, match="looked up"):
            bench.broker.replace("a", order("b", 2.0, entry=limit(1.0)))
        was_done = fault in (Fault.SILENT_AFTER, Fault.DROP_AFTER)
        assert (bench.broker.find("b") is not None) is was_done
        placed = bench.broker.replace("a", order("b", 2.0, entry=limit(1.0)))
        assert (placed.client_order_id, placed.state) == ("b", OrderState.ACCEPTED)
        assert bench.broker.working() == (placed,)


def test_a_late_answer_is_never_taken_for_another(tmp_path: Path) -> None:
    plan = FaultPlan(script=(Fault.DELAY,), delay_s=2 * SHORT_S)
    with served(tmp_path, faults=plan, timeout_s=SHORT_S) as bench:
        with pytest.raises(OutcomeUnknown):
            bench.broker.place(order("a", 1.0))
        answer = bench.broker.place(order("b", 2.0))
        assert (answer.client_order_id, answer.units) == ("b", 2.0)


def test_a_delayed_answer_comes(tmp_path: Path) -> None:
    plan = FaultPlan(script=(Fault.DELAY,), delay_s=0.01)
    with served(tmp_path, faults=plan) as bench:
        assert bench.broker.place(order("a", 1.0)).state is OrderState.ACCEPTED


def test_orders_that_are_posted_are_answered_when_they_are_asked_for(bench: ServedBench) -> None:
    under_way = bench.broker.post_all((order("a", 1.0), order("b", 0.5)))
    assert readable([under_way], time.monotonic() + WITHIN_S)
    assert under_way.ready
    answers = under_way.answers()
    assert [one.state for one in answers] == [OrderState.ACCEPTED, OrderState.REJECTED]
    assert under_way.answers() == answers


def test_what_is_asked_after_orders_were_posted_is_answered_after_them(tmp_path: Path) -> None:
    plan = FaultPlan(script=(Fault.DELAY,), delay_s=0.01)
    with served(tmp_path, faults=plan) as bench:
        first = bench.broker.post_all((order("a", 1.0),))
        second = bench.broker.post_all((order("b", 2.0),))
        assert [one.client_order_id for one in bench.broker.working()] == ["a", "b"]
        assert first.ready
        assert second.ready
        assert [one.answers()[0].client_order_id for one in (first, second)] == ["a", "b"]


@pytest.mark.parametrize("fault", UNANSWERED)
def test_posted_orders_without_an_answer_are_unknown_once_their_time_is_over(
    tmp_path: Path, fault: Fault
) -> None:
    with served(tmp_path, faults=FaultPlan(script=(fault,)), timeout_s=SHORT_S) as bench:
        under_way = bench.broker.post_all((order("a", 1.0),))
        was_done = fault in (Fault.SILENT_AFTER, Fault.DROP_AFTER)
        assert (bench.broker.find("a") is not None) is was_done, "asked next, it is answered next"
        assert under_way.ready
        with pytest.raises(OutcomeUnknown, match="looked up"):
            under_way.answers()
        assert bench.broker.place(order("b", 1.0)).client_order_id == "b"


def test_posted_orders_are_not_sent_where_there_is_no_exchange(tmp_path: Path) -> None:
    under_way = PaperExchangeClient(str(tmp_path / "nothing"), KEY).post_all((order("a", 1.0),))
    assert under_way.ready
    with pytest.raises(TransientError, match="cannot be reached"):
        under_way.answers()


def test_a_line_that_is_let_go_of_leaves_posted_orders_unknown(bench: ServedBench) -> None:
    under_way = bench.broker.post_all((order("a", 1.0),))
    bench.broker.hang_up()
    with pytest.raises(OutcomeUnknown, match="let go of"):
        under_way.answers()
    assert bench.broker.place(order("b", 1.0)).client_order_id == "b"


def test_a_refusal_on_demand_is_recorded_as_any_other(bench: ServedBench) -> None:
    bench.market("EUR_USD", 1.1)
    bench.broker.place(order("held", 1.0))
    bench.market("EUR_USD", 1.1)
    bench.broker.inject(FaultPlan(script=(Fault.REJECT,) * 3))
    with pytest.raises(InvalidError, match="REFUSED_ON_DEMAND"):
        bench.broker.place(order("a", 1.0))
    with pytest.raises(InvalidError, match="REFUSED_ON_DEMAND"):
        bench.broker.cancel("held")
    with pytest.raises(InvalidError, match="REFUSED_ON_DEMAND"):
        bench.broker.close("EUR_USD", "c")
    bench.broker.place(order("rests", 1.0, entry=limit(1.0)))
    bench.broker.inject(FaultPlan(script=(Fault.REJECT,)))
    with pytest.raises(InvalidError, match="REFUSED_ON_DEMAND"):
        bench.broker.replace("rests", order("b", 1.0, entry=limit(1.0)))
    assert [one.client_order_id for one in bench.broker.working()] == ["rests"]
    found = bench.broker.find("a")
    assert found is not None
    assert found.state is OrderState.REJECTED


def test_faults_are_the_same_for_the_same_seed_and_strike_as_often_as_asked() -> None:
    plan = FaultPlan(rates=((Fault.DELAY, 0.2), (Fault.REJECT, 0.3)), seed=5)
    faults, again = Faults(plan), Faults(plan)
    struck = [faults.strike("place_all") for _ in range(2_000)]
    assert struck == [again.strike("place_all") for _ in range(2_000)]
    assert 0.15 < struck.count(Fault.DELAY) / 2_000 < 0.25
    assert 0.25 < struck.count(Fault.REJECT) / 2_000 < 0.35
    assert Faults(plan).strike("account") is Fault.NONE
    with pytest.raises(InvalidError, match="at most 1"):
        FaultPlan(rates=((Fault.DELAY, 0.7), (Fault.REJECT, 0.7)))


def test_a_question_that_changes_nothing_may_simply_be_asked_again(tmp_path: Path) -> None:
    plan = FaultPlan(script=(Fault.SILENT_AFTER,), verbs=("account",))
    with served(tmp_path, faults=plan, timeout_s=SHORT_S) as bench:
        with pytest.raises(TransientError):
            bench.broker.account()
        assert bench.broker.account().last_transaction == 1


def test_what_was_never_sent_had_no_effect(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        bench.broker.account()
        bench.stop()
        with pytest.raises(TransientError):
            bench.broker.place(order("a", 1.0))
    with pytest.raises(TransientError, match="is it running"):
        PaperExchangeClient(str(tmp_path / "nothing"), KEY).account()


def test_a_client_finds_an_exchange_again_that_was_restarted(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        bench.market("EUR_USD", 1.1)
        bench.broker.place(order("a", 1.0))
        bench.stop()
        server = open_exchange(
            TERMS,
            store=tmp_path / "exchange.sqlite",
            open_source=lambda after: HandPrices(after or START),
            at=(bench.address,),
            key=KEY,
        )
        bench.server, bench.thread = server, threading.Thread(target=server.run)
        bench.thread.start()
        assert [waits.client_order_id for waits in bench.broker.working()] == ["a"]
        bench.stop()


def test_what_a_client_sent_before_it_hung_up_is_not_done_behind_its_back(
    bench: ServedBench,
) -> None:
    """As after a time-out: the client has looked the order up by then, and was told of none."""
    line = dial(bench.address, KEY, REQUESTS, WITHIN_S)
    with bench.prices.held_up():
        line.post(Ask(number=1, verb="place_all", payload=encode((order("a", 1.0),))))
        line.close()
    assert bench.broker.find("a") is None
    bench.broker.account()
    assert bench.broker.working() == ()


def test_strangers_the_wrong_key_and_other_versions_are_hung_up_on(bench: ServedBench) -> None:
    with pytest.raises(InvalidError, match="another key"):
        PaperExchangeClient(bench.address, b"some other key", timeout_s=WITHIN_S).account()
    for purpose, message in ((STREAM, "hello"), (REQUESTS, None)):
        line = dial(bench.address, KEY, purpose, WITHIN_S)
        if message is None:
            garbage = b"not a pickle"
            line.post_frame(struct.pack("!i", len(garbage)) + garbage)
        else:
            line.post(message)
        assert_hung_up(line)
    assert_hung_up(dial(bench.address, KEY, "neither", WITHIN_S))
    assert bench.broker.account().last_transaction == 1


def test_a_request_that_nobody_knows_is_refused(bench: ServedBench) -> None:
    for verb, payload in (("bribe", None), ("place_all", b"\xc1"), ("history", 7)):
        with pytest.raises(InvalidError, match=verb):
            bench.broker._ask(verb, payload)


def test_who_never_reads_and_who_never_speaks_keep_nobody_waiting(bench: ServedBench) -> None:
    greedy = dial(bench.address, KEY, REQUESTS, WITHIN_S)
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(str(bench.address))
    for step in range(300):
        bench.broker.place_all([order(f"o{step}-{k}", 1.0) for k in range(10)])
    with contextlib.suppress(StreamLost):
        for number in range(400):
            greedy.post(Ask(number=number, verb="transactions", payload=0))
    assert bench.broker.account().last_transaction == 3_001
    assert len(bench.broker.transactions(0)) == 3_001
    silent.close()
    greedy.close()


def test_a_stuck_reader_costs_one_quote_an_instrument(bench: ServedBench) -> None:
    stuck = bench.broker.subscribe(0)
    fast = bench.broker.subscribe(0)
    for step in range(50):
        bench.market("EUR_USD", 1.1 + step * 1e-4)
        bench.market("GBP_USD", 1.5 + step * 1e-4)
    bench.broker.place(order("a", 1.0))
    assert heard(fast, 2).quotes[-1].mid == pytest.approx(1.5 + 49e-4)
    came = heard(stuck, 2)
    assert len(came.quotes) + came.skipped == 100
    assert len(came.quotes) <= 2 * (WINDOW + 1)
    assert came.quotes[-1].mid == pytest.approx(1.5 + 49e-4)
    for stream in (stuck, fast):
        stream.close()


def test_a_dropped_stream_is_taken_up_again_where_it_ended(bench: ServedBench) -> None:
    stream = bench.broker.subscribe(0)
    bench.broker.place(order("a", 1.0))
    assert [t.id for t in heard(stream, 2).transactions] == [1, 2]
    bench.broker.drop_streams()
    bench.broker.place(order("b", 1.0))
    assert_hung_up(stream)
    again = bench.broker.subscribe(2)
    assert [t.id for t in heard(again, 3).transactions] == [3]
    again.close()


def test_a_stream_that_begins_long_ago_brings_everything_before_the_newest_prices(
    bench: ServedBench,
) -> None:
    for step in range(13):
        bench.broker.place_all([order(f"o{step}-{k}", 1.0) for k in range(100)])
    stream = bench.broker.subscribe(0)
    bench.market("EUR_USD", 1.1)
    came = heard(stream, 2_601)
    assert [t.id for t in came.transactions] == list(range(1, 2_602))
    stream.close()


def test_a_heartbeat_tells_the_exchanges_clock_once_a_second(tmp_path: Path) -> None:
    local = LocalBench(tmp_path)
    here, there = socket.socketpair()
    with contextlib.closing(there):
        subscription = Subscription(DeadlineLine("reader", _connection(here)), 1)
        local.exchange.take((), START + 5 * SECOND)
        beats = []
        for now_s in (100.0, 100.5, 101.0, 101.9, 102.1):
            subscription.turn(local.exchange, now_s)
            beats.append(len(_frames(there)))
            if beats[-1]:
                there.sendall(_frame_of_taken())
        assert HEARTBEAT_S == 1.0
        assert beats == [1, 0, 1, 0, 1]
        subscription.close()
    local.close()


def test_an_exchange_as_an_actor_goes_on_where_the_one_before_it_stopped(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="quorum-") as sockets:
        at = str(Path(sockets) / "x")
        for expected in (1, 2):
            shell = ExchangeShell("exchange", lambda: _opened(tmp_path, at))
            client = PaperExchangeClient(at, KEY, timeout_s=WITHIN_S)
            assert client.account().last_transaction == expected
            client.place(order(f"o{expected}", 1.0))
            status = shell.status()
            assert (status["serving"], status["failure"]) == (True, "")
            assert status["last_transaction"] == expected + 1
            assert shell.addresses() == (at,)
            assert shell.stop()
            assert not shell.status()["serving"]
            client.hang_up()
            assert not Path(at).exists()


def test_an_exchange_whose_store_cannot_be_written_goes_on_once_it_can(tmp_path: Path) -> None:
    class FullDisk(HandPrices):
        def quotes(self, until: int) -> Any:
            raise FatalError(f"the store cannot be written at {until}: the disk is full")

    with tempfile.TemporaryDirectory(prefix="quorum-") as sockets:
        at = str(Path(sockets) / "x")
        disks = iter((FullDisk(), FullDisk(), None))
        opened = threading.Semaphore(0)

        def build() -> ExchangeServer:
            opened.release()
            return _opened(tmp_path, at, next(disks))

        shell = ExchangeShell("exchange", build)
        for _ in range(2):
            assert opened.acquire(timeout=WITHIN_S)
        assert "the disk is full" in shell.status()["failure"]
        assert opened.acquire(timeout=WITHIN_S), "it is tried again"
        client = PaperExchangeClient(at, KEY, timeout_s=WITHIN_S)
        assert until_answered(client).last_transaction == 1
        assert (shell.status()["serving"], shell.status()["failure"]) == (True, "")
        client.hang_up()
        assert shell.stop()


def until_answered(client: PaperExchangeClient) -> AccountState:
    """The account, of an exchange that may still be opening its door."""
    until = time.monotonic() + WITHIN_S
    while True:
        try:
            return client.account()
        except TransientError:
            assert time.monotonic() < until


def test_an_exchange_that_cannot_go_on_says_why(tmp_path: Path) -> None:
    class Broken(HandPrices):
        def quotes(self, until: int) -> Any:
            raise InvalidError(f"the tape broke at {until}")

    with tempfile.TemporaryDirectory(prefix="quorum-") as sockets:
        shell = ExchangeShell(
            "exchange", lambda: _opened(tmp_path, str(Path(sockets) / "x"), Broken())
        )
        shell._serving.join(WITHIN_S)
        assert "the tape broke" in shell.status()["failure"]
        assert not shell.status()["serving"]
    ExchangeShell("again", lambda: _opened(tmp_path, ("127.0.0.1", 0))).stop()


@pytest.mark.parametrize(
    ("at", "why"), [("/tmp/" + "x" * 120, "107 bytes"), (("0.0.0.0", 0), "this machine only")]
)
def test_an_address_that_cannot_or_must_not_be_used_is_refused(
    tmp_path: Path, at: Any, why: str
) -> None:
    with pytest.raises(InvalidError, match=why):
        _opened(tmp_path, at)


def _opened(folder: Path, at: Any, prices: HandPrices | None = None) -> Any:
    return open_exchange(
        TERMS,
        store=folder / "exchange.sqlite",
        open_source=lambda after: prices or HandPrices(after or START),
        at=(at,),
        key=KEY,
    )


def assert_hung_up(line: DeadlineLine | ExchangeStream) -> None:
    with pytest.raises(StreamLost):
        taken_to_the_end(line)
    line.close()


def taken_to_the_end(line: DeadlineLine | ExchangeStream) -> None:
    while readable([line], time.monotonic() + WITHIN_S):
        line.take()


def _connection(end: socket.socket) -> Any:
    return Connection(end.detach())


def _frames(end: socket.socket) -> list[object]:
    found: list[object] = []
    while True:
        try:
            head = end.recv(4, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return found
        (size,) = struct.unpack("!i", head)
        found.append(pickle.loads(end.recv(size)))


def _frame_of_taken() -> bytes:
    return frame(Taken(updates=1))


def test_nothing_is_answered_that_could_not_be_made_durable(tmp_path: Path) -> None:
    store = FullStore(tmp_path / "exchange.sqlite")
    exchange = PaperExchange(TERMS, store, time=START)
    with tempfile.TemporaryDirectory(prefix="quorum-") as sockets:
        at = str(Path(sockets) / "x")
        server = ExchangeServer(exchange, HandPrices(), [Switchboard(KEY, at=at)])
        why: list[str] = []
        thread = threading.Thread(target=lambda: why.append(stopped_by(server)), daemon=True)
        thread.start()
        client = PaperExchangeClient(at, KEY, timeout_s=WITHIN_S)
        assert client.place(order("kept", 1.0)).state is OrderState.ACCEPTED
        store.fill_up()
        with pytest.raises(OutcomeUnknown):
            client.place_all([order(f"lost-{n}", 1.0) for n in range(100)])
        thread.join(WITHIN_S)
        assert not thread.is_alive()
        client.hang_up()
    assert why[0].startswith(str(store.path))
    again = LocalBench(tmp_path)
    assert [one.client_order_id for one in again.exchange.working()] == ["kept"]
    assert again.exchange.find("lost-0") is None
    again.close()


def test_nobody_is_told_of_a_fill_before_it_is_durable(tmp_path: Path) -> None:
    store = WatchedStore(tmp_path / "exchange.sqlite")
    prices = HandPrices()
    exchange = PaperExchange(TERMS, store, time=START)
    with tempfile.TemporaryDirectory(prefix="quorum-") as sockets:
        at = str(Path(sockets) / "x")
        server = ExchangeServer(exchange, prices, [Switchboard(KEY, at=at)])
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        client = PaperExchangeClient(at, KEY, timeout_s=WITHIN_S)
        with contextlib.closing(client.subscribe(0)) as stream:
            for n in range(1, 6):
                client.place(order(f"told-{n}", 1.0))
                prices.put(quote("EUR_USD", START + 2 * n * SECOND, 1.1))
                told = heard(stream, 4 * n - 1).transactions
                assert store.durable >= told[-1].id
                client.place(order(f"asked-{n}", 1.0, "GBP_USD"))
                prices.put(quote("GBP_USD", START + (2 * n + 1) * SECOND, 1.5))
                assert client.account().last_transaction <= store.durable
                client.cancel(f"asked-{n}")
        server.stop()
        thread.join(WITHIN_S)
        assert not thread.is_alive()
        client.hang_up()


class WatchedStore(ExchangeStore):
    """A store that knows what of it is durable, from any thread."""

    durable = 0

    def write(self, changes: Changes, kept: Kept, terms: Terms | None = None) -> None:
        """As any store."""
        super().write(changes, kept, terms)
        if changes.transactions:
            self.durable = changes.transactions[-1][0]


class FullStore(ExchangeStore):
    """A store on a disk that fills up when it is told."""

    def fill_up(self) -> None:
        """No page more."""
        (pages,) = self._file.row("PRAGMA page_count") or (1,)
        self._file.row(f"PRAGMA max_page_count = {pages}")


def stopped_by(server: ExchangeServer) -> str:
    try:
        server.run()
    except FatalError as error:
        return str(error)
    return ""
