"""The session: the whole desk, in one process and over sockets, whole and with broken members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.bootstrap import GATEWAY, GUARDIAN, OPTIMIZER, session_of
from coordinator.plan import Plan
from coordinator.replay import replay
from coordinator.roster import AgentSpec
from infra.brokers.paper.broker import PaperBroker
from infra.gateway import Gateway
from infra.journal.sqlite import SqliteJournal
from market.errors import (
    ApprovalRejected,
    FatalError,
    JournalUnwritable,
    LedgerMismatch,
    MemberLost,
    QuorumError,
)
from market.events import (
    AgentAbstained,
    AllocationApplied,
    AllocationMissed,
    BarSettled,
    DecisionTaken,
    Event,
    OrderFilled,
    OrderIntended,
    SessionEnded,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
)
from market.instruments import Registry
from market.lines import Line, LocalLine
from market.messages import Execute, Executed, Reviewed, RiskContext, Settlement
from market.verdicts import SignedApprovals
from tests.desk import (
    KEY,
    TRADED,
    TWO,
    builders,
    events_of,
    kept,
    market,
    plan,
    replay_here,
    replay_over,
    replay_over_sockets,
)
from tests.lines import BreakingLine

BARS = 68


def faulty(fault: str, good: int = 0) -> AgentSpec:
    return AgentSpec(path="tests.voters:Faulty", parameters=(("fault", fault), ("good", good)))


def ended(events: list[Event]) -> SessionEnded:
    assert isinstance(events[-1], SessionEnded)
    return events[-1]


@dataclass(slots=True)
class AlteredLine:
    """A member whose answers pass through somebody's hands."""

    line: Line
    alter: Callable[[object], object]

    def post(self, message: object) -> None:
        self.line.post(message)

    def reply(self) -> object:
        return self.alter(self.line.reply())


def with_altered(settled: Plan, folder: Path, member: str, alter: Callable[[Any], object]) -> None:
    folder.mkdir()
    lines: dict[str, Line] = {
        name: LocalLine(build()) for name, build in builders(settled, folder).items()
    }
    lines[member] = AlteredLine(lines[member], alter)
    replay_over(settled, lines)


def test_the_same_plan_gives_the_same_journal_event_for_event(tmp_path: Path) -> None:
    one = replay_here(plan(), tmp_path / "one")
    two = replay_here(plan(), tmp_path / "two")
    assert one.digest == two.digest
    assert (one.bars, one.outcome) == (BARS, "completed")
    assert one.events == len(events_of(tmp_path / "one"))
    assert repr(events_of(tmp_path / "one")) == repr(events_of(tmp_path / "two"))


def test_other_data_another_seed_or_another_setting_gives_another_journal(tmp_path: Path) -> None:
    digests = {
        replay_here(settled, tmp_path / str(number)).digest
        for number, settled in enumerate(
            [
                plan(),
                plan(market(seed=2)),
                plan(desk={"seed": 8}),
                plan(sizing={"stop_sigmas": 3.5}),
                plan(agents=tuple(reversed(TWO))),
            ]
        )
    }
    assert len(digests) == 5


@pytest.mark.parametrize("host", [None, "127.0.0.1"], ids=["unix", "tcp"])
def test_members_behind_sockets_give_the_same_journal_as_members_at_hand(
    tmp_path: Path, host: str | None
) -> None:
    here = replay_here(plan(), tmp_path / "here")
    there = replay_over_sockets(plan(), tmp_path / "there", host)
    assert there.digest == here.digest


def test_the_journal_tells_every_bar_in_order(tmp_path: Path) -> None:
    settled = plan()
    replay_here(settled, tmp_path / "run")
    events = events_of(tmp_path / "run")
    started = events[0]
    assert isinstance(started, SessionStarted)
    assert started.symbols == settled.desk.symbols
    assert (started.traded, started.bars) == (3, BARS)
    assert started.data_digest == settled.bars.digest()
    assert [(a.name, a.evidence) for a in started.agents] == [
        ("follower", ("change",)),
        ("contrarian", ("fall",)),
    ]
    assert [e.sequence for e in kept(events, BarSettled)] == list(range(BARS))
    assert [e.sequence for e in kept(events, DecisionTaken)] == list(range(BARS))
    assert [e.time for e in kept(events, BarSettled)] == list(settled.bars.time[12:])
    assert (ended(events).outcome, ended(events).bars) == ("completed", BARS)


def test_a_decision_holds_the_ballots_that_explain_it(tmp_path: Path) -> None:
    replay_here(plan(), tmp_path / "run")
    whole = market().columns(TRADED)
    for decision in kept(events_of(tmp_path / "run"), DecisionTaken):
        row = decision.sequence + 12
        votes = []
        for spec in plan().specs:
            votes.append(spec.build().vote(whole).score[row])
        np.testing.assert_array_equal(decision.scores, votes)
        np.testing.assert_allclose(decision.score, np.mean(votes, axis=0), atol=1e-15)
        np.testing.assert_allclose(decision.score, decision.buy - decision.sell, atol=1e-15)


def test_what_is_decided_on_a_bar_fills_at_the_next_bars_first_price(tmp_path: Path) -> None:
    settled = plan()
    replay_here(settled, tmp_path / "run")
    events = events_of(tmp_path / "run")
    orders = {e.order.client_order_id: e.order for e in kept(events, OrderIntended)}
    fills = [e.fill for e in kept(events, OrderFilled) if e.fill.reason == "DECISION"]
    assert len(fills) > 10
    for fill in fills:
        order = orders[fill.client_order_id]
        assert fill.sequence == order.sequence + 1
        assert fill.units == order.units
        column = settled.bars.symbols.index(fill.symbol)
        assert fill.mid == settled.bars.open[fill.sequence + 12, column]
        assert order.reference_price == settled.bars.close[order.sequence + 12, column]
        assert order.lowest_price <= fill.price <= order.highest_price


def test_later_bars_change_nothing_that_came_before_them(tmp_path: Path) -> None:
    bars = market()
    changed = bars.close.copy()
    changed[60:] *= 1.5
    future = replace(
        bars,
        close=changed,
        open=np.vstack([bars.open[:60], changed[60:]]),
        high=np.vstack([bars.high[:60], changed[60:]]),
        low=np.vstack([bars.low[:60], changed[60:]]),
    )
    replay_here(plan(bars), tmp_path / "one")
    replay_here(plan(future), tmp_path / "two")
    one, two = (
        [
            repr(e)
            for e in events_of(tmp_path / folder)[1:]
            if isinstance(e, (BarSettled, DecisionTaken, AllocationApplied))
            and e.sequence < 60 - 12
        ]
        for folder in ("one", "two")
    )
    assert len(one) > 90
    assert one == two


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raises", "ZeroDivisionError: the model has no data"),
        ("returns no ballot", "must return a Ballot"),
        ("wrong shape", "must be an array of shape (2, 3)"),
        ("above one", "must lie in [-1, 1]"),
        ("infinite", "must lie in [-1, 1]"),
    ],
)
def test_an_agent_that_breaks_the_contract_abstains_is_named_and_the_run_goes_on(
    tmp_path: Path, fault: str, said: str
) -> None:
    settled = plan(agents=(*TWO, faulty(fault, good=11)))
    result = replay_here(settled, tmp_path / "run")
    assert (result.outcome, result.bars) == ("completed", BARS)
    events = events_of(tmp_path / "run")
    named = kept(events, AgentAbstained)
    assert [e.sequence for e in named] == list(range(10, BARS))
    assert {e.agent for e in named} == {"faulty"}
    assert all(said in e.reason for e in named)
    decisions = kept(events, DecisionTaken)
    assert (decisions[9].scores[2] == 0.5).all()
    assert np.isnan(decisions[10].scores[2]).all()
    np.testing.assert_allclose(decisions[10].turnout, 2.0 / 3.0)
    assert any(decision.approved for decision in decisions[10:])


def test_an_agent_that_only_abstains_is_no_failure_and_leaves_the_tally(tmp_path: Path) -> None:
    replay_here(plan(agents=(*TWO, faulty("all NaN"))), tmp_path / "run")
    events = events_of(tmp_path / "run")
    assert kept(events, AgentAbstained) == []
    alone = tmp_path / "alone"
    replay_here(plan(), alone)
    for with_it, without in zip(
        kept(events, DecisionTaken), kept(events_of(alone), DecisionTaken), strict=True
    ):
        np.testing.assert_array_equal(with_it.score, without.score)
        assert np.isnan(with_it.scores[2]).all()


def test_without_a_quorum_nothing_is_traded_and_the_record_says_so(tmp_path: Path) -> None:
    replay_here(plan(agents=(TWO[0], faulty("all NaN")), committee={"quorum": 0.6}), tmp_path / "r")
    events = events_of(tmp_path / "r")
    assert kept(events, OrderIntended) == []
    assert all((d.outcome == 3).all() for d in kept(events, DecisionTaken))


@pytest.mark.parametrize("at", [0, 1, 30])
@pytest.mark.parametrize("on_reply", [True, False])
def test_a_lost_agent_abstains_from_then_on_and_the_run_goes_on(
    tmp_path: Path, at: int, on_reply: bool
) -> None:
    settled = plan()
    agent = LocalLine(builders(settled, tmp_path)["contrarian"]())
    cut = BreakingLine(agent, at=at, on_reply=on_reply)
    result = replay_here(settled, tmp_path / "run", {"contrarian": cut})
    assert (result.outcome, result.bars) == ("completed", BARS)
    named = kept(events_of(tmp_path / "run"), AgentAbstained)
    assert [e.sequence for e in named] == list(range(max(at - 1, 0), BARS))
    assert {e.agent for e in named} == {"contrarian"}


@pytest.mark.parametrize("on_reply", [True, False])
def test_without_the_guardian_the_desk_stops_and_the_journal_says_why(
    tmp_path: Path, on_reply: bool
) -> None:
    settled = plan()
    guardian = LocalLine(builders(settled, tmp_path)[GUARDIAN]())
    cut = BreakingLine(guardian, at=40, on_reply=on_reply)
    with pytest.raises(MemberLost, match="risk_guardian is gone; the desk stops without it"):
        replay_here(settled, tmp_path / "run", {GUARDIAN: cut})
    events = events_of(tmp_path / "run")
    assert ended(events).outcome.startswith("failed: risk_guardian is gone")
    assert len(kept(events, DecisionTaken)) == 40
    assert not [e for e in kept(events, OrderIntended) if e.order.sequence >= 40]


@pytest.mark.parametrize("on_reply", [True, False])
def test_without_the_gateway_the_desk_stops_and_what_was_recorded_is_whole(
    tmp_path: Path, on_reply: bool
) -> None:
    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    gateway = builders(settled, folder)[GATEWAY]()
    cut = BreakingLine(LocalLine(gateway), at=41, on_reply=on_reply)
    with pytest.raises(MemberLost, match="gateway is gone; the desk stops without it"):
        replay_here(settled, folder, {GATEWAY: cut})
    assert cut.cut
    del cut, gateway
    assert len(kept(events_of(folder), BarSettled)) <= 21


@pytest.mark.parametrize("member", [GUARDIAN, GATEWAY])
def test_an_indispensable_member_that_answers_nonsense_stops_the_desk(
    tmp_path: Path, member: str
) -> None:
    with pytest.raises(MemberLost, match=f"{member} answered str, expected"):
        with_altered(plan(), tmp_path / "run", member, lambda _answer: "yes")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_lost_optimizer_is_recorded_and_its_allocation_grows_old(tmp_path: Path, at: int) -> None:
    settled = plan()
    cut = BreakingLine(LocalLine(builders(settled, tmp_path)[OPTIMIZER]()), at=at)
    result = replay_here(settled, tmp_path / "run", {OPTIMIZER: cut})
    assert (result.outcome, result.bars) == ("completed", BARS)
    events = events_of(tmp_path / "run")
    assert len(kept(events, AllocationApplied)) == at
    missed = kept(events, AllocationMissed)
    assert "the wire was cut" in missed[0].reason
    assert missed[-1].in_force == "neutral"
    after = [d for d in kept(events, DecisionTaken) if d.sequence >= missed[-1].sequence]
    assert len(after) > 5
    assert all((d.multiplier == 1.0).all() for d in after)


def test_an_allocation_takes_effect_one_bar_after_it_was_asked_for(tmp_path: Path) -> None:
    replay_here(plan(), tmp_path / "run")
    events = events_of(tmp_path / "run")
    applied = kept(events, AllocationApplied)
    assert [(e.requested, e.sequence) for e in applied] == [(n, n + 1) for n in range(20, 66, 5)]
    multipliers = {d.sequence: d.multiplier for d in kept(events, DecisionTaken)}
    for event in applied:
        np.testing.assert_array_equal(multipliers[event.sequence], event.multiplier)
    assert all((multipliers[n] == 1.0).all() for n in range(21))


@pytest.mark.parametrize(
    "tamper",
    [
        lambda s: replace(s, approved=tuple(replace(a, units=2.0 * a.units) for a in s.approved)),
        lambda s: replace(s, expires=s.expires + 1),
        lambda s: replace(s, sequence=s.sequence + 1),
        lambda s: replace(s, signature=bytes(32)),
        lambda s: replace(s, approved=(*s.approved, *s.approved)),
    ],
    ids=["units", "expiry", "sequence", "signature", "twice"],
)
def test_approvals_that_were_tampered_with_on_their_way_are_never_sent(
    tmp_path: Path, tamper: Callable[[SignedApprovals], SignedApprovals]
) -> None:
    def alter(answer: Any) -> object:
        if not isinstance(answer, Reviewed) or not answer.approved:
            return answer
        return replace(answer, signed=tamper(answer.signed))

    with pytest.raises(ApprovalRejected, match="not the guardian's"):
        with_altered(plan(), tmp_path / "run", GUARDIAN, alter)
    events = events_of(tmp_path / "run")
    assert kept(events, OrderIntended) == []
    assert kept(events, OrderFilled) == []
    assert ended(events).outcome.startswith("failed: approvals of decision")


def test_an_approval_that_is_presented_again_is_refused(tmp_path: Path) -> None:
    first: list[Reviewed] = []

    def alter(answer: Any) -> object:
        if isinstance(answer, Reviewed) and answer.approved:
            first.append(answer)
        return replace(answer, signed=first[0].signed) if len(first) > 1 else answer

    with pytest.raises(ApprovalRejected, match="taken before"):
        with_altered(plan(), tmp_path / "run", GUARDIAN, alter)
    intents = kept(events_of(tmp_path / "run"), OrderIntended)
    assert {e.order.sequence for e in intents} == {first[0].sequence}


@pytest.mark.parametrize(
    "alter",
    [
        lambda s: replace(s, units=s.units + np.array([0.0, 1.0, 0.0, 0.0])),
        lambda s: replace(s, cash=s.cash + 0.01),
        lambda s: replace(s, fills=s.fills[1:]),
    ],
    ids=["units", "cash", "a lost fill"],
)
def test_books_that_differ_from_the_brokers_stop_the_desk(
    tmp_path: Path, alter: Callable[[Settlement], Settlement]
) -> None:
    def after_a_fill(answer: Any) -> object:
        touched = isinstance(answer, Settlement) and answer.fills
        return alter(answer) if touched else answer

    with pytest.raises(LedgerMismatch, match="New risk stops"):
        with_altered(plan(), tmp_path / "run", GATEWAY, after_a_fill)
    assert ended(events_of(tmp_path / "run")).outcome.startswith("failed: bar")


def test_whatever_else_goes_wrong_the_journal_is_closed_with_the_reason(tmp_path: Path) -> None:
    def alter(answer: Any) -> object:
        if isinstance(answer, Settlement) and answer.sequence == 20:
            raise RuntimeError("a defect of ours")
        return answer

    with pytest.raises(RuntimeError, match="a defect of ours"):
        with_altered(plan(), tmp_path / "run", GATEWAY, alter)
    assert ended(events_of(tmp_path / "run")).outcome == "failed: a defect of ours"


def test_a_last_decision_that_cannot_be_executed_is_no_completed_run(tmp_path: Path) -> None:
    def alter(answer: Any) -> object:
        last = isinstance(answer, Executed) and answer.sequence == BARS - 1
        if last and not failures:
            failures.append(answer)
            raise ApprovalRejected("the last one was not good")
        return answer

    failures: list[object] = []
    with pytest.raises(ApprovalRejected, match="the last one was not good"):
        with_altered(plan(), tmp_path / "run", GATEWAY, alter)
    events = events_of(tmp_path / "run")
    assert ended(events).outcome == "failed: the last one was not good"
    assert len(kept(events, SessionEnded)) == 1


class SmallJournal(SqliteJournal):
    """A journal on a disk with room for few pages."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._database.execute("PRAGMA max_page_count = 25")


def test_a_disk_that_fills_stops_trading_and_keeps_a_whole_record(tmp_path: Path) -> None:
    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    registry = Registry()
    broker = PaperBroker(
        [registry[symbol] for symbol in settled.desk.symbols],
        account_currency="USD",
        cash=100_000.0,
        slippage=0.5e-4,
    )
    gateway = Gateway(
        broker=broker,
        journal=SmallJournal(folder / "journal.sqlite"),
        session=settled.desk.session,
        key=KEY,
        epoch=settled.desk.epoch,
    )
    with pytest.raises(JournalUnwritable, match="nothing may be traded unrecorded"):
        replay_here(settled, folder, {GATEWAY: LocalLine(gateway)})
    replay_here(settled, tmp_path / "whole")
    found, whole = events_of(folder), events_of(tmp_path / "whole")
    assert 10 < len(found) < len(whole)
    assert [repr(e) for e in found[1:]] == [repr(e) for e in whole[1 : len(found)]]
    recorded = {e.order.client_order_id for e in kept(found, OrderIntended)}
    assert {order.client_order_id for order in broker.working()} <= recorded


def test_a_run_can_be_stopped_after_any_bar_and_keeps_what_it_has(tmp_path: Path) -> None:
    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    lines: dict[str, Line] = {
        name: LocalLine(build()) for name, build in builders(settled, folder).items()
    }
    session = session_of(settled, lines, lines[GUARDIAN], lines[GATEWAY], lines[OPTIMIZER])
    assert session.progress.bars == 0
    result = replay(settled, session, lambda: session.progress.bars == 30)
    assert (result.outcome, result.bars) == ("interrupted", 30)
    events = events_of(folder)
    assert (ended(events).outcome, ended(events).bars) == ("interrupted", 30)
    last = kept(events, BarSettled)[-1]
    progress = session.progress
    assert (progress.bars, progress.time, progress.equity) == (30, last.time, last.equity)
    held = {s: u for s, u in zip(settled.desk.symbols, last.units, strict=True) if u}
    assert dict(progress.positions) == held
    assert progress.fills == len(kept(events, OrderFilled))
    replay_here(settled, tmp_path / "whole")
    whole = events_of(tmp_path / "whole")
    assert [repr(e) for e in events[1:-1]] == [repr(e) for e in whole[1 : len(events) - 1]]


def test_a_drawdown_halts_opening_until_the_supervisor_re_arms_and_all_is_on_record(
    tmp_path: Path,
) -> None:
    guardian = {"rearm_after": 6, "max_drawdown": 0.02, "max_daily_loss": 0.25}
    replay_here(plan(market(150), guardian=guardian), tmp_path / "run")
    events = events_of(tmp_path / "run")
    halted, rearmed = kept(events, TradingHalted), kept(events, TradingRearmed)
    assert len(halted) >= 2
    assert {*(e.halt for e in halted), *(e.halt for e in rearmed)} == {"DRAWDOWN"}
    assert {e.after_bars for e in rearmed} == {6}
    assert [e.sequence + 6 for e in halted[: len(rearmed)]] == [e.sequence for e in rearmed]
    units = {e.sequence: e.units for e in kept(events, BarSettled)}
    during = {e.sequence + n for e in halted for n in range(6)}
    for decision in kept(events, DecisionTaken):
        held = units[decision.sequence]
        if decision.sequence in during:
            assert all(r.limit == "DRAWDOWN_HALT" for r in decision.refused)
            for order in decision.approved:
                before = held[TRADED.index(order.symbol)]
                assert before * (before + order.units) >= 0.0
                assert abs(before + order.units) < abs(before)
    stopped = [d for d in kept(events, DecisionTaken) if d.sequence in during]
    assert any(d.refused for d in stopped)


def test_a_member_is_told_what_it_must_know_and_answers_for_every_bar(tmp_path: Path) -> None:
    contexts: list[RiskContext] = []
    executes: list[Execute] = []

    @dataclass(slots=True)
    class Listening:
        line: Line

        def post(self, message: object) -> None:
            if isinstance(message, RiskContext):
                contexts.append(message)
            if isinstance(message, Execute):
                executes.append(message)
            self.line.post(message)

        def reply(self) -> object:
            return self.line.reply()

    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    built = builders(settled, folder)
    listening: dict[str, Line] = {
        name: Listening(LocalLine(built[name]())) for name in (GUARDIAN, GATEWAY)
    }
    replay_here(settled, folder, listening)
    assert [c.sequence for c in contexts] == list(range(BARS))
    assert all(c.expires - c.time == 86_400 * 10**9 for c in contexts)
    assert all(c.session == settled.desk.session for c in contexts)
    assert [e.sequence for e in executes] == [-1, *range(BARS), BARS - 1]


def test_a_member_that_raises_stops_the_desk_with_its_own_error(tmp_path: Path) -> None:
    class Angry:
        def answer(self, message: object) -> object:
            raise FatalError(f"I will not answer a {type(message).__name__}")

    with pytest.raises(FatalError, match="I will not answer a RiskContext"):
        replay_here(plan(), tmp_path / "run", {GUARDIAN: LocalLine(Angry())})
    assert issubclass(FatalError, QuorumError)
