"""`RayCommittee`: every agent an actor of its own that votes on rows of a shared panel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from agents.actors import PanelAgentActor
from agents.panel_seat import RowBallots
from coordinator.engines.committee import CommitteeRows, Names, gather
from coordinator.plan import Plan
from market.bars import Floats
from market.errors import FatalError, MemberLost, QuorumError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Votes that are on their way. rows: first and last, exclusive. answers: one an agent."""

    rows: tuple[int, int]
    evidence: bool
    answers: list[Any]


class RayCommittee:
    """Agents on Ray. names: in the order of the tally. actors: one an agent. last: rows in all.

    The votes on a chunk run in parallel, and those on the next are asked for before this one's
    are handed out: the agents vote while the kernel works.
    """

    def __init__(self, names: tuple[str, ...], actors: list[Any], last: int) -> None:
        self._names = names
        self._actors = actors
        self._last = last
        self._ahead: Asked | None = None
        rows = self._answers([actor.open.remote() for actor in actors], "was seated")
        self._evidence: dict[str, Names] = dict(zip(names, rows, strict=True))

    @property
    def evidence(self) -> dict[str, Names]:
        """By agent, the names of its evidence rows."""
        return self._evidence

    def vote(self, start: int, stop: int, *, evidence: bool, scores: Floats) -> CommitteeRows:
        """Fill `scores` (R, A, N) for rows `start` up to, not including, `stop`.

        Raises MemberLost where an agent's process is gone: a replay without its votes would not
        be the one that was asked for.
        """
        asked = self._ahead
        if asked is None or (asked.rows, asked.evidence) != ((start, stop), evidence):
            asked = self._ask(start, stop, evidence)
        # Before waiting for these: an actor goes on to the next rows without coming back here.
        ahead = min(stop + stop - start, self._last)
        self._ahead = self._ask(stop, ahead, evidence) if stop < ahead else None
        ballots: list[RowBallots] = self._answers(asked.answers, f"voted on rows {start} to {stop}")
        return gather(ballots, scores)

    def _ask(self, start: int, stop: int, evidence: bool) -> Asked:
        answers = [actor.vote.remote(start, stop, evidence) for actor in self._actors]
        return Asked(rows=(start, stop), evidence=evidence, answers=answers)

    def _answers(self, asked: list[Any], doing: str) -> list[Any]:
        answers = []
        for name, reference in zip(self._names, asked, strict=True):
            try:
                answers.append(ray.get(reference))
            except RayActorError as error:
                raise MemberLost(
                    f"the process of agent {name} died while it {doing}: {_first_line(error)} The "
                    "replay stopped: without its votes it would be another one. Mend the agent, "
                    "give the machine more memory, or leave the agent out with --agents."
                ) from None
            except RayTaskError as error:
                cause = getattr(error, "cause", None)
                if isinstance(cause, QuorumError):
                    raise cause from None
                raise FatalError(f"agent {name} failed while it {doing}: {error}") from None
        return answers


def _first_line(error: RayActorError) -> str:
    """What Ray says happened; the lines after it name ids and addresses."""
    return next(iter(str(error).strip().splitlines()), "no reason is known").rstrip(". ") + "."


@contextmanager
def ray_committee(plan: Plan) -> Iterator[RayCommittee]:
    """The plan's committee as actors, gone afterwards; needs a connection to Ray.

    The bars of the traded instruments are put into the object store once; every actor on a node
    reads them there without a copy. The actors have no names: several panels may be replayed on a
    cluster at the same time.
    """
    traded = plan.desk.symbols[: plan.desk.traded]
    bars = ray.put(plan.bars if traded == plan.bars.symbols else plan.bars.columns(traded))
    actors = [
        PanelAgentActor.options(scheduling_strategy="SPREAD").remote(
            name, spec.build, bars, plan.first
        )
        for name, spec in zip(plan.names, plan.specs, strict=True)
    ]
    try:
        yield RayCommittee(plan.names, actors, len(plan.bars))
    finally:
        for actor in actors:
            ray.kill(actor)
