"""Does an agent keep the law of finite windows: its votes on altered panels beside its own.

Later rows are cut off, emptied, magnified, and replaced by another path; the panel starts later,
or holds the last `lookback` rows only; where the agent can vote on a newest row alone, as it would
live, that is held beside them. A vote that the law covers must not change. All this is
done again with prices missing: what fills gaps from later bars is seen nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from agents.ballot import Agent, Ballot, votes_alone
from agents.law import compare, rows_of
from agents.scrutiny.newest import ROLLED, NewestAlone
from agents.scrutiny.panels import (
    Altered,
    diverted,
    emptied,
    magnified,
    shifted,
    truncated,
    unaltered,
    window,
    with_gaps,
)
from agents.scrutiny.verdict import Lookahead, Trial
from agents.scrutiny.voting import (
    Failure,
    drawn_rows,
    require_rows,
    require_votes,
    votes_on_whole,
    votes_or_failure,
)
from market.bars import Bars

TOLERANCE = 1e-9
ROWS = 32
SHIFTS = 6
Watch = Callable[[int, int], None]


def examine_lookahead(
    agent: Agent,
    bars: Bars,
    *,
    rows: int = ROWS,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    watch: Watch | None = None,
) -> Lookahead:
    """Hold the agent's votes on altered panels beside its votes on `bars`.

    rows: at how many rows later bars are altered and windows end, at the most. seed: of these
    rows, the gaps and the other paths. tolerance: the largest `agents.law.distance` that still
    keeps the law. watch: called with the panels done, and all of them. Raises DataError where the
    panel is too short, AgentError where the agent raises on the panel itself or never votes.
    """
    require_rows(agent, bars)
    rng = np.random.default_rng(seed)
    cuts = drawn_rows(agent.lookback - 1, len(bars) - 1, rows, rng)
    starts = drawn_rows(1, len(bars) - agent.lookback + 1, SHIFTS, rng)
    gapped = with_gaps(bars, cuts, rng)
    whole = votes_on_whole(agent, bars)
    require_votes(agent, whole.score)
    each = 5 if votes_alone(agent) is None else 6
    total = 1 + 2 * (each * len(cuts) + len(starts))
    trials: list[Trial] = []
    for trial in _trials(agent, (bars, whole), gapped, cuts, starts, rng, tolerance):
        trials.append(trial)
        if watch is not None:
            watch(len(trials), total)
    return Lookahead(
        agent=agent.name,
        lookback=agent.lookback,
        bars=len(bars),
        instruments=bars.shape[1],
        tolerance=tolerance,
        trials=tuple(trials),
    )


def _trials(
    agent: Agent,
    original: tuple[Bars, Ballot],
    gapped: Bars,
    cuts: list[int],
    starts: list[int],
    rng: np.random.Generator,
    tolerance: float,
) -> Iterator[Trial]:
    bars, whole = original
    again = _tried(agent, bars, whole, unaltered(bars, "repeated"), False, tolerance)
    yield again
    if again.beyond or again.failure is not None:
        return  # every other difference could be this one
    for panel in _altered(bars, cuts, starts, agent, rng):
        yield _tried(agent, bars, whole, panel, False, tolerance)
    votes = votes_or_failure(agent, gapped, unaltered(gapped, "gapped"))
    if isinstance(votes, Failure):
        yield Trial(part="gapped", gaps=True, failure=votes)
        return
    for panel in _altered(gapped, cuts, starts, agent, rng):
        yield _tried(agent, gapped, votes, panel, True, tolerance)


def _altered(
    bars: Bars, cuts: list[int], starts: list[int], agent: Agent, rng: np.random.Generator
) -> Iterator[Altered]:
    lookback = agent.lookback
    for cut in cuts:
        yield truncated(bars, cut)
        yield emptied(bars, cut)
        yield magnified(bars, cut)
        yield diverted(bars, cut, rng)
        yield window(bars, cut, lookback)
        if votes_alone(agent) is not None:
            yield window(bars, cut, ROLLED * lookback, "newest")
    for start in starts:
        yield shifted(bars, start, lookback)


def _tried(
    agent: Agent, bars: Bars, whole: Ballot, panel: Altered, gaps: bool, tolerance: float
) -> Trial:
    asked = NewestAlone(agent) if panel.part == "newest" else agent
    votes = votes_or_failure(asked, bars, panel)
    if isinstance(votes, Failure):
        return Trial(part=panel.part, gaps=gaps, failure=votes)
    here = rows_of(whole, panel.row, panel.row + panel.rows)
    there = rows_of(votes, panel.at, panel.at + panel.rows)
    seen = compare(agent.name, bars, panel.row, panel.part, here, there, tolerance=tolerance)
    return Trial(
        part=panel.part,
        gaps=gaps,
        compared=here.score.size,
        differing=tuple(seen.differing),
        beyond=tuple(seen.beyond),
        largest=seen.largest,
    )
