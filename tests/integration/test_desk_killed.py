"""A desk on Ray whose processes are killed with -9 while orders flow."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.surviving.account import compare
from benchmarks.surviving.desk import (
    has_decided,
    kill_at_random,
    settings_of,
    settle,
    status,
    until,
)
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.conduct import DeskOnRay
from infra.brokers.paper.live.client import PaperExchangeClient
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from market.errors import ConfigError
from market.live_messages import Command

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
    desk = DeskOnRay(plan, home)
    try:
        desk.start()
        assert until(home, has_decided, 180.0) < 180.0
        yield desk
    finally:
        desk.take_down()


def test_twenty_kills_lose_no_order_double_none_and_leave_the_books_of_the_broker(
    desk: DeskOnRay, home: DeskHome
) -> None:
    killed = kill_at_random(desk, KILLS, random.Random(SEED), PAUSE_S, lambda _: None)
    assert killed.total() == KILLS
    settle(home)
    client = PaperExchangeClient(home.exchange_address, home.line_key())
    try:
        found = compare(home.journal, client.transactions(0))
    finally:
        client.hang_up()
    assert found.orders > 0
    assert found.epochs > 1
    assert (found.lost, found.duplicated, found.unrecorded, found.positions_differ) == (0, 0, 0, 0)


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
    assert until(home, lambda told: told["epoch"] > epoch) < 60.0
    again = status(home)
    assert again is not None
    assert (again["mode"], again["mode_reason"]) == ("HALTED", "a drill")


@pytest.mark.usefixtures("desk")
def test_a_second_desk_in_the_same_place_is_refused(home: DeskHome) -> None:
    plan = live_plan_of(settings_of(SEED, "quorum-tests"), opened="another")
    with pytest.raises(ConfigError, match="another desk is at work"):
        DeskOnRay(plan, home).start()
    assert status(home) is not None
