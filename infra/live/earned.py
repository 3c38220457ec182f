"""What a desk has earned, from its journal: verified from end to end, then folded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from infra.journal.anchors import read_anchors
from infra.journal.reader import read_numbered
from infra.journal.verify import told, verify
from infra.live.home import DeskHome
from infra.live.staging import LAPSED, NEVER_ON_PAPER, UNGRANTED
from market.desk_state import DeskState
from market.errors import ConfigError, JournalError
from market.events import SessionStarted
from market.live_events import RulesTakenUp, StageChanged
from market.stage_grants import GRANTED_BY, StageGrant
from market.stages import stage_named

OF_REAL_DESKS = frozenset({UNGRANTED, LAPSED, NEVER_ON_PAPER})
"""Why stages are left that only a desk whose orders move real money leaves so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """started: of that desk. taken_up: each time since that it was taken up by other rules, oldest
    first. weights: of the agents that sit there now, shadows included. grant: what it may hand on.
    """

    started: SessionStarted
    weights: dict[str, float]
    grant: StageGrant
    taken_up: tuple[RulesTakenUp, ...]


def earned_by(home: DeskHome, key: bytes | None) -> Earned:
    """What the desk in a folder has earned. It may be at work meanwhile.

    key: of its seals. Raises JournalError where its journal does not hold, ConfigError where no
    desk is there, or one that stands at no live stage, or is real itself: what was granted is not
    handed on.
    """
    if not home.journal.exists():
        raise ConfigError(f"oanda.granted_by: {home.folder} holds no desk")
    anchors = read_anchors(home.anchors) if home.anchors.is_file() else []
    found = verify(home.journal, key, anchors)
    if not found.holds:
        raise JournalError(
            f"the journal of {home.folder} grants nothing: {told(found)}. "
            f"`quorum audit verify {home.folder}` looks closer"
        )
    numbered = takewhile(lambda one: one[0] < found.events, read_numbered(home.journal))
    events = (event for _, event, _ in numbered)
    started = next(events, None)
    if not isinstance(started, SessionStarted):
        raise JournalError(f"{home.journal}: expected a journal that begins with SessionStarted")
    state = DeskState(started, rows=1)
    promoted: StageChanged | None = None
    taken_up: list[RulesTakenUp] = []
    for event in events:
        state.apply(event)
        if isinstance(event, RulesTakenUp):
            taken_up.append(event)
        if not isinstance(event, StageChanged):
            continue
        if event.by == GRANTED_BY or event.reason in OF_REAL_DESKS:
            raise ConfigError(
                f"oanda.granted_by: the desk in {home.folder} trades real money itself; name one "
                "that has earned its stage on a practice account"
            )
        # Only a promotion has its evidence on record.
        if event.evidence and stage_named(event.stage).live:
            promoted = event
    stage = state.stage
    if stage is None or not stage.live or promoted is None:
        raise ConfigError(
            f"the desk in {home.folder} stands at {stage or 'no stage'}, and only one at a live "
            "stage grants one: `quorum stage promote` there, on what it has shown"
        )
    return Earned(
        started=started,
        taken_up=tuple(taken_up),
        weights={name: state.weights[name] for name in state.seated},
        grant=StageGrant(
            session=started.session,
            digest=found.head.hex(),
            stage=stage,
            since=promoted.time,
            evidence=promoted.evidence,
        ),
    )
