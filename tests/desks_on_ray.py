"""A desk on Ray that trades on quotes made quickly, to be killed and held up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.surviving.desk import has_decided, settings_of
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.brokers.paper import PaperChoice
from coordinator.live.conduct import DeskOnRay
from coordinator.live.plan import LivePlan
from infra.live.home import DeskHome
from tests.waiting import desk_told

SEED = 11


def plan_of(namespace: str, opened: str = "a test") -> LivePlan:
    return live_plan_of(settings_of(SEED, namespace), opened=opened)


@contextmanager
def desk_at(home: DeskHome, namespace: str) -> Iterator[DeskOnRay]:
    """A desk that trades."""
    desk = DeskOnRay(plan_of(namespace), home, PaperChoice())
    try:
        desk.start()
        desk_told(home, has_decided, "it decides", 180.0)
        yield desk
    finally:
        desk.take_down()
