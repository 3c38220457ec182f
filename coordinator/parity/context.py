"""What stands around a difference: its bar, the names of its place, ballots and positions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from coordinator.parity.comparison import Difference, Side
from market.events import BarSettled, Event, OrderCancelled, OrderFilled, OrderIntended

ROWS = {"scores", "evidence"}
"""Fields whose first axis is not the instruments."""

VERDICT = re.compile(r"(approved|refused)\[(\d+)\]")

MEMORY = "memory"
"""Of the guardian: a row of numbers that are not by instrument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One instrument on both sides: signed units and mid after the bar; NaN where unknown."""

    symbol: str
    units: tuple[float, float]
    mid: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One agent's score on one instrument on both sides; NaN is an abstention."""

    agent: str
    symbol: str
    score: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """bar: sequence from 0, -1 before the first. time: its end, UTC nanoseconds. kinds: of the
    two events, None after a journal's end. place: the value in words. about: the instrument that
    it concerns, where it concerns one. equity: both sides after their last settled bar.
    votes: of the newest decision. same_bar: whether it was taken on this very bar.
    """

    bar: int
    time: int
    kinds: tuple[str | None, str | None]
    before: str | None
    place: str
    about: str | None
    equity: tuple[float, float]
    holdings: tuple[Holding, ...]
    votes: tuple[Vote, ...]
    same_bar: bool


def context_of(difference: Difference) -> Context:
    """The surroundings of a difference."""
    one, other = difference.one, difference.other
    symbols = difference.session.symbols
    bar, time = _when(one, other)
    about = _about(difference)
    decided = one.decided or other.decided
    return Context(
        bar=bar,
        time=time,
        kinds=(_kind(one.event), _kind(other.event)),
        before=_kind(difference.before),
        place=_place(difference),
        about=about,
        equity=(_equity(one), _equity(other)),
        holdings=tuple(
            Holding(
                symbol=symbol,
                units=(_settled(one, "units", column), _settled(other, "units", column)),
                mid=(_settled(one, "mid", column), _settled(other, "mid", column)),
            )
            for column, symbol in enumerate(symbols)
            if about is None or symbol == about
        ),
        votes=tuple(
            Vote(
                agent=agent.name,
                symbol=symbol,
                score=(_score(one, row, column), _score(other, row, column)),
            )
            for column, symbol in enumerate(symbols[: difference.session.traded])
            for row, agent in enumerate(difference.session.agents)
            if about is None or symbol == about
        ),
        same_bar=decided is not None and decided.sequence == bar,
    )


def value_in(event: Event) -> Any:
    """The part of an event that carries its bar: a fill, an order, a cancellation, or itself."""
    if isinstance(event, OrderFilled):
        return event.fill
    if isinstance(event, OrderIntended):
        return event.order
    if isinstance(event, OrderCancelled):
        return event.cancellation
    return event


def agent_meant(difference: Difference) -> str | None:
    """The agent whose own numbers differ first, where it is an agent's."""
    unequal, agents = difference.unequal, difference.session.agents
    if unequal is None or not unequal.place.indices or unequal.place.field not in ROWS:
        return None
    row = unequal.place.indices[0]
    if unequal.place.field == "scores":
        return agents[row].name
    owners = [agent.name for agent in agents for _ in agent.evidence]
    return owners[row]


def _when(one: Side, other: Side) -> tuple[int, int]:
    for side in (one, other):
        if side.event is not None:
            told = value_in(side.event)
            settled = side.settled
            time = getattr(told, "time", settled.time if settled is not None else 0)
            return int(getattr(told, "sequence", -1)), int(time)
    return -1, 0


def _about(difference: Difference) -> str | None:
    """The instrument of the place, or of the event."""
    unequal, session = difference.unequal, difference.session
    if unequal is not None and unequal.place.indices and unequal.place.field != MEMORY:
        return session.symbols[unequal.place.indices[-1]]
    verdict = VERDICT.match(unequal.place.field) if unequal is not None else None
    for side in (difference.one, difference.other):
        told = value_in(side.event) if side.event is not None else None
        if verdict is not None:
            told = getattr(told, verdict[1])[int(verdict[2])]
        symbol = getattr(told, "symbol", None)
        if isinstance(symbol, str):
            return symbol
    return None


def _place(difference: Difference) -> str:
    unequal, session = difference.unequal, difference.session
    if unequal is None:
        return "the end of a journal"
    name, index = unequal.place.field, unequal.place.indices
    if not index:
        return name
    labels = [session.symbols[index[-1]]]
    if name == "scores":
        labels.insert(0, session.agents[index[0]].name)
    elif name == "evidence":
        rows = [f"{agent.name}'s {row}" for agent in session.agents for row in agent.evidence]
        labels.insert(0, rows[index[0]])
    return f"{name}[{', '.join(labels)}]"


def _kind(event: Event | None) -> str | None:
    return type(event).__name__ if event is not None else None


def _equity(side: Side) -> float:
    return side.settled.equity if side.settled is not None else float("nan")


def _settled(side: Side, name: str, column: int) -> float:
    settled: BarSettled | None = side.settled
    return float(getattr(settled, name)[column]) if settled is not None else float("nan")


def _score(side: Side, row: int, column: int) -> float:
    return float(side.decided.scores[row, column]) if side.decided is not None else float(np.nan)
