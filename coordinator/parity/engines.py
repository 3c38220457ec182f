"""One plan through one engine, as parity runs it."""

from __future__ import annotations

from pathlib import Path

from coordinator.engines.choice import ENGINES, Engine
from coordinator.engines.local import Stopped, Watcher
from coordinator.engines.locally import run_locally
from coordinator.in_process import run_in_process
from coordinator.plan import Plan
from coordinator.replay import Replayed
from market.errors import ConfigError, nearest


def two_engines(text: str) -> tuple[Engine, Engine]:
    """The engines of a comma-separated flag. Raises ConfigError unless they are two known ones."""
    named = [part.strip() for part in text.split(",") if part.strip()]
    known: list[Engine] = []
    for name in named:
        found = [engine for engine in ENGINES if engine == name]
        if not found:
            raise ConfigError(
                f"--engines: unknown engine {name!r}{nearest(name, ENGINES)} Expected two of "
                f"{', '.join(ENGINES)}, such as events,local"
            )
        known += found
    if len(known) != 2 or known[0] == known[1]:
        raise ConfigError(
            f"--engines: expected two different engines, such as events,local; found {text!r}"
        )
    return known[0], known[1]


def needs_ray(engines: tuple[Engine, ...], *, events_on_ray: bool) -> bool:
    """Whether one of them cannot do without Ray."""
    return "panel" in engines or (events_on_ray and "events" in engines)


def run_engine(
    engine: Engine,
    plan: Plan,
    folder: Path,
    stopped: Stopped,
    watch: Watcher,
    *,
    events_on_ray: bool,
) -> Replayed:
    """Run the plan; journal.sqlite goes into the new folder.

    events_on_ray: with every member an actor; else the same session in this process, where its
    bars are counted before each. Raises what ended the run.
    """
    folder.mkdir(parents=True)
    if engine == "local":
        return run_locally(plan, folder, stopped, watch)
    if engine == "events" and not events_on_ray:
        return run_in_process(plan, folder, stopped, watch)
    # Ray takes a second to import, and events and local do without it.
    from coordinator.conduct import run_on_ray  # noqa: PLC0415
    from coordinator.engines.on_panel import run_on_panel  # noqa: PLC0415

    if engine == "events":
        return run_on_ray(plan, folder, watch)
    return run_on_panel(plan, folder, stopped, watch)
