"""Asking an agent for its votes on an altered panel, and keeping what it raises."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from agents.ballot import Agent, Ballot, check_ballot, check_names
from agents.law import Part, altered_how
from agents.scrutiny.panels import Altered
from agents.seat import said_by
from market.bars import Bars, Floats, utc
from market.errors import AgentError, DataError, InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An altered panel on which the agent raised, or broke the contract of a ballot.

    row, time: the bar that the alteration turns on. rows: length of the panel. said: its error.
    """

    part: Part
    row: int
    time: int
    rows: int
    said: str

    def __str__(self) -> str:
        return (
            f"it raised {altered_how(self.part)} ({self.rows:,} bars, "
            f"{utc(self.time):%Y-%m-%d %H:%M} UTC, row {self.row}): {self.said}"
        )


def votes_on(agent: Agent, bars: Bars) -> Ballot:
    """The agent's ballot. Raises what the agent raises, AgentError for a broken contract.

    Warnings about numbers that are no numbers are silenced: the panels hold them on purpose.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return check_ballot(agent.vote(bars), bars, agent.name)


def votes_on_whole(agent: Agent, bars: Bars) -> Ballot:
    """The ballot that the others are compared with. Raises AgentError where there is none."""
    try:
        votes = votes_on(agent, bars)
        check_names(votes, agent)
        return votes
    except InvalidError:
        raise
    except Exception as error:
        raise AgentError(
            f"{agent.name} raised on the panel as it is ({len(bars):,} bars of "
            f"{bars.shape[1]} instruments), so there is nothing to compare: {_line(error)}"
        ) from None


def votes_or_failure(agent: Agent, bars: Bars, panel: Altered) -> Ballot | Failure:
    """The ballot on an altered panel, or how there was none."""
    try:
        return votes_on(agent, panel.bars)
    except Exception as error:
        return Failure(
            part=panel.part,
            row=panel.cut,
            time=int(bars.time[panel.cut]),
            rows=len(panel.bars),
            said=_line(error),
        )


def require_rows(agent: Agent, bars: Bars) -> None:
    """Raise DataError where the panel has no bar before and after a first vote."""
    if len(bars) < agent.lookback + 2:
        raise DataError(
            f"{len(bars):,} bars are too few to examine {agent.name}: it looks back "
            f"{agent.lookback:,} bars, so at least {agent.lookback + 2:,} are needed. "
            "Load more history, or a longer range with --from and --to."
        )


def require_votes(agent: Agent, score: Floats, hint: str = "") -> None:
    """Raise AgentError where the agent never voted: everything would agree with nothing."""
    if not np.isfinite(score).any():
        raise AgentError(
            f"{agent.name} abstained on every bar that was looked at, so nothing can be said about "
            f"it. Give it data that it votes on (--data, --instruments, --from, --to).{hint}"
        )


def drawn_rows(first: int, stop: int, count: int, rng: np.random.Generator) -> list[int]:
    """Up to `count` rows of [first, stop): one drawn from each of as many equal stretches.

    Rows at equal distances would miss what happens every so many bars.
    """
    edges = np.linspace(first, stop, min(count, stop - first) + 1).astype(np.int64)
    return [int(rng.integers(low, high)) for low, high in pairwise(edges)]


def _line(error: Exception) -> str:
    return " ".join(said_by(error).split())
