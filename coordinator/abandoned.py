"""A desk whose command line is gone: its actors are detached, so somebody must take them down."""

from __future__ import annotations

import contextlib
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError

from coordinator.bootstrap import COORDINATOR
from market.errors import ConfigError

ABANDONED_AFTER_S = 60.0
ANSWERS_WITHIN_S = 10.0


def make_room(namespace: str, abandoned_after_s: float) -> None:
    """Take down the desk of this namespace when nobody has looked at it for that long.

    A command line looks several times a second; one that was killed, or lost its connection,
    never does again. Raises ConfigError for a desk that is looked at.
    """
    try:
        coordinator: Any = ray.get_actor(COORDINATOR, namespace)
        attendance: tuple[float, tuple[str, ...]] = ray.get(
            coordinator.attendance.remote(), timeout=ANSWERS_WITHIN_S
        )
    except (ValueError, RayActorError):
        return  # none there
    except (GetTimeoutError, AttributeError):  # busy starting, or of another version
        raise another_desk(namespace) from None
    unwatched_s, members = attendance
    if unwatched_s < abandoned_after_s:
        raise another_desk(namespace)
    for name in (*members, COORDINATOR):
        with contextlib.suppress(ValueError):
            ray.kill(ray.get_actor(name, namespace))


def another_desk(namespace: str) -> ConfigError:
    """The refusal to start a second desk beside a first."""
    return ConfigError(
        f"another desk is at work in the namespace {namespace!r}. Wait until it ends, or until "
        f"nobody has watched it for {ABANDONED_AFTER_S:g} s; or choose ray.namespace."
    )
