"""`quorum status`, `halt`, `agents add` and their like, as people call them."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from coordinator.cli.app import run
from coordinator.live.status_view import status_picture
from infra.live.asking import ask_desk, how_it_was_left
from infra.live.home import DeskHome
from infra.live.opening import open_books
from infra.live.resuming import command_to_resume, oanda_on_record
from infra.runtime import environment
from market.errors import TransientError
from market.live_events import AgentJoined, AgentReweighted, ModeChanged
from market.live_messages import Command
from tests.live import (
    ROWS,
    SEATED,
    WITHIN_S,
    LiveDesk,
    coordinator_of,
    live_desk,
    session_started,
)
from tests.live_broker import FakeBroker

HEALTH: dict[str, Any] = {
    "agents": {
        "momentum": {
            "seated": True, "here": True, "latency_p50_ms": 0.41, "latency_p99_ms": 1.2,
            "abstained": {"late": 3},
        },
        "mean_reversion": {
            "seated": True, "here": False, "latency_p50_ms": float("nan"),
            "latency_p99_ms": float("nan"), "abstained": {},
        },
        "sentiment": {
            "seated": False, "here": False, "latency_p50_ms": float("nan"),
            "latency_p99_ms": float("nan"), "abstained": {},
        },
    },
    "guardian_here": True,
    "optimizer_here": False,
    "allocation_age_bars": None,
    "decisions": 1234,
    "decision_p50_ms": 1.1,
    "decision_p99_ms": float("nan"),
    "last_decision": "BUY 10,000 EUR_USD (score +0.42)",
    "risk": {
        "score": 12.0, "nearest": "DAILY_VAR", "used": 0.88, "age_s": 42.0, "failure": "",
    },
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LiveDesk]:
    with live_desk(tmp_path) as made:
        yield made


def quorum(desk: LiveDesk, *arguments: str) -> int:
    return run([*arguments, "--home", str(desk.home.folder)])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on both streams, as one line."""
    out = capsys.readouterr()
    return " ".join((out.out + out.err).split())


def holding(desk: LiveDesk, **orders: float) -> None:
    """Positions, and what a coordinator says of the members."""
    with coordinator_of(desk) as coordinator:
        coordinator.order(orders, health=HEALTH)
    desk.prices()
    desk.until(lambda told: len(told["positions"]) == len(orders) and not told["open_orders"])


def page(told: Any) -> str:
    """A status as plain text."""
    written = StringIO()
    Console(file=written, width=100, force_terminal=False).print(status_picture(told))
    return written.getvalue()


def test_a_status_shows_the_account_what_is_open_and_every_agent(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    holding(desk, EUR_USD=10_000.0)
    with coordinator_of(desk, born=2) as coordinator:
        coordinator.order({"GBP_USD": -2_000.0}, sequence=1)
        assert quorum(desk, "status") == 0
    shown = said(capsys)
    for part in (
        "TRADING", "epoch 2", "equity 99,998.00 USD (-2.00, -0.00%)", "EUR_USD +10,000 1.1001",
        "live-0123456789-1-GBP_USD-m GBP_USD accepted -2,000",
        "momentum 0.60 here 0.41 1.20 late 3",
        "mean_reversion 0.40 away", "sentiment · not seated", "BUY 10,000 EUR_USD (score +0.42)",
        "1,234 since the coordinator attached, p50 1.10 ms, p99 · ms",
        "guardian here, optimizer away", "sizing neutral",
        "score 12 of 100 (0: a limit is used up), nearest daily var (88% used), 42 s old",
    ):  # fmt: skip
        assert part in shown


def test_a_status_as_json_is_one_strict_object(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    holding(desk, EUR_USD=10_000.0)
    assert quorum(desk, "status", "--json") == 0

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    told = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert told["positions"][0]["symbol"] == "EUR_USD"
    assert told["agents"]["mean_reversion"]["latency_p50_ms"] is None
    assert told["decision_p99_ms"] is None


def test_a_status_says_what_is_wrong_first(desk: LiveDesk) -> None:
    holding(desk, EUR_USD=10_000.0)
    told = dict(desk.status())
    shown = page({**told, "mode": "HALTED", "mode_by": "ann", "mode_reason": "news",
                  "halt": "DRAWDOWN", "failure": "the disk is full"})  # fmt: skip
    assert shown.split("equity")[0].split("epoch 1")[1].split("\n")[1:4] == [
        "ann: news", "the guardian halted new risk: DRAWDOWN", "the disk is full"
    ]  # fmt: skip
    assert "a broker in memory" in shown, "what its prices are"
    throttled = page({**told, "halt": "EXECUTION_THROTTLE"})
    assert "an agent filled too often" in throttled
    assert "halted new risk" not in throttled
    away = page({**told, "coordinator": "away", "coordinator_attached": False,
                 "broker_connected": False})  # fmt: skip
    assert "not connected to the broker" in away
    assert "coordinator away" in away
    assert "not known" in away, "how its agents are, nobody says"
    assert "momentum" not in page({**told, "agents": {}})


def test_halt_and_resume_stand_in_the_journal_with_who_and_why(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quorum(desk, "halt") == 0
    assert "HALTED, equity 100,000.00 USD" in said(capsys)
    assert quorum(desk, "resume", "--by", "ann") == 2
    assert "say why with --reason" in said(capsys)
    assert quorum(desk, "resume", "--by", "ann", "--reason", "calm") == 0
    assert "TRADING" in said(capsys)
    desk.kill()
    halted, resumed = desk.events(ModeChanged)
    assert (halted.mode, halted.reason) == ("HALTED", "on the command line")
    assert halted.by
    assert (resumed.mode, resumed.by, resumed.reason) == ("TRADING", "ann", "calm")


def test_what_a_gateway_refuses_is_told_and_ends_with_two(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.broker.misreported["EUR_USD"] = 5.0
    assert quorum(desk, "resume", "--reason", "calm") == 2
    told = said(capsys)
    assert "error refused: the books differ from the broker's" in told
    assert "units of EUR_USD: 0.0 here, 5.0 at the broker" in told


def test_flatten_waits_until_the_desk_is_flat(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    holding(desk, EUR_USD=10_000.0, USD_JPY=-5_000.0)
    codes: list[int] = []
    flattening = threading.Thread(
        target=lambda: codes.append(quorum(desk, "flatten", "--reason", "news"))
    )
    flattening.start()
    desk.until(lambda told: len(told["open_orders"]) == 2)
    desk.prices()
    flattening.join(WITHIN_S)
    assert codes == [0]
    assert "HALTED" in said(capsys)
    assert not desk.broker.account().units.any()


def test_flatten_says_what_is_left_after_the_time(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    holding(desk, EUR_USD=10_000.0)
    assert quorum(desk, "flatten", "--reason", "news", "--within", "0") == 1
    assert "not flat after 0 s: open: EUR_USD +10,000" in said(capsys)
    assert quorum(desk, "flatten") == 2


def test_stop_waits_until_the_desk_has_settled(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    holding(desk, EUR_USD=10_000.0)
    assert how_it_was_left(desk.home) is None
    assert quorum(desk, "stop", "--by", "ann", "--reason", "the day is over") == 0
    told = said(capsys)
    assert "stopped with 1 positions open" in told
    assert f"`quorum trade --resume --home {desk.home.folder}` goes on" in told
    desk.ended()
    left = how_it_was_left(desk.home)
    assert left is not None
    assert (left.mode_by, left.units[0]) == ("ann", 10_000.0)
    assert quorum(desk, "status") == 2
    told = said(capsys)
    assert "was stopped by ann" in told
    assert f"`quorum trade --resume --home {desk.home.folder}` takes it up again" in told
    with live_desk(desk.home.folder, desk.broker) as again:
        assert how_it_was_left(desk.home) is None
        again.kill()
    assert how_it_was_left(desk.home) is None, "it was not stopped, it died"
    assert quorum(desk, "status") == 2
    resumed = f"`quorum trade --resume --home {desk.home.folder}` takes the desk up again"
    assert resumed in said(capsys)


def test_what_changes_a_desk_answers_machines_with_one_strict_object(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    def answered(*arguments: str) -> Any:
        """stdout of a command that succeeds."""
        words = (*arguments, "--by", "ann", "--reason", "news", "--json")
        assert quorum(desk, *words) == 0
        out = capsys.readouterr()
        assert out.err == ""
        return json.loads(out.out, parse_constant=pytest.fail)

    holding(desk, EUR_USD=10_000.0)
    assert answered("agents", "weight", "momentum", "0.3")["weights"]["momentum"] == 0.3
    assert answered("agents", "remove", "mean_reversion")["seated"] == ["momentum"]
    assert "mean_reversion" in answered("agents", "add", "mean_reversion")["seated"]
    assert answered("stage", "demote", "--to", "paper")["reason"] == "news"
    assert answered("stage", "emergency-stop")["stage"] == "emergency_stop"
    assert answered("halt")["mode"] == "HALTED"
    assert answered("resume")["mode"] == "TRADING"
    left = answered("stop")
    assert (left["stopped"], left["positions"][0]["units"]) == (True, 10_000.0)
    desk.ended()


def test_a_flatten_tells_machines_what_is_left_after_the_time(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    holding(desk, EUR_USD=10_000.0)
    assert quorum(desk, "flatten", "--reason", "news", "--within", "0", "--json") == 1
    left = json.loads(capsys.readouterr().out)
    assert (left["mode"], left["positions"][0]["units"]) == ("FLATTENING", 10_000.0)


def test_a_stop_tells_machines_that_the_desk_has_not_settled_after_the_time(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    with coordinator_of(desk) as coordinator:
        coordinator.order({"EUR_USD": 10_000.0})
    with desk.broker.unreachable():  # nothing can be cancelled
        assert quorum(desk, "stop", "--within", "0", "--json") == 1
        left = json.loads(capsys.readouterr().out)
    assert (left["stopped"], left["stopping"], len(left["open_orders"])) == (False, True, 1)


def test_a_desk_at_oanda_is_taken_up_again_with_its_environment_and_account(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = FakeBroker()
    started = session_started(broker, data=oanda_on_record("practice", "101-004-1234567-001"))
    cash = broker.account().cash
    books = open_books(
        DeskHome(folder=tmp_path).journal, started, ROWS, SEATED, lambda: (broker.time, cash)
    )
    command = (
        f"`quorum trade --resume --home {tmp_path} --broker oanda --environment practice "
        "--account 101-004-1234567-001`"
    )
    with live_desk(tmp_path, broker, gateway_options={"books": books}) as desk:
        assert quorum(desk, "stop", "--reason", "the day is over") == 0
        assert f"{command} goes on" in said(capsys)
        desk.ended()
        for words in (("status",), ("halt",), ("stop",), ("resume", "--reason", "go on")):
            assert quorum(desk, *words) == 2
            assert f"{command} takes it up again" in said(capsys)


def test_a_desk_whose_journal_names_no_broker_is_taken_up_again_by_its_folder(
    tmp_path: Path,
) -> None:
    home = DeskHome(folder=tmp_path / "a desk")
    command = f"quorum trade --resume --home '{tmp_path}/a desk'"
    assert command_to_resume(home) == command
    home.make()
    home.journal.write_bytes(b"no journal at all" * 100)
    assert command_to_resume(home) == command


def test_where_nobody_ever_traded_nothing_is_there_to_be_taken_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = DeskHome(folder=tmp_path)
    home.make()  # as a start that was broken off leaves it
    assert run(["status", "--home", str(tmp_path)]) == 2
    told = said(capsys)
    assert "none has traded there yet" in told
    assert "--resume" not in told


def test_agents_are_added_weighed_and_removed_while_the_desk_runs(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    why = ("--by", "ann", "--reason", "a trial")
    assert quorum(desk, "agents", "add", "sentiment", *why) == 0
    assert "momentum 0.60, mean_reversion 0.40, sentiment (shadow)" in said(capsys)
    assert quorum(desk, "agents", "weight", "sentiment", "0.3", *why) == 0
    assert "sentiment 0.30" in said(capsys)
    assert quorum(desk, "agents", "remove", "momentum", *why) == 0
    assert "on the committee: mean_reversion 0.40, sentiment 0.30" in said(capsys)
    assert quorum(desk, "agents", "add", "momentun", *why) == 2
    assert "did you mean 'momentum'?" in said(capsys)
    assert quorum(desk, "agents", "weight", "sentiment", "0.3") == 2
    assert "say why with --reason" in said(capsys)
    desk.kill()
    assert [(e.agent, e.by, e.reason) for e in desk.events(AgentJoined)] == [
        ("sentiment", "ann", "a trial")
    ]
    assert [e.weight for e in desk.events(AgentReweighted)] == [0.0, 0.3]


def test_the_committee_of_the_configuration_is_listed_without_a_desk(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["agents"]) == 0
    assert "The committee" in capsys.readouterr().out


def test_watch_looks_again_and_again(desk: LiveDesk, capsys: pytest.CaptureFixture[str]) -> None:
    assert quorum(desk, "watch", "--times", "2") == 0
    assert "goes on" in said(capsys)
    assert desk.status()["mode"] == "TRADING"


def test_ctrl_c_ends_a_watch_and_leaves_the_desk_trading(
    desk: LiveDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    done = threading.Event()

    def interrupt() -> None:
        while signal.getsignal(signal.SIGINT) is before and not done.wait(0.01):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    assert quorum(desk, "watch") == 0
    done.set()
    assert "no longer watched" in said(capsys)
    assert desk.status()["mode"] == "TRADING"


def test_the_folder_of_the_desk_comes_from_the_environment_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with environment({"QUORUM_HOME": str(tmp_path / "elsewhere")}):
        assert run(["status"]) == 2
        assert f"no desk at {tmp_path}/elsewhere" in said(capsys)
        assert run(["config", "check"]) == 0, "it is no stray setting"
        assert run(["status", "--home", str(tmp_path / "there")]) == 2
        assert f"no desk at {tmp_path}/there" in said(capsys)


def test_a_gateway_that_is_frozen_costs_the_time_and_no_more(tmp_path: Path) -> None:
    home = DeskHome(folder=tmp_path)
    home.make()
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(home.gateway_address)
        frozen.listen()
        with pytest.raises(TransientError, match="does not answer"):
            ask_desk(home, Command(name="status"), within_s=0.2)
