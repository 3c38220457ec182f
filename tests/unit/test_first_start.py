"""A live desk's start: what has compiled before it decides, and from when its time counts."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.cli.trade_view import FIRST_START, status_lines
from coordinator.live.status_view import status_line
from coordinator.live.trading_time import AT_WORK_WITHIN_S, TradingTime, missing
from market.live_messages import MembersTold
from tests.hand_clock import HandClock
from tests.live import coordinator_of, live_desk
from tests.live_session import small_plan

HERE = {"seated": True, "here": True}
AWAY = {"seated": True, "here": False}
AT_WORK: dict[str, Any] = {
    "waiting": "",
    "coordinator_attached": True,
    "guardian_here": True,
    "agents": {"momentum": HERE},
    "weights": {"momentum": 0.6, "sentiment": 0.4},
}


def test_a_plan_compiles_nothing_and_members_that_have_warmed_up_decide_without_compiling() -> None:
    asked = [sys.executable, "-m", "tests.first_decision"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, ""), told.stderr


def test_what_is_the_same_on_every_bar_is_of_one_kind_here_and_in_an_actor() -> None:
    desk = small_plan(("momentum",), sizing={"method": "kelly"}).desk
    arrays = [*desk.traits, *desk.paths, desk.weights, desk.typical_spread]
    constants = [one for one in arrays if isinstance(one, np.ndarray)]
    assert len(constants) == 12
    assert not any(one.flags.writeable for one in constants)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, ""),
        ({"waiting": "waiting for the broker: no line"}, "waiting for the broker: no line"),
        ({"coordinator_attached": False}, "the coordinator is not there yet"),
        ({"guardian_here": False}, "without the guardian so far"),
        (
            {"agents": {"momentum": AWAY, "sentiment": AWAY}},
            "without momentum, sentiment so far",
        ),
        ({"agents": {"sentiment": {"seated": False, "here": False}}}, ""),
        ({"agents": {"shadow": AWAY}, "weights": {"shadow": 0.0}}, ""),
    ],
)
def test_what_keeps_a_desk_from_its_work_is_named(told: dict[str, Any], expected: str) -> None:
    assert missing(AT_WORK | told) == expected


def test_a_desk_whose_first_bar_is_hours_away_is_at_work_once_its_members_are_there(
    tmp_path: Path,
) -> None:
    with live_desk(tmp_path) as desk:
        assert missing(desk.ask("status").told) == "the coordinator is not there yet"
        with coordinator_of(desk) as coordinator:
            told = desk.until(lambda told: told["coordinator_attached"])
            assert missing(told) == "without the guardian so far"
            coordinator.say(MembersTold(health={"guardian_here": True, "agents": {}}))
            told = desk.until(lambda told: not missing(told))
            assert told["bars"] == 0


def test_a_desk_that_trades_without_a_member_is_shown_with_whom_it_lacks(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        told = dict(desk.ask("status").told)
    starting = status_lines(told | {"bars": 0}, "without momentum so far")
    assert starting == f"{FIRST_START}: without momentum so far"
    lacking, line = status_lines(told | {"bars": 900}, "without momentum so far").split("\n")
    assert (lacking, line) == ("without momentum so far", status_line(told | {"bars": 900}))
    assert status_lines(told, "") == status_line(told)


def test_the_time_to_trade_begins_once_the_desk_is_at_work() -> None:
    clock = HandClock()
    trading = TradingTime(60.0, clock)
    trading.heard(AT_WORK | {"guardian_here": False})
    clock.now += 90.0
    trading.heard(AT_WORK)
    clock.now += 59.0
    assert not trading.over
    trading.heard(AT_WORK | {"coordinator_attached": False})  # it was killed, and comes back
    trading.heard(AT_WORK)
    clock.now += 1.0
    assert trading.over


def test_a_desk_that_never_gets_to_work_ends_all_the_same() -> None:
    clock = HandClock()
    trading = TradingTime(60.0, clock)
    trading.heard(AT_WORK | {"guardian_here": False})
    clock.now += AT_WORK_WITHIN_S
    trading.heard(AT_WORK | {"guardian_here": False})
    clock.now += 59.0
    assert not trading.over
    clock.now += 1.0
    assert trading.over


def test_a_desk_without_an_end_trades_on() -> None:
    clock = HandClock()
    trading = TradingTime(math.inf, clock)
    trading.heard(AT_WORK)
    clock.now += 1e9
    assert not trading.over
