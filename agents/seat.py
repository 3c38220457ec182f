"""`Seat`: an agent at the committee's table, fed one bar at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

from agents.ballot import (
    Agent,
    Ballot,
    FollowsBars,
    check_ballot,
    check_layers,
    check_shape,
    names_told,
    votes_alone,
)
from market.bar_window import BarSlice, BarWindow
from market.bars import Bars, Floats
from market.errors import FatalError
from market.messages import BallotCast, PrimeWith, VoteOn

LONGEST_REASON = 400
SOME_PAIRS = ("EUR_USD", "GBP_USD", "USD_JPY")
"""What an agent warms up on: what is compiled goes by kinds of arrays, not by instruments."""


class Seat:
    """Keeps the agent's window of bars and asks it for its newest vote.

    An agent that raises, or breaks its contract, abstains for that bar and says why; the
    window goes on, so that it may vote again on the next.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.voted = 0
        self._window: BarWindow | None = None
        self._evidence: tuple[str, ...] | None = None
        self._next = 0
        self._newest: Callable[[Bars], Ballot] | None = None
        self._follows: FollowsBars | None = None

    def warm_up(self) -> None:
        """Compile what the first vote would, by a vote on a flat market; nobody hears it. What the
        agent raises on that one, it may not raise on its own.
        """
        like = BarWindow(SOME_PAIRS, 1, 60).bars()
        with contextlib.suppress(Exception):
            checked(self.agent, asked_alone(self.agent))(_flat_market(like, self.agent.lookback))

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, VoteOn):
            return self._vote(message)
        if isinstance(message, PrimeWith):
            return self._prime(message)
        raise FatalError(f"an agent does not know messages of type {type(message).__name__}")

    def _prime(self, message: PrimeWith) -> tuple[str, ...]:
        """Take the history in; answers the names of the agent's evidence rows."""
        history = message.history
        self._window = BarWindow(
            history.symbols, self.agent.lookback, history.interval_s, history.has_extremes
        )
        newest = history.rows(max(len(history) - self.agent.lookback, 0), len(history))
        self._window.extend(newest)
        self._next = message.sequence
        if self._evidence is None:
            self._evidence = evidence_names(self.agent, history)
        self._newest = self._follows = None  # what it remembers is of the bars before
        if votes_alone(self.agent) is not None and len(self._window):
            try:
                self._begin()(self._window.bars())
            except Exception:  # it is told at its first vote
                self._newest = self._follows = None
        return self._evidence

    def _vote(self, message: VoteOn) -> BallotCast:
        if self._window is None or self._evidence is None:
            raise FatalError(f"{self.agent.name} was asked to vote before it was given history")
        if message.sequence != self._next:
            return self._abstention(
                message.sequence,
                self._window,
                len(self._evidence),
                f"bar {message.sequence} came where {self._next} was expected; it is primed anew",
            )
        self._next += 1
        self._window.push(message.bar)
        self.voted += 1
        try:
            layers = self._layers(message.bar, self._window, self._evidence)
        except Exception as error:
            self._newest = self._follows = None  # it may have missed this bar
            return self._abstention(
                message.sequence, self._window, len(self._evidence), said_by(error)
            )
        return BallotCast(sequence=message.sequence, layers=layers)

    def _layers(self, bar: BarSlice, window: BarWindow, evidence: tuple[str, ...]) -> Floats:
        """(1 + K, N) on the bar, which is the newest of the window."""
        if self._follows is not None:
            layers = self._follows.following(bar)
            if layers is not None:
                check_layers(layers, (1 + len(evidence), window.width), self.agent.name)
                return layers
        voter = self._newest or self._begin()
        return newest_layers(voter(window.bars()), evidence)

    def _begin(self) -> Callable[[Bars], Ballot]:
        """Have the agent's newest vote ready, with nothing in its memory."""
        alone = asked_alone(self.agent)
        self._follows = None
        if isinstance(alone, FollowsBars) and alone.evidence == self._evidence:
            self._follows = alone
        self._newest = checked(self.agent, alone)
        return self._newest

    def _abstention(self, sequence: int, window: BarWindow, rows: int, failure: str) -> BallotCast:
        return BallotCast(
            sequence=sequence,
            layers=np.full((1 + rows, window.width), np.nan),
            failure=failure,
        )


def newest_layers(ballot: Ballot, evidence: tuple[str, ...]) -> Floats:
    """(1 + K, N): the newest scores, then this evidence of them, NaN where the ballot has none."""
    unknown = np.full((1, ballot.score.shape[1]), np.nan)
    rows = [ballot.evidence.get(name, unknown)[-1:] for name in evidence]
    return np.concatenate([ballot.score[-1:], *rows], dtype=np.float64)


def asked_alone(agent: Agent) -> Callable[[Bars], Ballot] | None:
    """What votes on the newest row of a panel alone; None where the agent has no such vote."""
    alone = votes_alone(agent)
    return None if alone is None else alone.newest_vote()


def checked(agent: Agent, alone: Callable[[Bars], Ballot] | None) -> Callable[[Bars], Ballot]:
    """What votes on a panel such that the last row is that of the agent's vote; checked."""
    if alone is None:
        return lambda bars: check_ballot(agent.vote(bars), bars, agent.name)
    return lambda bars: check_shape(alone(bars), (1, bars.shape[1]), agent.name)


def said_by(error: Exception) -> str:
    """An agent's error as the record keeps it: its type and the start of what it says."""
    text = f"{type(error).__name__}: {error}"
    return text[:LONGEST_REASON].encode("utf-8", "replace").decode()


def evidence_names(agent: Agent, like: Bars) -> tuple[str, ...]:
    """The names of an agent's evidence, as it tells them, else read off a vote on a flat market as
    long as the lookback: names must not depend on prices.

    An agent that fails on it, or names its evidence by anything but words, has no evidence on
    record until it is mended. like: whose instruments and length of bars the market has.
    """
    try:
        told = names_told(agent)
        if told is not None:
            return told
        flat = _flat_market(like, agent.lookback)
        names = tuple(check_ballot(agent.vote(flat), flat, agent.name).evidence)
    except Exception:
        return ()
    return names if all(isinstance(name, str) for name in names) else ()


def _flat_market(like: Bars, length: int) -> Bars:
    shape = (length, len(like.symbols))
    flat = np.ones(shape)
    end = int(like.time[-1]) if len(like) else 0
    step = like.interval_s * 1_000_000_000
    return Bars(
        symbols=like.symbols,
        time=end - step * np.arange(length - 1, -1, -1, dtype=np.int64),
        open=flat,
        high=flat.copy(),
        low=flat.copy(),
        close=flat.copy(),
        spread=np.zeros(shape),
        volume=np.full(shape, np.nan),
        interval_s=like.interval_s,
        has_extremes=like.has_extremes,
    )
