"""The guardian's figures: `python benchmarks/guardian.py` prints one JSON line a figure.

A replay with every control on, reviews in process, a whole assessment, changes of the capital
stage, and what the gateway's breakers and its kill switch take on a live desk. `--short` does less.
"""

from __future__ import annotations

import statistics

from benchmarks.guarding.assessment import assessment_figures
from benchmarks.guarding.breakers import figures as breaker_figures
from benchmarks.guarding.reviews import figures as review_figures
from benchmarks.guarding.stages import figures as stage_figures
from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import MACHINE, SHORT, figure, load
from benchmarks.replaying.market import span, walk
from benchmarks.replaying.plans import RULES, plan
from benchmarks.replaying.timing import activity, whole

ROWS = 10_000 if SHORT else 100_000
RUNS = 3 if SHORT else 7


def replay_with_every_rule() -> None:
    """The whole replay of 20 instruments: the guardian has no other mode."""
    twenty = plan(walk(ROWS, 20))
    found = whole(twenty)
    seconds = statistics.median(whole(twenty).cpu_s for _ in range(RUNS))
    figure(
        "replay_with_every_rule",
        twenty.decisions * twenty.desk.traded / seconds / 1e6,
        "M instrument-bars/CPU s",
        5.0,
        f"four agents, local engine; {span(twenty.bars)}; {activity(found)}; {RULES}; {MACHINE}",
    )


def main() -> None:
    """All figures."""
    arguments(__doc__)
    load("before")
    replay_with_every_rule()
    review_figures()
    assessment_figures()
    stage_figures()
    for one in breaker_figures():
        figure(**one)
    load("after")


if __name__ == "__main__":
    main()
