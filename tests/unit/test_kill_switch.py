"""The kill switch: heard from the first moment, whoever else is dead, and never forgotten."""

from __future__ import annotations

from pathlib import Path

from coordinator.live.status_view import status_line, status_picture
from coordinator.report.grid import plain_text
from infra.journal.reader import read_events
from infra.live.waiting import COORDINATOR, AskedBefore
from infra.transport import SocketChannel
from market.errors import TransientError
from market.events import AlertRaised
from market.lines import Failure
from market.live_events import ModeChanged, TradingOpened
from market.live_messages import Attach
from tests.live import (
    LEVELS,
    SESSION,
    WITHIN_S,
    coordinator_of,
    live_desk,
)
from tests.live_broker import FakeBroker
from tests.served_gateways import served

ANN = {"by": "ann", "reason": "news"}


def priced(broker: FakeBroker) -> FakeBroker:
    for symbol, level in LEVELS.items():
        broker.market(symbol, level, 2e-4)
    return broker


def held_by(folder: Path) -> FakeBroker:
    """A desk that holds a position and died; its broker."""
    with live_desk(folder) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 10_000.0})
        desk.prices()
        desk.until(lambda told: len(told["positions"]) == 1)
        desk.kill()
        return desk.broker


def test_a_gateway_that_cannot_reach_its_broker_answers_and_remembers_a_halt(
    tmp_path: Path,
) -> None:
    broker = held_by(tmp_path)
    with broker.unreachable(), served(tmp_path, broker) as desk:
        told = desk.until(lambda told: bool(told["waiting"]))
        assert (told["mode"], told["positions"][0]["units"]) == ("TRADING", 10_000.0)
        for _ in range(2):
            told = desk.ask("halt", **ANN).told
            assert (told["mode"], told["mode_by"]) == ("HALTED", "ann")
        assert "has not been reached yet" in desk.ask("resume", **ANN).refused
        desk.end()
        assert desk.modes() == [("HALTED", "ann", "news")], "halting twice is halting once"
    with served(tmp_path, broker) as desk:
        told = desk.until(lambda told: told["broker_connected"])
        assert (told["mode"], told["mode_reason"], told["waiting"]) == ("HALTED", "news", "")


def test_a_flatten_that_was_asked_for_while_the_broker_was_away_is_done_once_it_is_back(
    tmp_path: Path,
) -> None:
    broker = held_by(tmp_path)
    broker.reachable = False
    with served(tmp_path, broker) as desk:
        assert desk.ask("flatten", **ANN).told["mode"] == "FLATTENING"
        assert desk.ask("status").told["open_orders"] == []
        broker.reachable = True
        desk.until(lambda told: bool(told["open_orders"]))
        priced(broker)
        told = desk.until(lambda told: told["mode"] == "HALTED")
        assert told["positions"] == []
    assert not broker.account().units.any()


def test_a_new_desk_whose_broker_was_never_reached_remembers_a_halt_through_a_crash(
    tmp_path: Path,
) -> None:
    broker = priced(FakeBroker())
    broker.reachable = False
    with served(tmp_path, broker) as desk:
        told = desk.ask("status").told
        assert told["waiting"].startswith("waiting for the broker")
        assert told["mode"] == "TRADING"
        shown = plain_text(status_picture(told))
        for part in ("waiting for the broker", "the account is not known yet", "no quote yet"):
            assert part in shown
        assert status_line(told).startswith("TRADING, the account is not known yet. waiting for")
        assert "nan" not in shown.split()
        assert "who (--by) and why (--reason)" in desk.ask("halt").refused
        assert desk.ask("halt", **ANN).told["mode"] == "HALTED"
        desk.ask("flatten", by="bob", reason="also")
        assert "ask for seat again then" in desk.ask("seat", agent="sentiment", **ANN).refused
    assert isinstance(desk.failures[0], TransientError)
    broker = priced(FakeBroker())
    with served(tmp_path, broker) as desk:
        told = desk.until(lambda told: told["broker_connected"])
        assert (told["mode"], told["mode_by"], told["mode_reason"]) == ("HALTED", "ann", "news")
        assert not desk.home.asked_before.exists()
        assert desk.ask("resume", by="bob", reason="calm").told["mode"] == "TRADING"


def test_a_halt_before_the_books_can_be_taken_back_and_the_desk_be_stopped(
    tmp_path: Path,
) -> None:
    broker = FakeBroker()
    broker.reachable = False
    with served(tmp_path, broker) as desk:
        desk.ask("halt", **ANN)
        assert desk.ask("resume", **ANN).told["mode"] == "TRADING"
        assert desk.ask("stop", **ANN).told["stopping"]
        desk.thread.join(WITHIN_S)
        assert (desk.thread.is_alive(), desk.failures) == (False, [])
        assert not desk.home.journal.exists()


def test_a_halt_before_the_books_is_not_taken_for_that_of_a_stop(tmp_path: Path) -> None:
    broker = FakeBroker()
    broker.reachable = False
    with served(tmp_path, broker) as desk:
        desk.ask("halt", by="ann", reason="stopping: the news are bad")
    broker = priced(FakeBroker())
    with served(tmp_path, broker) as desk:
        desk.until(lambda told: told["broker_connected"])
        desk.ask("stop", **ANN)
        desk.thread.join(WITHIN_S)
        assert desk.modes()[-1][-1].startswith("settled and closed; it was HALTED: halted, stop")


def test_a_halt_that_cannot_be_read_halts(tmp_path: Path) -> None:
    asked = AskedBefore(tmp_path / "asked.json")
    assert asked.read() is None
    (tmp_path / "asked.json").write_text("{")
    halt = asked.read()
    assert halt is not None
    assert halt[0] == "gateway"


def test_a_desk_that_was_stopped_is_halted_before_its_broker_is_reached(tmp_path: Path) -> None:
    with live_desk(tmp_path) as first:
        first.ask("stop", **ANN)
        first.ended()
        broker = first.broker
    broker.reachable = False
    with served(tmp_path, broker) as desk:
        assert desk.ask("halt", by="bob", reason="not today").told["mode"] == "HALTED"
        broker.reachable = True
        told = desk.until(lambda told: told["broker_connected"])
        assert (told["mode"], told["mode_by"]) == ("HALTED", "bob")
        desk.end()
        assert len([e for e in read_events(desk.home.journal) if isinstance(e, TradingOpened)]) == 2


def test_a_desk_can_be_stopped_before_its_broker_is_reached(tmp_path: Path) -> None:
    broker = held_by(tmp_path)
    broker.reachable = False
    with served(tmp_path, broker) as desk:
        desk.ask("stop", **ANN)
        desk.thread.join(WITHIN_S)
        assert (desk.thread.is_alive(), desk.failures) == (False, [])
        assert desk.modes()[-1][0] == "STOPPED"


def test_a_coordinator_is_told_to_wait_for_the_broker(tmp_path: Path) -> None:
    broker = held_by(tmp_path)
    broker.reachable = False
    with served(tmp_path, broker) as desk:
        desk.until(lambda told: bool(told["waiting"]))
        line = SocketChannel.dial(desk.home.gateway_address, desk.home.line_key(), COORDINATOR)
        line.send(Attach(session=SESSION, born=1))
        refused = line.receive()
        assert isinstance(refused, Failure)
        assert "waiting for the broker" in str(refused.error)
        line.close()


def test_a_second_gateway_takes_nothing_from_the_one_at_work(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        with served(tmp_path, FakeBroker()) as second:
            second.thread.join(WITHIN_S)
            assert "another desk writes" in str(second.failures[0])
        assert desk.status()["mode"] == "TRADING"


def test_halt_and_flatten_need_neither_coordinator_nor_guardian_and_are_idempotent(
    tmp_path: Path,
) -> None:
    with live_desk(tmp_path) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 10_000.0})
        desk.prices()
        desk.until(lambda told: len(told["positions"]) == 1 and not told["coordinator_attached"])
        before = desk.ask("halt", **ANN).told
        after = desk.ask("halt", by="bob", reason="again").told
        assert (after["mode_by"], after["events"]) == ("ann", before["events"] + 1)
        desk.ask("flatten", **ANN)
        told = desk.ask("flatten", by="bob", reason="again").told
        assert (told["mode"], told["mode_by"]) == ("FLATTENING", "ann")
        desk.prices()
        desk.until(lambda told: told["mode"] == "HALTED" and not told["positions"])
        desk.kill()
        assert [event.mode for event in desk.events(ModeChanged)] == [
            "HALTED", "FLATTENING", "HALTED",
        ]  # fmt: skip
        asked = [event.message for event in desk.events(AlertRaised) if "asked to" in event.message]
        assert asked == [
            "bob asked to halt a desk that is HALTED: again",
            "bob asked to flatten a desk that is FLATTENING: again",
        ]
