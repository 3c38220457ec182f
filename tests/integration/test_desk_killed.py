"""A desk on Ray whose processes are killed with -9 while orders flow."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
from pathlib import Path

import pytest

from benchmarks.surviving.account import WRONG, compare
from benchmarks.surviving.broker import bad_day, broker_of, good_day
from benchmarks.surviving.desk import holds_positions, kill_at_random, settle
from infra.journal.verify import verify
from infra.live.home import DeskHome
from tests.desks_on_ray import SEED, desk_at
from tests.waiting import desk_told, until

pytestmark = pytest.mark.ray
KILLS = 20
PAUSE_S = (0.2, 1.2)


def test_twenty_kills_on_a_bad_day_leave_every_order_once_and_the_account_of_the_broker(
    tmp_path: Path, ray_session: str
) -> None:
    home = DeskHome(folder=tmp_path / "desk")
    with desk_at(home, ray_session) as desk, broker_of(home) as broker:
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


def test_a_gateway_that_cannot_take_the_desk_up_again_gives_up_in_its_own_words(
    tmp_path: Path, ray_session: str
) -> None:
    home = DeskHome(folder=tmp_path / "desk")
    with desk_at(home, ray_session) as desk:
        assert desk.given_up() == ""
        with contextlib.closing(sqlite3.connect(home.journal, timeout=20.0)) as journal:
            journal.execute("PRAGMA user_version = 99")
        os.kill(desk.pids()["gateway"], signal.SIGKILL)
        said = until(desk.given_up, "the gateway was started again and gave up", 60.0)
        assert said.startswith("gateway: ")
        assert "schema 99" in said
