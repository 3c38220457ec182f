"""Decides as often as a line of standard input says; answers with the seconds of each, as JSON.

Run with another checkout as PYTHONPATH it measures the code of that one: `against.py` does.
"""

from __future__ import annotations

import json
import sys

from benchmarks.decide import DEADLINE_MS, INSTRUMENTS, PRIMED, WARM_UP, decide
from benchmarks.deciding.desk import desk_plan, members
from benchmarks.replaying.market import walk
from infra.runtime import ray_cluster

MOST = 20_000
READY = "ready"


def main() -> None:
    """Until standard input ends."""
    plan = desk_plan(INSTRUMENTS, DEADLINE_MS)
    bars = walk(PRIMED + WARM_UP + MOST, INSTRUMENTS)
    with ray_cluster("quorum-benchmark"), members(plan, bars, PRIMED) as desk:
        decide(desk.session, bars, PRIMED, WARM_UP)
        print(READY, flush=True)
        at = PRIMED + WARM_UP
        for line in sys.stdin:
            taken = decide(desk.session, bars, at, int(line))
            at += int(line)
            print(json.dumps(taken.tolist()), flush=True)


if __name__ == "__main__":
    main()
