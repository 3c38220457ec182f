"""`Staging`: the desk's capital stage, raised by people on evidence, lowered by the desk itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from infra.live.books import Books
from infra.logs import Tell
from market.desk_state import DeskState
from market.events import Event, TradingHalted
from market.live_events import MismatchFound, StageChanged
from market.stage_grants import GRANTED_BY, StageGrant
from market.stage_needs import (
    CONFIDENCE,
    StageNeeds,
    missing,
    no_evidence,
    said,
    sharpe_ratio,
    shown,
)
from market.stages import (
    CapitalStage,
    is_above,
    stage_above,
    stage_below,
    stage_limits,
)

GATEWAY = "gateway"
CONFIGURED = "configuration"
UNKNOWN = "the desk has no stage on record"
NEVER_ON_PAPER = "a real account never trades on paper's limits"
UNGRANTED = "no practice desk has earned a live stage for this one"
LAPSED = (
    "the practice desk was promoted more than 30 days ago; begin its evidence anew there, promote "
    "it on what it shows, and take this desk up again"
)
DAILY_LOSS, DRAWDOWN = "DAILY_LOSS", "DRAWDOWN"
"""Halts of the guardian; those by a drawdown begin with that word."""


def lowered_by(stage: CapitalStage, event: Event) -> tuple[CapitalStage, str] | None:
    """Where an event of the journal sends a desk at a live stage, and why; None: it stays."""
    if not stage.live:
        return None
    if isinstance(event, MismatchFound):
        return CapitalStage.EMERGENCY_STOP, f"the books differ from the broker's: {event.what}"
    if isinstance(event, TradingHalted) and event.halt.startswith(DRAWDOWN):
        return CapitalStage.PAPER, f"a drawdown of {event.measured:.2%} halted new risk"
    if isinstance(event, TradingHalted) and event.halt == DAILY_LOSS:
        return stage_below(stage), f"a day's loss of {event.measured:.2%} halted new risk"
    return None


class Staging:
    """given: the newest bar that a coordinator was given; its decision is at the stage before.

    wall: the machine's time, UTC ns, of a desk whose market keeps it; 0 where that says nothing.
    real: whether orders move real money. Such a desk never stands on paper: what would lead it
    there is an emergency stop, and it begins, and leaves one, on what a practice desk has shown
    (`grant`).
    """

    def __init__(
        self,
        books: Books,
        needs: StageNeeds,
        tell: Tell,
        *,
        real: bool = False,
        grant: StageGrant | None = None,
        wall: Callable[[], int] = lambda: 0,
    ) -> None:
        self._books = books
        self._needs = needs
        self._tell = tell
        self._real = real
        self._grant = grant
        self._wall = wall
        self._seen = 0
        self.given = books.state.sequence

    @property
    def name(self) -> str:
        """Of the stage on record, empty where there is none."""
        stage = self._books.state.stage
        return "" if stage is None else stage.value

    @property
    def barred(self) -> str:
        """Why nothing new may be opened at this stage, empty where it may."""
        stage = self._books.state.stage
        if stage is CapitalStage.EMERGENCY_STOP:
            return f"the desk stands at {stage}: nothing new"
        if self._real and (stage is None or not stage.live):
            stands = f"at {stage}" if stage is not None else "at no stage"
            return f"the account is real and the desk stands {stands}: nothing new"
        return ""

    def saw(self, time: int) -> None:
        """The market has come to this time, UTC ns; no stage changes before it on record."""
        self._seen = max(self._seen, time)

    def begin(self, now: int) -> None:
        """A desk begins on paper; one that is taken up again stands where it stood.

        A real one begins at the lowest live stage, as a practice desk has earned it.
        """
        stage, grant = self._books.state.stage, self._grant
        if self._real and stage is CapitalStage.PAPER:
            self._move(CapitalStage.EMERGENCY_STOP, GATEWAY, NEVER_ON_PAPER, now)
        if stage is not None:
            return
        if not self._real:
            self._move(CapitalStage.PAPER, CONFIGURED, "a desk begins on paper", now)
        elif grant is None:
            self._move(CapitalStage.EMERGENCY_STOP, CONFIGURED, UNGRANTED, now)
        elif grant.has_lapsed(self._newest(now)):
            self._move(CapitalStage.EMERGENCY_STOP, CONFIGURED, LAPSED, now)
        else:
            self._move(CapitalStage.LIVE_MINIMAL, GRANTED_BY, grant.said, now, grant.evidence)

    def look(self, now: int, events: Sequence[Event] = ()) -> None:
        """Lower the stage where what was just recorded asks for it. now: market time, ns."""
        state = self._books.state
        for event in events:
            lowered = None if state.stage is None else lowered_by(state.stage, event)
            if lowered is not None:
                to, why = lowered
                self._move(to, GATEWAY, why, now)
        fallen = state.evidence.drawdown
        if state.stage is not None and state.stage.live and not fallen <= self._needs.drawdown:
            why = f"the desk fell by {fallen:.2%} at {state.stage}"
            self._move(CapitalStage.PAPER, GATEWAY, why, now)

    def distrust(self, now: int, why: str) -> None:
        """The books are not proved to be the broker's."""
        stage = self._books.state.stage
        if stage is not None and stage.live:
            self._move(CapitalStage.EMERGENCY_STOP, GATEWAY, why, now)

    def promote(self, by: str, reason: str, now: int) -> str:
        """Up one stage; why not, empty where it was done.

        Out of an emergency stop the way leads to paper, which needs no evidence; on a real account
        to the lowest live stage, where a practice desk was promoted after the stop.
        """
        state = self._books.state
        stage = state.stage
        if stage is None:
            return UNKNOWN
        above = self._above(stage)
        if above is None:
            return f"{stage} is the highest stage"
        lacking = self._missing(stage, now)
        if lacking:
            return f"{above} needs more than {stage} has shown: {'; '.join(lacking)}"
        if self._real and stage is CapitalStage.EMERGENCY_STOP and self._grant is not None:
            self._move(above, by, f"{reason}; {self._grant.said}", now, self._grant.evidence)
        else:
            self._move(above, by, reason, now, evidence_of(state))
        return ""

    def demote(self, to: str, by: str, reason: str, now: int) -> str:
        """Down to a stage, or by one; why not, empty where it was done.

        To the stage that it stands at: its evidence begins anew.
        """
        stage = self._books.state.stage
        if stage is None:
            return UNKNOWN
        known = tuple(one.value for one in CapitalStage)
        if to and to not in known:
            return f"expected one of {', '.join(known)}, found {to!r}"
        if self._real and to == CapitalStage.PAPER:
            return f"{NEVER_ON_PAPER}; {CapitalStage.EMERGENCY_STOP} opens nothing new"
        target = CapitalStage(to) if to else self._landing(stage_below(stage))
        if is_above(target, stage):
            return f"{target} is above {stage}; `quorum stage promote` climbs, on evidence"
        if not to and target is stage:
            return f"{stage} has no stage below it; name one with --to"
        self._move(target, by, reason, now)
        return ""

    def stop(self, by: str, reason: str, now: int) -> None:
        """Nothing new from here."""
        if self._books.state.stage is not CapitalStage.EMERGENCY_STOP:
            self._move(CapitalStage.EMERGENCY_STOP, by, reason, now)

    def told(self) -> dict[str, Any]:
        """The stage as plain values, for people and machines."""
        state, needs = self._books.state, self._needs
        stage, staged = state.stage, state.staged
        if stage is None or staged is None:
            return {}
        limits, above = stage_limits(stage), self._above(stage)
        evidence, interval_s = state.evidence, state.started.interval_s
        return {
            "stage": stage.value,
            "real": self._real,
            "by": staged.by,
            "reason": staged.reason,
            "since": staged.time,
            "next": None if above is None else above.value,
            "limits": {
                "risk_per_trade": limits.risk_per_trade,
                "exposure": limits.exposure,
                "daily_loss": limits.daily_loss,
                "instruments": limits.instruments,
            },
            "needed": [
                {
                    "name": one.name,
                    "found": one.found,
                    "needed": one.needed,
                    "at_most": one.at_most,
                    "enough": one.enough,
                    "said": said(one.name, one.found, plain=True),
                    "asked": said(one.name, one.needed, plain=True),
                }
                for one in shown(evidence, needs, interval_s)
            ],
            "missing": list(self._missing(stage, 0)),
            "no_evidence": no_evidence(evidence),
            "evidence": dict(evidence_of(state)),
        }

    def _above(self, stage: CapitalStage) -> CapitalStage | None:
        above = stage_above(stage)
        return CapitalStage.LIVE_MINIMAL if self._real and above is CapitalStage.PAPER else above

    def _landing(self, to: CapitalStage) -> CapitalStage:
        """Where a desk that is to go to this stage comes to stand."""
        return CapitalStage.EMERGENCY_STOP if self._real and to is CapitalStage.PAPER else to

    def _newest(self, now: int) -> int:
        return max(now, self._seen, self._books.state.time, self._wall())

    def _missing(self, stage: CapitalStage, now: int) -> tuple[str, ...]:
        """What keeps a desk at this stage from moving up, in words."""
        state = self._books.state
        if stage is not CapitalStage.EMERGENCY_STOP:
            if self._above(stage) is None:
                return ()
            return missing(state.evidence, self._needs, state.started.interval_s)
        if not self._real:
            return ()
        stopped = 0 if state.staged is None else state.staged.time
        if self._grant is not None and self._grant.since > stopped:
            return (LAPSED,) if self._grant.has_lapsed(self._newest(now)) else ()
        return (
            "no practice desk was promoted after this stop. Promote one on what it has shown "
            "since, name its home as oanda.granted_by, and take this desk up again",
        )

    def _move(
        self,
        to: CapitalStage,
        by: str,
        reason: str,
        now: int,
        evidence: tuple[tuple[str, float], ...] = (),
    ) -> None:
        """Record a stage; durable before it returns.

        At the newest time that is known: a promotion elsewhere that was before a stop must not
        look as if it had come after it.
        """
        began, to = self._books.state.stage is None, self._landing(to)
        self._books.record(
            StageChanged(
                sequence=self.given + 1,
                time=self._newest(now),
                stage=to.value,
                by=by,
                reason=reason,
                evidence=evidence,
            )
        )
        self._books.durable()
        if not began:
            self._tell(f"capital stage {to} by {by}: {reason}", level="warning", by=by)


def evidence_of(state: DeskState) -> tuple[tuple[str, float], ...]:
    """Every figure of the evidence by name, as a promotion records it."""
    evidence = state.evidence
    sharpe = sharpe_ratio(evidence, state.started.interval_s)
    return (
        ("days", float(evidence.days)),
        ("trades", float(evidence.trades)),
        ("win_rate", evidence.win_rate),
        ("bars", float(evidence.bars)),
        ("uncounted_bars", float(evidence.uncounted)),
        ("sharpe_ratio_per_bar", sharpe.per_bar),
        ("sharpe_ratio_annual", sharpe.annual),
        ("sharpe_ratio_annual_low", sharpe.low),
        ("sharpe_ratio_annual_high", sharpe.high),
        ("sharpe_ratio_confidence", CONFIDENCE),
        ("drawdown", evidence.drawdown),
        ("halts", float(evidence.halts)),
        ("mismatches", float(evidence.mismatches)),
    )
