"""A folder has one desk at work, and one that is taken up goes on as it was begun."""

from __future__ import annotations

import asyncio
import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from coordinator.cli.app import run
from coordinator.cli.trade_view import TradeView
from coordinator.configuration.durations import seconds, written
from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import load_settings
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.on_record import settings_on_record, taken_up
from coordinator.live.plan import live_session_started
from coordinator.live.tried_out import TRIED_OUT, made_up
from coordinator.notebook.live import start_dynamic_trading
from infra.journal.sqlite import SqliteJournal
from infra.live.home import DeskHome
from infra.live.loop import COORDINATOR
from infra.live.opening import refuse_another, session_at
from infra.transport import SocketChannel
from market.errors import ConfigError, Fenced
from market.events import SessionStarted
from market.lines import Failure
from market.live_events import TradingOpened
from market.live_messages import Attach
from tests.live import SESSION, live_desk
from tests.tampering import tampered

SPOIL_THE_SECOND = "UPDATE events SET payload = CAST(payload || x'00' AS BLOB) WHERE sequence = 1"
BEGUN = {
    "data": {"instruments": ("EUR_USD", "USD_JPY"), "bar": "1m"},
    "committee": {"agents": ("momentum", "volatility")},
}


def test_recorded_ticks_on_made_up_prices_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path / "desk"))
    assert run(["trade", "--feed", "synthetic", "--data", "ticks.csv", *home]) == 2
    assert "add --feed ticks, or leave them out" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "desk" / "journal.sqlite").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_desk_in_the_folder_of_one_at_work_is_refused_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], resume: bool
) -> None:
    with live_desk(tmp_path) as desk:
        before = desk.status()["events"]
        flags = ["--home", str(tmp_path), *(["--resume"] if resume else [])]
        assert run(["trade", "--feed", "synthetic", *flags]) == 2
        told = capsys.readouterr().err
        assert f"the desk in {tmp_path} is at work" in " ".join(told.split())
        assert f"quorum stop --home {tmp_path}" in " ".join(told.split())
        with pytest.raises(ConfigError, match="is at work"):
            asyncio.run(start_dynamic_trading(1.0, home=tmp_path, resume=resume))
        after = desk.status()
        assert (after["mode"], after["events"]) == ("TRADING", before)


def test_two_that_start_in_one_folder_at_once_are_one(tmp_path: Path) -> None:
    home = DeskHome(folder=tmp_path / "desk")
    with home.starting(), pytest.raises(ConfigError, match="starting or ending"), home.starting():
        pass
    with home.starting():
        assert not home.at_work


def test_a_coordinator_that_another_start_brought_along_is_refused(tmp_path: Path) -> None:
    with live_desk(tmp_path, loop_options={"run": "first"}) as desk:
        for other in ("second", ""):
            line = SocketChannel.dial(desk.home.gateway_address, desk.home.line_key(), COORDINATOR)
            line.send(Attach(session=SESSION, born=9, run=other))
            refused = line.receive()
            assert isinstance(refused, Failure)
            assert isinstance(refused.error, Fenced)
            line.close()
        assert desk.status()["epoch"] == 0
        line = SocketChannel.dial(desk.home.gateway_address, desk.home.line_key(), COORDINATOR)
        line.send(Attach(session=SESSION, born=1, run="first"))
        line.receive()
        assert desk.status()["epoch"] == 1
        line.close()


@pytest.fixture
def begun(tmp_path: Path) -> DeskHome:
    """The folder of a desk that was begun with flags, and has ended."""
    home = DeskHome(folder=tmp_path)
    plan = live_plan_of(load_settings(None, BEGUN), opened="once")
    journal = SqliteJournal(home.journal)
    journal.append(live_session_started(plan, time=0, feed="made-up prices"))
    journal.append(
        TradingOpened(
            time=0,
            broker="paper",
            last_transaction=0,
            versions=(),
            speed=60.0,
            history_time=np.empty(0, dtype=np.int64),
            history_values=np.empty((0, 6, len(plan.desk.symbols))),
        )
    )
    journal.close()
    return home


def test_a_desk_that_is_taken_up_needs_no_flag_that_its_journal_knows(begun: DeskHome) -> None:
    found = load_settings(None, None, settings_on_record(begun))
    assert found.data.instruments == ("EUR_USD", "USD_JPY")
    assert (found.data.bar, found.live.speed) == ("1m", 60.0)
    assert found.committee.agents == ("momentum", "volatility")
    assert load_settings(None, {"live": {"speed": 1.0}}, settings_on_record(begun)).live.speed == 1
    assert settings_on_record(DeskHome(folder=begun.folder / "nowhere")) == {}


def asked(settings: Settings, started: SessionStarted) -> SessionStarted:
    """What these settings would take up."""
    plan = live_plan_of(settings, session=started.session)
    return live_session_started(plan, time=0, feed="")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data": {"bar": "1h"}}, "has bars of 60 s, asked for is 3600 s"),
        (
            {"data": {"instruments": ("EUR_USD",)}},
            "EUR_USD, USD_JPY, asked for is EUR_USD",
        ),
        (
            {"committee": {"agents": ("momentum",)}},
            "momentum, volatility, asked for is momentum",
        ),
    ],
)
def test_a_desk_is_not_taken_up_as_another(
    begun: DeskHome, changed: dict[str, dict[str, object]], said: str
) -> None:
    settings = load_settings(None, changed, settings_on_record(begun))
    started = session_at(begun.journal)
    with pytest.raises(ConfigError, match=said):
        refuse_another(started, asked(settings, started))


def test_a_desk_with_shadows_is_taken_up_without_naming_them(tmp_path: Path) -> None:
    home = DeskHome(folder=tmp_path)
    agents = {"agents": ("momentum",), "shadows": ("volatility",), "allowed": ("sentiment",)}
    plan = live_plan_of(load_settings(None, {"committee": agents}), opened="once")
    started = live_session_started(plan, time=0, feed="made-up prices")
    journal = SqliteJournal(home.journal)
    journal.append(started)
    journal.close()
    settings = taken_up(home, partial(load_settings, None, None))
    refuse_another(started, asked(settings, started))
    again = taken_up(
        home, partial(load_settings, None, {"committee": {"shadows": ("volatility",)}})
    )
    assert (again.committee.shadows, again.committee.allowed) == (("volatility",), ("sentiment",))
    refuse_another(started, asked(again, started))


def test_nobody_who_tries_a_desk_out_waits_an_hour_for_a_bar() -> None:
    assert made_up(load_settings())
    assert not made_up(load_settings(None, {"live": {"feed": "ticks"}}))
    assert not made_up(load_settings(None, {"live": {"broker": "oanda"}}))
    assert load_settings(None, None, TRIED_OUT).data.bar == "5s"


@pytest.mark.parametrize("text", ["1s", "90s", "5m", "90m", "4h", "1d"])
def test_a_length_is_written_as_it_is_read(text: str) -> None:
    assert seconds(written(seconds(text))) == seconds(text)
    assert written(3_600) == "1h"
    assert written(86_400) == "1d"


def test_what_was_said_last_is_not_said_again_where_there_is_no_terminal() -> None:
    heard = io.StringIO()
    view = TradeView(Console(file=heard, width=200), every_s=0.0)
    for problem in ("", "", "the disk is full", "the disk is full", ""):
        view.silent(problem)
    assert heard.getvalue().splitlines() == [
        "waiting for the desk", "waiting for the desk: the disk is full", "waiting for the desk",
    ]  # fmt: skip


def test_a_journal_that_was_damaged_before_its_snapshot_is_not_taken_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with live_desk(tmp_path) as desk:
        desk.kill()  # which closes its books, and keeps a snapshot behind all events
    journal = desk.home.journal
    tampered(journal, lambda found: found.execute(SPOIL_THE_SECOND))
    assert run(["trade", "--resume", "--home", str(tmp_path)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "event 1 (AgentLeft) does not continue the chain" in told
    assert f"quorum journal salvage {journal}" in told
