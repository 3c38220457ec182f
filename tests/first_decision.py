"""What the first decisions of a live desk compile that its members had not compiled before.

As `python -m tests.first_decision`, a line a kernel. The plan is what it is in an actor: read-only
arrays.
"""

from __future__ import annotations

import pickle
import sys

from numba.core.dispatcher import Dispatcher

from agents.seat import Seat
from coordinator.live.bootstrap import live_guardian_builder
from coordinator.live.plan import LivePlan
from coordinator.live.warming import warm_up
from market.compiled import PACKAGES
from market.live_messages import Marked
from market.shell import SlowStarter
from tests.live_session import bar_ready, live_session, small_plan
from tests.sockets import KEY

AGENTS = ("momentum", "mean_reversion", "volatility", "sentiment")
SEEN = 60


def as_in_an_actor(plan: LivePlan) -> LivePlan:
    """The plan as Ray hands it over: its arrays cannot be written to."""
    buffers: list[pickle.PickleBuffer] = []
    told = pickle.dumps(plan, protocol=5, buffer_callback=buffers.append)
    handed: LivePlan = pickle.loads(told, buffers=[bytes(one.raw()) for one in buffers])
    return handed


def compiled() -> set[tuple[str, str]]:
    """Kernels, and for which types each is compiled."""
    return {
        (f"{kernel.py_func.__module__}.{kernel.py_func.__name__}", str(types))
        for name, module in tuple(sys.modules.items())
        if name.partition(".")[0] in PACKAGES
        for kernel in vars(module).values()
        if isinstance(kernel, Dispatcher)
        for types in kernel.signatures
    }


def main() -> None:
    """Make plans, warm up everyone, decide, look again."""
    plans = [small_plan(AGENTS), small_plan(AGENTS, sizing={"method": "kelly"})]
    told = compiled()
    for plan in plans:
        told |= compiled_by(as_in_an_actor(plan))
    for name, types in sorted(told):
        print(name, types)


def compiled_by(plan: LivePlan) -> set[tuple[str, str]]:
    """What three decisions and a watch compile once everyone has warmed up."""
    for name in AGENTS:
        Seat(plan.spec_of(name).build()).warm_up()
    guardian = live_guardian_builder(plan, KEY)()
    assert isinstance(guardian, SlowStarter)
    guardian.warm_up()
    warm_up(plan.desk)
    before = compiled()
    assert before, "nobody has warmed up"
    with live_session(plan, rows=SEEN) as session:
        for number in range(SEEN, SEEN + 3):
            decided = session.decide(bar_ready(number, 1e-4 * number))
            session.decided()
            assert len(decided.records) >= 2, f"expected a decision, found {decided.records}"
        session.watch(Marked(sequence=SEEN + 2, time=0, equity=99_000.0, stage="paper"))
    return compiled() - before


if __name__ == "__main__":
    main()
