"""What people may ask of a gateway that trades, through its socket."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import numpy as np
import pytest

from infra.journal.sqlite import SqliteJournal
from infra.live.asking import ask_desk
from infra.live.books import Books
from infra.live.home import DeskHome
from infra.live.waiting import COORDINATOR
from infra.transport import SocketChannel
from market.accounts import MARGIN_CALL
from market.desk_state import DeskState
from market.errors import (
    ConfigError,
    Fenced,
    JournalUnwritable,
    TransientError,
)
from market.events import AlertRaised, Event, OrderFilled, OrderIntended
from market.lines import Failure
from market.live_events import (
    AgentJoined,
    AgentLeft,
    AgentReweighted,
    BreakersMoved,
    MismatchFound,
    ModeChanged,
    OrderUnknown,
    TransactionsBooked,
)
from market.live_messages import Attach, Command, CommitteeChanged, RearmAsked
from market.orders import Bracket
from tests.live import (
    LEVELS,
    ROWS,
    SESSION,
    WITHIN_S,
    LiveDesk,
    coordinator_of,
    live_desk,
    session_started,
)
from tests.live_broker import CASH, FakeBroker

ANN = {"by": "ann", "reason": "news"}
STOPS = Bracket(stop=0.05, take_profit=float("nan"), trailing=None)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LiveDesk]:
    with live_desk(tmp_path) as made:
        yield made


def holding(desk: LiveDesk, **orders: float) -> None:
    """Have the desk hold these positions, by a decision of its own."""
    with coordinator_of(desk) as coordinator:
        assert coordinator.order(orders).sent == len(orders)
    desk.prices()
    desk.until(lambda told: len(told["positions"]) == len(orders) and not told["open_orders"])


def test_a_status_tells_positions_with_their_gains_and_what_is_open(desk: LiveDesk) -> None:
    holding(desk, EUR_USD=10_000.0, USD_JPY=-5_000.0)
    with coordinator_of(desk, born=2) as coordinator:
        coordinator.order({"GBP_USD": 1_000.0}, health={"decisions": 7}, sequence=1)
        desk.broker.market("EUR_USD", LEVELS["EUR_USD"] + 0.01, 2e-4)
        told = desk.until(lambda told: told["positions"][0]["mid"] > 1.105)
    euro, yen = told["positions"]
    assert (euro["symbol"], euro["units"], yen["units"]) == ("EUR_USD", 10_000.0, -5_000.0)
    assert euro["unrealised"] == pytest.approx(10_000.0 * (0.01 - 2e-4))
    assert told["equity"] - told["cash"] == pytest.approx(euro["unrealised"] + yen["unrealised"])
    assert told["profit"] == told["equity"] - 100_000.0
    (waiting,) = told["open_orders"]
    assert (waiting["symbol"], waiting["units"], waiting["stage"]) == ("GBP_USD", 1e3, "accepted")
    assert (told["epoch"], told["decisions"], told["broker_connected"]) == (2, 7, True)
    assert told["data_age_s"] >= 0.0


def test_a_status_counts_the_quotes_that_were_no_price(desk: LiveDesk) -> None:
    assert desk.status()["quotes_dropped"] == {}
    desk.broker.market("EUR_USD", float("nan"))
    told = desk.until(lambda told: bool(told["quotes_dropped"]))
    assert sum(told["quotes_dropped"].values()) == 1
    assert told["equity"] == CASH


def test_who_stops_a_desk_that_another_halted_is_on_record_too(desk: LiveDesk) -> None:
    desk.ask("halt", **ANN)
    desk.ask("stop", by="bob", reason="the day is over")
    desk.ended()
    said = [alert.message for alert in desk.events(AlertRaised)]
    assert said == ["bob asked to stop a desk that is HALTED: the day is over"]


def test_a_command_that_changes_something_needs_who_and_why(desk: LiveDesk) -> None:
    for name in ("halt", "resume", "flatten", "stop", "seat", "unseat", "weigh"):
        assert "who (--by) and why (--reason)" in desk.ask(name, by="ann").refused
        assert "who (--by) and why (--reason)" in desk.ask(name, reason="news").refused
    assert desk.status()["mode"] == "TRADING"
    assert desk.ask("sell everything", **ANN).refused.endswith("command 'sell everything'")


def test_a_halt_lets_pass_only_what_reduces_and_cancels_what_waits(desk: LiveDesk) -> None:
    holding(desk, EUR_USD=10_000.0)
    with coordinator_of(desk, born=2) as coordinator:
        coordinator.order({"GBP_USD": 1_000.0}, sequence=1)
        told = desk.ask("halt", **ANN).told
        assert (told["mode"], told["mode_by"], told["mode_reason"]) == ("HALTED", "ann", "news")
        desk.until(lambda told: not told["open_orders"])
        dispatched = coordinator.order({"EUR_USD": -4_000.0, "GBP_USD": 1_000.0}, sequence=2)
    assert dispatched.sent == 1
    assert dispatched.unsent == (("GBP_USD", "the desk is HALTED: news"),)
    desk.prices()
    told = desk.until(lambda told: told["positions"][0]["units"] == 6_000.0)
    assert len(told["positions"]) == 1


def test_a_halt_survives_the_gateway_and_a_resume_ends_it(tmp_path: Path) -> None:
    with live_desk(tmp_path) as first:
        first.ask("halt", **ANN)
        first.kill()
        with live_desk(tmp_path, first.broker) as second:
            told = second.status()
            assert (told["mode"], told["mode_by"], told["mode_reason"]) == ("HALTED", "ann", "news")
            with coordinator_of(second) as coordinator:
                fallen = BreakersMoved(sequence=0, time=0, memory=np.zeros(6), halt="DRAWDOWN")
                assert coordinator.order({"EUR_USD": 1_000.0}, records=(fallen,)).sent == 0
                assert second.ask("resume", by="bob", reason="calm").told["mode"] == "TRADING"
                asked = coordinator.next(RearmAsked)
                assert (asked.by, asked.equity) == ("bob", CASH)
                coordinator.decide({}, sequence=-1)
                assert coordinator.order({"EUR_USD": 1_000.0}, sequence=1).sent == 1
            second.kill()
            changes = [(e.mode, e.by, e.reason) for e in second.events(ModeChanged)]
    assert changes == [("HALTED", "ann", "news"), ("TRADING", "bob", "calm")]


def test_an_older_coordinator_takes_no_younger_ones_place(desk: LiveDesk) -> None:
    with coordinator_of(desk, born=2) as younger:
        home = desk.home
        older = SocketChannel.dial(home.gateway_address, home.line_key(), COORDINATOR)
        older.send(Attach(session=SESSION, born=1))
        refused = older.receive()
        assert isinstance(refused, Failure)
        assert isinstance(refused.error, Fenced)
        older.close()
        assert younger.order({"EUR_USD": 1_000.0}).sent == 1
    assert desk.status()["epoch"] == 1


def test_a_resume_compares_the_books_first_and_says_what_differs(desk: LiveDesk) -> None:
    holding(desk, EUR_USD=10_000.0)
    desk.ask("halt", **ANN)
    desk.broker.misreported["EUR_USD"] = 9_000.0
    refused = desk.ask("resume", **ANN).refused
    assert "units of EUR_USD: 10000.0 here, 9000.0 at the broker" in refused
    assert desk.status()["mode"] == "HALTED"
    desk.broker.misreported.clear()
    assert desk.ask("resume", **ANN).told["mode"] == "TRADING"
    desk.kill()
    found = desk.events(MismatchFound)
    assert [(one.what, one.desk, one.broker) for one in found] == [
        ("units of EUR_USD", 10_000.0, 9_000.0)
    ]


def test_a_resume_without_the_broker_says_that_it_cannot_be_asked(desk: LiveDesk) -> None:
    desk.ask("halt", **ANN)
    with desk.broker.unreachable():
        refused = desk.ask("resume", **ANN).refused
        assert "could not be asked for" in refused
        assert "differ" not in refused
    assert desk.ask("resume", **ANN).told["mode"] == "TRADING"


def test_flatten_closes_everything_without_a_coordinator_and_leaves_the_desk_halted(
    desk: LiveDesk,
) -> None:
    holding(desk, EUR_USD=10_000.0, USD_JPY=-5_000.0)
    with coordinator_of(desk, born=2) as coordinator:
        coordinator.order({"GBP_USD": 1_000.0, "EUR_USD": 2_000.0}, sequence=1)
    assert desk.ask("flatten", **ANN).told["mode"] == "FLATTENING"
    desk.until(lambda told: {one["symbol"] for one in told["open_orders"]} == {"EUR_USD", "USD_JPY"}
               and all("-f1" in one["client_order_id"] for one in told["open_orders"]))  # fmt: skip
    desk.prices()
    told = desk.until(lambda told: told["mode"] == "HALTED")
    assert told["positions"] == told["open_orders"] == []
    assert not desk.broker.account().units.any()
    assert (told["mode_by"], told["mode_reason"]) == ("ann", "flat; news")


def test_an_order_that_closes_a_position_waits_for_a_price_however_long_that_takes(
    desk: LiveDesk,
) -> None:
    holding(desk, EUR_USD=10_000.0)
    desk.ask("flatten", **ANN)
    desk.until(lambda told: bool(told["open_orders"]))
    cancels = desk.broker.asked.count("cancel")
    steps = desk.broker.asked.count("transactions")
    desk.until(lambda _: desk.broker.asked.count("transactions") >= steps + 3)
    assert desk.broker.asked.count("cancel") == cancels
    desk.prices()
    desk.until(lambda told: told["mode"] == "HALTED")
    desk.kill()
    assert len(desk.events(OrderIntended)) == 2


def test_flatten_goes_on_once_the_broker_is_back(desk: LiveDesk) -> None:
    holding(desk, EUR_USD=10_000.0)
    with desk.broker.unreachable():
        assert desk.ask("flatten", **ANN).told["mode"] == "FLATTENING"
        assert "wait until the desk is flat" in desk.ask("resume", **ANN).refused
    desk.until(lambda told: bool(told["open_orders"]))
    desk.prices()
    desk.until(lambda told: told["mode"] == "HALTED" and not told["positions"])


class Hung(FakeBroker):
    """Once it is hung every question waits for a turn, and is then not answered."""

    hung = False

    def __init__(self) -> None:
        super().__init__()
        self.turns = threading.Semaphore(0)

    @contextlib.contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        if self.hung:
            self.turns.acquire(timeout=WITHIN_S)
            raise TransientError(f"{what} was not answered")
        with super()._asked(what):
            yield


def test_a_desk_that_is_being_closed_answers_between_two_questions_to_a_broker_that_hangs(
    tmp_path: Path,
) -> None:
    broker = Hung()
    for symbol, level in LEVELS.items():
        broker.market(symbol, level)
    with live_desk(tmp_path, broker) as desk:
        holding(desk, EUR_USD=10_000.0, USD_JPY=-5_000.0)
        broker.hung = True
        assert desk.ask("flatten", **ANN).told["mode"] == "FLATTENING", "before it is asked"
        answers: Queue[Mapping[str, Any]] = Queue()
        threading.Thread(target=lambda: answers.put(desk.status()), daemon=True).start()
        turns, told = 0, None
        while told is None:
            assert turns < 3, "the status waits for a whole step"
            turns += 1
            broker.turns.release()
            with contextlib.suppress(Empty):
                told = answers.get(timeout=0.5)
        assert told["mode"] == "FLATTENING"
        broker.hung = False
        broker.turns.release(100)  # whatever waits
        desk.until(lambda told: bool(told["open_orders"]))
        desk.prices()
        desk.until(lambda told: told["mode"] == "HALTED" and not told["positions"])


def test_an_order_without_an_answer_is_looked_up_and_flattened_too(desk: LiveDesk) -> None:
    desk.broker.answering = False
    with coordinator_of(desk) as coordinator:
        coordinator.order({"EUR_USD": 1_000.0})
    desk.broker.answering = True
    desk.ask("flatten", **ANN)
    desk.until(lambda told: told["mode"] == "HALTED")
    desk.kill()
    assert len(desk.events(OrderUnknown)) == 1
    desk.prices()
    assert not desk.broker.account().units.any()


def test_who_asks_for_what_is_so_already_stands_in_the_journal(desk: LiveDesk) -> None:
    assert not desk.ask("resume", by="ann", reason="the news are over").refused
    desk.ask("halt", by="bob", reason="news")
    desk.ask("halt", by="cy", reason="more news")
    desk.kill()
    assert [e.message for e in desk.events(AlertRaised) if "asked to" in e.message] == [
        "ann asked to resume a desk that is TRADING: the news are over",
        "cy asked to halt a desk that is HALTED: more news",
    ]


def test_a_changed_weight_is_told_to_the_coordinator_and_stands_in_the_journal(
    desk: LiveDesk,
) -> None:
    with coordinator_of(desk) as coordinator:
        assert desk.ask("weigh", agent="momentum", weight=0.9, **ANN).told["weights"] == {
            "momentum": 0.9, "mean_reversion": 0.4, "sentiment": 0.0
        }  # fmt: skip
        assert coordinator.next(CommitteeChanged).weights["momentum"] == 0.9
        told = desk.ask("seat", agent="sentiment", weight=0.0, **ANN).told
        assert told["seated"] == ["momentum", "mean_reversion", "sentiment"]
        assert coordinator.next(CommitteeChanged).seated[-1] == "sentiment"
        told = desk.ask("unseat", agent="mean_reversion", by="bob", reason="it loses").told
        assert told["seated"] == ["momentum", "sentiment"]
        assert told["weights"]["mean_reversion"] == 0.0
    desk.kill()
    changes = [(e.agent, e.weight, e.by, e.reason) for e in desk.events(AgentReweighted)]
    assert changes == [("momentum", 0.9, "ann", "news"), ("sentiment", 0.0, "ann", "news")]
    assert {e.sequence for e in desk.events(AgentReweighted)} == {0}, "no bar was given yet"
    assert [(e.agent, e.by) for e in desk.events(AgentJoined)] == [("sentiment", "ann")]
    assert (desk.events(AgentLeft)[-1].agent, desk.events(AgentLeft)[-1].by) == (
        "mean_reversion", "bob",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "agent", "weight", "said"),
    [
        ("seat", "sentimant", 0.1, "did you mean 'sentiment'?"),
        ("seat", "momentum", 0.1, "sits on the committee already"),
        ("seat", "sentiment", -0.1, "expected a weight of 0 (a shadow) to 1,000, found -0.1"),
        ("weigh", "momentun", 0.1, "did you mean 'momentum'?"),
        ("weigh", "sentiment", 0.1, "`quorum agents add sentiment` seats it"),
        (
            "weigh",
            "momentum",
            float("nan"),
            "expected a weight of 0 (a shadow) to 1,000, found nan",
        ),
        ("weigh", "momentum", 1e308, "expected a weight of 0 (a shadow) to 1,000, found 1e+308"),
        ("unseat", "zebra", 0.0, "'zebra' is not on the allow-list of this desk. On it are"),
        ("unseat", "sentiment", 0.0, "sentiment does not sit on the committee"),
    ],
)
def test_what_cannot_be_done_to_the_committee_is_refused_with_the_reason(
    desk: LiveDesk, name: str, agent: str, weight: float, said: str
) -> None:
    before = desk.status()["events"]
    assert said in desk.ask(name, agent=agent, weight=weight, **ANN).refused
    assert desk.status()["events"] == before


def test_somebody_must_weigh_something(desk: LiveDesk) -> None:
    desk.ask("weigh", agent="momentum", weight=0.0, **ANN)
    assert "give another" in desk.ask("weigh", agent="mean_reversion", weight=0.0, **ANN).refused
    assert "give another" in desk.ask("unseat", agent="mean_reversion", **ANN).refused
    assert not desk.ask("unseat", agent="momentum", **ANN).refused


def test_stop_settles_what_is_open_and_the_desk_goes_on_trading_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    with live_desk(tmp_path) as first:
        holding(first, EUR_USD=10_000.0)
        with coordinator_of(first, born=2) as coordinator:
            coordinator.order({"GBP_USD": 1_000.0}, sequence=1)
            told = first.ask("stop", by="ann", reason="the day is over").told
            assert (told["mode"], told["stopping"]) == ("HALTED", True)
            first.ended()
        assert first.broker.working() == ()
        modes = [(e.mode, e.by, e.reason) for e in first.events(ModeChanged)]
        assert modes == [
            ("HALTED", "ann", "stopping: the day is over"),
            ("STOPPED", "ann", "settled and closed; it was TRADING"),
        ]
        with pytest.raises(TransientError, match="does not answer"):
            first.status()
        with live_desk(tmp_path, first.broker) as second:
            told = second.status()
            assert (told["mode"], told["positions"][0]["units"]) == ("TRADING", 10_000.0)


@pytest.mark.parametrize(
    ("halted", "said"), [("stopping: not really", "halted, stopping: not really"), ("news", "news")]
)
def test_a_desk_that_was_halted_before_it_stopped_is_halted_when_it_goes_on(
    tmp_path: Path, halted: str, said: str
) -> None:
    with live_desk(tmp_path) as first:
        first.ask("halt", by="ann", reason=halted)
        first.ask("stop", by="bob", reason="the day is over")
        first.ended()
        with live_desk(tmp_path, first.broker) as second:
            told = second.status()
            assert (told["mode"], told["mode_reason"]) == ("HALTED", said)


def test_a_stop_that_the_gateway_s_death_cut_short_is_gone_on_with(tmp_path: Path) -> None:
    with live_desk(tmp_path) as first:
        with stopping(first):
            first.kill()
        with live_desk(tmp_path, first.broker) as second:
            assert second.status()["mode"] == "HALTED"
            second.ask("stop", **STOPPING)
            second.prices()
            second.ended()
        with live_desk(tmp_path, first.broker) as third:
            assert third.status()["mode"] == "TRADING"


BOB = {"by": "bob", "reason": "bad news"}
STOPPING = {"by": "ann", "reason": "the day is over"}


@contextlib.contextmanager
def stopping(desk: LiveDesk) -> Iterator[None]:
    """A desk that holds a position, is asked to stop, and cannot while this lasts: an order works
    and the broker does not answer.
    """
    holding(desk, EUR_USD=10_000.0)
    with coordinator_of(desk, born=2) as coordinator:
        coordinator.order({"GBP_USD": 1_000.0}, sequence=1)
        with desk.broker.unreachable():
            assert desk.ask("stop", **STOPPING).told["stopping"]
            yield


@pytest.mark.parametrize(("asked", "reason"), [("halt", "bad news"), ("flatten", "flat; bad news")])
def test_what_people_order_while_a_desk_stops_outlives_the_stop(
    tmp_path: Path, asked: str, reason: str
) -> None:
    with live_desk(tmp_path) as first:
        with stopping(first):
            told = first.ask(asked, **BOB).told
            assert (told["mode_by"], told["stopping"]) == ("bob", True)
        if asked == "flatten":
            first.until(lambda told: [o["symbol"] for o in told["open_orders"]] == ["EUR_USD"])
            first.prices()
        first.ended()
        assert (
            first.events(ModeChanged)[-1].reason == f"settled and closed; it was HALTED: {reason}"
        )
        with live_desk(tmp_path, first.broker) as second:
            told = second.status()
            assert (told["mode"], told["mode_reason"]) == ("HALTED", reason)


def test_a_halt_of_the_desks_own_while_it_stops_outlives_the_stop(tmp_path: Path) -> None:
    with live_desk(tmp_path) as first:
        with stopping(first):
            first.broker.lose_transaction()
        first.ended()
        assert "it was HALTED: " in first.events(ModeChanged)[-1].reason
        with live_desk(tmp_path, first.broker) as second:
            assert second.status()["mode"] == "HALTED"


def test_a_desk_that_stops_is_not_resumed_before_it_has(tmp_path: Path) -> None:
    with live_desk(tmp_path) as first:
        with stopping(first):
            assert "is stopping" in first.ask("resume", **BOB).refused
        first.ended()
        with live_desk(tmp_path, first.broker) as second:
            assert second.status()["mode"] == "TRADING"


def test_stop_waits_until_a_flattened_desk_is_flat(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        holding(desk, EUR_USD=10_000.0)
        desk.ask("flatten", **ANN)
        desk.ask("stop", **ANN)
        desk.until(lambda told: bool(told["open_orders"]))
        desk.prices()
        desk.ended()
        assert not desk.broker.account().units.any()


@contextlib.contextmanager
def in_doubt(desk: LiveDesk) -> Iterator[None]:
    """A desk that holds a position, and can book nothing more that its broker does."""
    holding(desk, EUR_USD=10_000.0)
    desk.broker.lose_transaction()
    desk.prices()
    desk.until(lambda told: told["mode"] == "HALTED")
    yield


def test_books_in_doubt_are_flattened_until_nothing_is_held_at_the_broker(desk: LiveDesk) -> None:
    with in_doubt(desk):
        desk.ask("flatten", **ANN)
        asked = desk.until(lambda told: bool(told["open_orders"]))["open_orders"]
        assert [order["units"] for order in asked] == [-10_000.0]
        for order in desk.broker.working():
            desk.broker.cancel(order.client_order_id)  # as a broker does that cannot fill it
        desk.until(lambda _: bool(desk.broker.working()))
        desk.prices()
        told = desk.until(lambda told: told["mode"] == "HALTED")
    assert not desk.broker.account().units.any()
    assert told["open_orders"] == []
    assert told["mode_reason"] == "flat; news"


def test_a_broker_that_is_lost_in_the_middle_of_an_update_costs_the_desk_nothing(
    desk: LiveDesk,
) -> None:
    desk.prices()
    with desk.broker.unreachable():
        desk.until(lambda told: not told["broker_connected"])
    desk.until(lambda told: told["broker_connected"])
    holding(desk, EUR_USD=1_000.0)
    desk.kill()
    assert [event.fill.units for event in desk.events(OrderFilled)] == [1_000.0]
    assert desk.events(MismatchFound) == []


def test_a_gap_in_the_brokers_record_halts_the_desk_and_it_still_answers(desk: LiveDesk) -> None:
    with desk.broker.lock:
        desk.broker.lose_transaction()
    desk.prices()
    told = desk.until(lambda told: told["mode"] == "HALTED")
    assert told["mode_by"] == "reconciliation"
    assert "gap" in desk.ask("resume", **ANN).refused
    desk.kill()
    assert [alert.level for alert in desk.events(AlertRaised)] == ["critical"]
    assert desk.events(TransactionsBooked) == []


class FullDisk(SqliteJournal):
    """A journal on a disk that is full once `full` is set."""

    full = False

    def append_all(self, events: Iterable[Event]) -> None:
        if self.full:
            raise JournalUnwritable("the journal cannot be written: the disk is full")
        super().append_all(events)


def test_a_desk_that_cannot_record_answers_refuses_and_can_be_stopped(tmp_path: Path) -> None:
    broker = FakeBroker()
    for symbol, level in LEVELS.items():
        broker.market(symbol, level)
    journal = FullDisk(tmp_path / "journal.sqlite", durable=True)
    started = session_started(broker, initial_balance=100_000.0)
    journal.append(started)
    books = Books(journal, DeskState(started, ROWS), lambda _: None)
    with live_desk(tmp_path, broker, gateway_options={"books": books}) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 1_000.0})
        journal.full = True
        assert "the disk is full" in desk.ask("halt", **ANN).refused
        assert desk.status()["failure"].endswith("the disk is full")
        assert broker.working() == (), "what waited is cancelled"
        assert "the disk is full" in desk.ask("flatten", **ANN).refused
        assert "the disk is full" in desk.ask("stop", **ANN).refused
        desk.ended()


def test_a_halted_desk_asks_again_to_cancel_what_would_open_risk(tmp_path: Path) -> None:
    broker = FakeBroker()
    for symbol, level in LEVELS.items():
        broker.market(symbol, level)
    with live_desk(tmp_path, broker) as desk:
        with coordinator_of(desk) as coordinator:
            assert coordinator.order({"EUR_USD": 1_000.0}).sent == 1
        broker.unheard = 2
        assert [one["symbol"] for one in desk.ask("halt", **ANN).told["open_orders"]] == ["EUR_USD"]
        desk.until(lambda told: not told["open_orders"])
        assert broker.unheard == 0
        assert broker.working() == ()


def test_a_desk_that_cannot_record_asks_to_cancel_until_nothing_works(tmp_path: Path) -> None:
    broker = FakeBroker()
    for symbol, level in LEVELS.items():
        broker.market(symbol, level)
    journal = FullDisk(tmp_path / "journal.sqlite", durable=True)
    started = session_started(broker, initial_balance=100_000.0)
    journal.append(started)
    books = Books(journal, DeskState(started, ROWS), lambda _: None)
    with live_desk(tmp_path, broker, gateway_options={"books": books}) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 1_000.0})
        with broker.unreachable():
            journal.full = True
            assert "the disk is full" in desk.ask("halt", **ANN).refused
            assert desk.status()["failure"].endswith("the disk is full")
        desk.until(lambda _: broker.working() == ())
        desk.ask("stop", **ANN)
        desk.ended()


def test_a_margin_call_cancels_what_waits_to_open(desk: LiveDesk) -> None:
    with coordinator_of(desk) as coordinator:
        assert coordinator.order({"EUR_USD": 1_000.0}).sent == 1
        assert len(desk.broker.working()) == 1
        desk.broker.note(MARGIN_CALL)
        desk.until(lambda _: desk.broker.working() == ())


def test_where_there_is_no_desk_a_command_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no desk at .*--home.*quorum trade"):
        ask_desk(DeskHome(folder=tmp_path / "nowhere"), Command(name="status"))
