"""A live desk's start: what has compiled before it decides, and from when its time counts."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

from coordinator.live.trading_time import AT_WORK_WITHIN_S, TradingTime, missing

HERE = {"seated": True, "here": True}
AWAY = {"seated": True, "here": False}
AT_WORK: dict[str, Any] = {
    "waiting": "",
    "coordinator_attached": True,
    "guardian_here": True,
    "agents": {"momentum": HERE},
    "positions": [],
}


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_members_that_have_warmed_up_compile_nothing_in_their_first_decisions() -> None:
    asked = [sys.executable, "-m", "tests.first_decision"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert told.stdout == ""


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
        ({"agents": {"momentum": HERE, "shadow": {"seated": False, "here": False}}}, ""),
    ],
)
def test_what_keeps_a_desk_from_its_work_is_named(told: dict[str, Any], expected: str) -> None:
    assert missing(AT_WORK | told) == expected


def test_a_desk_that_nothing_was_heard_of_yet_has_no_guardian() -> None:
    told = {"waiting": "", "coordinator_attached": True}
    assert missing(told) == "without the guardian so far"


def test_the_time_to_trade_begins_once_the_desk_is_at_work() -> None:
    clock = Clock()
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
    clock = Clock()
    trading = TradingTime(60.0, clock)
    trading.heard(AT_WORK | {"guardian_here": False})
    clock.now += AT_WORK_WITHIN_S
    trading.heard(AT_WORK | {"guardian_here": False})
    clock.now += 59.0
    assert not trading.over
    clock.now += 1.0
    assert trading.over


def test_a_desk_without_an_end_trades_on() -> None:
    clock = Clock()
    trading = TradingTime(math.inf, clock)
    trading.heard(AT_WORK)
    clock.now += 1e9
    assert not trading.over
