"""What a desk on Ray lets be done to it while it is at work. One desk goes through all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from coordinator.live.brokers.paper import PaperChoice
from coordinator.live.conduct import DeskOnRay
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from market.errors import ConfigError
from market.live_messages import Command
from tests.desks_on_ray import desk_at, plan_of
from tests.waiting import desk_told

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> DeskHome:
    return DeskHome(folder=tmp_path_factory.mktemp("at-work") / "desk")


@pytest.fixture(scope="module")
def desk(home: DeskHome, ray_session: str) -> Iterator[DeskOnRay]:
    with desk_at(home, ray_session) as desk:
        yield desk


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
def test_a_second_desk_in_the_same_place_is_refused(home: DeskHome, ray_session: str) -> None:
    with pytest.raises(ConfigError, match="another desk is at work"):
        DeskOnRay(plan_of(ray_session, "another"), home, PaperChoice()).start()
    desk_told(home, bool)
