"""`Ballot`, the `Agent` protocol, and what a committee member's answer must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from market.bar_window import BarSlice
from market.bars import Bars, Floats
from market.errors import AgentError

REAL = "fiub"
"""Kinds of numpy's numbers that a score may have. Masked arrays are refused: what a mask hides
is a number still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One agent's votes on a panel.

    score: (T, N) in [-1, 1]. The sign is the direction, the size the confidence; 0 is a neutral
        vote and NaN an abstention. Abstaining is not neutral: it leaves the tally altogether.
    evidence: plain names to the (T, N) arrays that the score came from; NaN where unknown.
    """

    score: Floats
    evidence: Mapping[str, Floats] = field(default_factory=dict)


@runtime_checkable
class Agent(Protocol):
    """A member of the committee.

    name: how the record and the weights call it.
    lookback: bars it needs before its first vote.

    The law of finite windows: for every row t,
    `vote(bars)[t] == vote(bars[:t+1])[-1] == vote(bars[t+1-lookback:t+1])[-1]`, to the last bit.
    It holds for raising too: an agent abstains on the bars on which it raises, and one that raises
    because of a panel's last row alone is not heard on the rows before it. Where a row cannot be
    voted on, give NaN for that row.
    """

    @property
    def name(self) -> str: ...

    @property
    def lookback(self) -> int: ...

    def vote(self, bars: Bars) -> Ballot:
        """Votes for every row; row t uses rows up to t only."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """An agent that can also give its scores without the evidence, which costs less.

    `score(bars)` equals `vote(bars).score` to the last bit.
    """

    def score(self, bars: Bars) -> Floats:
        """Scores (T, N) of every row."""
        ...


@runtime_checkable
class NewestVoter(Protocol):
    """An agent that can also vote on the newest row of a panel alone, which costs less."""

    def newest_vote(self) -> Callable[[Bars], Ballot]:
        """What gives the last row of `vote(bars)`, arrays (1, N), to the last bit.

        It may keep memory that it works in, and belongs to one thread. One that has raised is not
        asked again, nor one whose instruments or history were given anew.
        """
        ...


@runtime_checkable
class FollowsBars(Protocol):
    """What `newest_vote` gives, where it can also go on bar by bar without a panel: of a live
    desk's vote, making the panel and the ballot took longer than the arithmetic.
    """

    @property
    def evidence(self) -> tuple[str, ...]:
        """The names of its rows of evidence."""
        ...

    def following(self, bar: BarSlice) -> Floats | None:
        """(1 + K, N) score and evidence on the bar after the one that it voted on last, to the last
        bit those of the panel that ends with it; a fresh array. The instruments are the same; the
        bar is others' as well, and not to be written to.

        None, and nothing taken in, where it must be asked with the panel.
        """
        ...


@runtime_checkable
class NamesEvidence(Protocol):
    """An agent that can also name its evidence without a vote, which may compile for a while."""

    @property
    def evidence_names(self) -> tuple[str, ...]:
        """The names in the evidence of every ballot, in its order; of the class, not set later."""
        ...


def votes_alone(agent: Agent) -> NewestVoter | None:
    """The agent where its newest row may be asked for alone, else None.

    A class that changes `vote` and inherits `newest_vote` is asked for its `vote`: what it
    inherited would give the votes of another agent.
    """
    return agent if isinstance(agent, NewestVoter) and _of_its_vote(agent, "newest_vote") else None


def names_told(agent: Agent) -> tuple[str, ...] | None:
    """The names of its evidence as the agent tells them, else None; of a class that changes `vote`
    and inherits them, none. Raises AgentError where they are not names.
    """
    if not (isinstance(agent, NamesEvidence) and _of_its_vote(agent, "evidence_names")):
        return None
    told: object = agent.evidence_names
    if isinstance(told, tuple) and all(isinstance(name, str) for name in told):
        return told
    raise AgentError(f"{agent.name}: evidence_names must be a tuple of words, found {told!r}")


def _of_its_vote(agent: object, attribute: str) -> bool:
    """Whether this attribute belongs to the vote that the agent's class has."""
    for kind in type(agent).__mro__:
        if attribute in vars(kind):
            return True
        if "vote" in vars(kind):
            return False
    return True


def scores(agent: Agent, bars: Bars) -> Floats:
    """An agent's scores (T, N) where nobody asks for evidence: `score`, or the ballot's.

    AgentError when the answer breaks the contract.
    """
    if not isinstance(agent, Scorer):
        return check_ballot(agent.vote(bars), bars, agent.name).score
    return check_ballot(Ballot(score=agent.score(bars)), bars, agent.name).score


def check_ballot(ballot: object, bars: Bars, name: str) -> Ballot:
    """The ballot itself when it keeps the contract; AgentError that says how it does not."""
    return check_shape(ballot, bars.shape, name)


def check_names(ballot: Ballot, agent: Agent) -> None:
    """AgentError where a ballot has other evidence than the agent says."""
    told, found = names_told(agent), tuple(ballot.evidence)
    if told is not None and told != found:
        raise AgentError(
            f"{agent.name}: evidence_names says {', '.join(told) or 'none'}, and vote() gave "
            f"{', '.join(map(str, found)) or 'none'}; name every array of the evidence, in order"
        )


def check_shape(ballot: object, shape: tuple[int, int], name: str) -> Ballot:
    """As `check_ballot`, for a ballot of so many rows and instruments."""
    if not isinstance(ballot, Ballot):
        raise AgentError(f"{name}: vote() must return a Ballot, found {type(ballot).__name__}")
    for label, found in (("score", ballot.score), *ballot.evidence.items()):
        plain = type(found) is np.ndarray
        if not plain or found.dtype.kind not in REAL or found.shape != shape:
            raise AgentError(
                f"{name}: {label} must be an array of shape {shape} (bars, instruments), "
                f"found {_described(found)}"
            )
    check_range(ballot.score, name)
    return ballot


def ballot_of(layers: Floats, evidence: tuple[str, ...]) -> Ballot:
    """The score and its evidence (1 + K, N) as a ballot of one row."""
    rows = {name: layers[k : k + 1] for k, name in enumerate(evidence, start=1)}
    return Ballot(score=layers[:1], evidence=rows)


def told_alone(voter: FollowsBars, bar: BarSlice, name: str) -> Ballot | None:
    """The ballot on a bar that is told alone; None where the voter must be asked with the panel.

    AgentError when the answer breaks the contract.
    """
    layers = voter.following(bar)
    if layers is None:
        return None
    check_layers(layers, (1 + len(voter.evidence), bar.values.shape[1]), name)
    return ballot_of(layers, voter.evidence)


def check_layers(layers: Floats, shape: tuple[int, int], name: str) -> None:
    """AgentError where these are not a score and its evidence, (1 + K, N)."""
    kind = type(layers)
    if kind is not np.ndarray or layers.dtype != np.float64 or layers.shape != shape:
        raise AgentError(
            f"{name}: following() must return float64 of shape {shape} (score and evidence, "
            f"instruments), found {_described(layers)}"
        )
    check_range(layers[0], name)


def check_range(score: Floats, name: str) -> None:
    """AgentError where a score lies outside [-1, 1]."""
    outside = (score > 1.0) | (score < -1.0)
    if np.count_nonzero(outside):  # what `any` takes is felt at every vote of a live desk
        raise AgentError(
            f"{name}: scores must lie in [-1, 1] or be NaN, found {score[outside].flat[0]:g}"
        )


def _described(found: object) -> str:
    if isinstance(found, np.ndarray) and type(found) is np.ndarray:
        return f"{found.dtype} of shape {found.shape}"
    return type(found).__name__
