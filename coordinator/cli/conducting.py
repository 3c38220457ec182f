"""Running a plan by an engine, with a view of how it goes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from coordinator.cli.watch import SessionView
from coordinator.engines.choice import Engine
from coordinator.engines.locally import run_locally
from coordinator.interrupts import interrupts_noted
from coordinator.plan import Plan
from coordinator.replay import Replayed
from market.errors import QuorumError


def conduct(engine: Engine, plan: Plan, folder: Path, console: Console) -> Replayed:
    """Run the plan; its journal goes into the folder. Ctrl-C ends it cleanly with what it has.

    Raises what ended it, having said where the journal lies.
    """
    try:
        if engine == "local":
            return _locally(plan, folder, console)
        return _on_ray(engine, plan, folder, console)
    except QuorumError:
        console.print(f"what was recorded is kept in {folder}")
        raise


def _locally(plan: Plan, folder: Path, console: Console) -> Replayed:
    view = SessionView(console, plan.decisions, plan.desk.initial_balance)
    with interrupts_noted() as interrupted, view:
        return run_locally(plan, folder, interrupted, view)


def _on_ray(engine: Engine, plan: Plan, folder: Path, console: Console) -> Replayed:
    # Ray takes a second to import: wrong input should be told before that.
    from coordinator.conduct import run_on_ray  # noqa: PLC0415
    from coordinator.engines.on_panel import run_on_panel  # noqa: PLC0415
    from infra.runtime import ray_cluster  # noqa: PLC0415

    ray = plan.settings.ray
    view = SessionView(console, plan.decisions, plan.desk.initial_balance)
    with ExitStack() as stack:
        with console.status("starting Ray and the committee"):
            url = stack.enter_context(ray_cluster(ray.namespace, dashboard=ray.dashboard))
        if ray.dashboard and url is not None:
            console.print(f"dashboard {url}; its token: ray get-auth-token", highlight=False)
        if engine == "events":
            return run_on_ray(plan, folder, stack.enter_context(view))
        interrupted = stack.enter_context(interrupts_noted())
        return run_on_panel(plan, folder, interrupted, stack.enter_context(view))
