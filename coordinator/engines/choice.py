"""Which engine replays a plan: all write the same journal, so only speed and the view differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from market.errors import ConfigError, nearest

Engine = Literal["events", "panel", "local"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
AUTO = "auto"
ON_THIS_MACHINE = {"", "local"}
"""What `RAY_ADDRESS` says where no cluster is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The engine that runs, and why in words."""

    engine: Engine
    why: str


def choose_engine(asked: str, environment: Mapping[str, str], *, dashboard: bool) -> Choice:
    """The engine asked for; `auto` takes the one without Ray unless Ray is meant.

    dashboard: whether Ray's is wanted. Raises ConfigError for an unknown engine, and for `local`
    together with a dashboard, which it has not.
    """
    address = environment.get("RAY_ADDRESS", "")
    for engine in ENGINES:
        if engine != asked:
            continue
        if engine == "local" and dashboard:
            raise ConfigError(
                "the local engine starts no Ray, so there is no dashboard to show; use the engine "
                "events or panel, or leave out --dashboard and ray.dashboard"
            )
        return Choice(engine=engine, why="asked for")
    if asked != AUTO:
        known = (*ENGINES, AUTO)
        raise ConfigError(
            f"unknown engine {asked!r}{nearest(asked, known)} Expected one of {', '.join(known)}."
        )
    if dashboard:
        return Choice(engine="events", why="Ray's dashboard is asked for")
    if address not in ON_THIS_MACHINE:
        return Choice(engine="events", why=f"RAY_ADDRESS is {address}")
    return Choice(engine="local", why="no Ray cluster is named and no dashboard asked for")
