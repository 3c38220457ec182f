"""A desk on Ray whose processes are killed with -9 while orders flow."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.surviving.account import WRONG, compare
from benchmarks.surviving.broker import bad_day, broker_of, good_day
from benchmarks.surviving.desk import (
    has_decided,
    holds_positions,
    kill_at_random,
    settings_of,
    settle,
)
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.brokers.paper import PaperChoice
from coordinator.live.conduct import DeskOnRay
from infra.journal.verify import verify
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from market.errors import ConfigError
from market.live_messages import Command
from tests.waiting import desk_told

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
SEED = 11
KILLS = 20
PAUSE_S = (0.2, 1.2)


@pytest.fixture
def home(tmp_path: Path) -> DeskHome:
    return DeskHome(folder=tmp_path / "desk")


@pytest.fixture
def desk(home: DeskHome) -> Iterator[DeskOnRay]:
    """A desk that trades."""
    plan = live_plan_of(settings_of(SEED, "quorum-tests"), opened="a test")
    desk = DeskOnRay(plan, home, PaperChoice())
    try:
        desk.start()
        desk_told(home, has_decided, "it decides", 180.0)
        yield desk
    finally:
        desk.take_down()


def test_twenty_kills_on_a_bad_day_leave_every_order_once_and_the_account_of_the_broker(
    desk: DeskOnRay, home: DeskHome
) -> None:
    with broker_of(home) as broker:
        broker.inject(bad_day(SEED))
        killed = kill_at_random(desk, KILLS, random.Random(SEED), PAUSE_S, lambda _: None)
        broker.inject(good_day())
        assert killed.total() == KILLS
        desk_told(home, holds_positions)
        settle(home)
        found = compare(home.journal, broker)
    assert found.orders > 0
    assert found.epochs > 1
    # A stop may close what is held while the desk settles; the cash that is compared has moved.
    assert found.fills > 0
    assert {name: getattr(found, name) for name in WRONG} == dict.fromkeys(WRONG, 0)
    assert verify(home.journal).faults == ()


def test_the_kill_switch_works_while_the_coordinator_is_frozen_and_survives_the_gateway(
    desk: DeskOnRay, home: DeskHome
) -> None:
    pids = desk.pids()
    os.kill(pids["coordinator"], 19)  # SIGSTOP
    try:
        told = ask_desk(home, Command(name="halt", by="a person", reason="a drill")).told
        assert (told["mode"], told["mode_by"]) == ("HALTED", "a person")
        epoch = told["epoch"]
        os.kill(pids["gateway"], 9)
    finally:
        os.kill(pids["coordinator"], 18)  # SIGCONT
    again = desk_told(home, lambda told: told["epoch"] > epoch, "it is up again", 60.0)
    assert (again["mode"], again["mode_reason"]) == ("HALTED", "a drill")


@pytest.mark.usefixtures("desk")
def test_a_second_desk_in_the_same_place_is_refused(home: DeskHome) -> None:
    plan = live_plan_of(settings_of(SEED, "quorum-tests"), opened="another")
    with pytest.raises(ConfigError, match="another desk is at work"):
        DeskOnRay(plan, home, PaperChoice()).start()
    desk_told(home, bool)
