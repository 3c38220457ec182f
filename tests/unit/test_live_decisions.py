"""A live desk's journal holds what its decisions saw: they are taken again from it alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.explain.document import decision_document
from coordinator.explain.explanation import explain
from coordinator.explain.headline import headline
from coordinator.explain.inputs import Places
from coordinator.explain.naming import DecisionName, parse_name
from coordinator.explain.record import read_decision
from coordinator.explain.replaying import DecisionReplayed, replay_decisions
from coordinator.explain.seen import data_seen, panel_window, window_digest
from coordinator.plan import Plan
from infra.journal.reader import read_events
from market.errors import InvalidError, JournalError, TransientError
from market.events import (
    AlertRaised,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
)
from market.lines import LocalLine
from market.live_events import (
    AgentLeft,
    AgentReweighted,
    BarClosed,
    BreakersMoved,
    ModeChanged,
    OrderResolved,
    OrderUnknown,
)
from market.messages import BallotCast
from market.orders import Bracket, Cancellation, OrderRequest
from market.unsent import decision_said, unsent_said
from tests.desk import agent_builder, kept, market, plan, replay_here
from tests.lines import AlteredLine
from tests.recorded import as_live, written

LATE_ON = 40
CALM = {"max_drawdown": 0.5, "max_daily_loss": 0.25}


def late(answer: object) -> object:
    """The answers of an agent whose forty-first vote came too late."""
    if isinstance(answer, BallotCast) and answer.sequence == LATE_ON:
        raise TransientError("late")
    return answer


@pytest.fixture(scope="module")
def settled() -> Plan:
    return plan(market(70, seed=3), guardian=CALM)


@pytest.fixture(scope="module")
def events(settled: Plan, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """What a desk recorded of which one agent was late once."""
    folder = tmp_path_factory.mktemp("desk") / "run"
    contrarian = AlteredLine(LocalLine(agent_builder(settled.specs[1])()), late)
    replay_here(settled, folder, {"contrarian": contrarian})
    return list(read_events(folder / "journal.sqlite"))


@pytest.fixture(scope="module")
def journal(settled: Plan, events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(as_live(settled, events), tmp_path_factory.mktemp("live") / "journal.sqlite")


def all_of(journal: Path) -> list[DecisionReplayed]:
    return list(replay_decisions(journal, lambda _: True))


def test_a_live_journal_is_enough_to_take_every_decision_again(
    journal: Path, events: list[Event]
) -> None:
    assert any(event.approved for event in kept(events, DecisionTaken))
    replayed = all_of(journal)
    assert len(replayed) == len(kept(events, DecisionTaken))
    assert all(done.identical for done in replayed), next(d for d in replayed if not d.identical)
    assert replayed[LATE_ON].as_recorded[0] == "contrarian did not answer (late) and abstained"
    assert not any("did not answer" in note for note in replayed[LATE_ON - 1].as_recorded)


def test_the_hash_of_the_data_is_that_of_the_bars_in_the_journal(
    journal: Path, settled: Plan
) -> None:
    record = read_decision(journal, DecisionName(session=None, sequence=30))
    seen = data_seen(record, journal, Places())
    window = panel_window(settled.bars, record.taken.time, max(settled.lookbacks), 3)
    assert seen.digest == window_digest(window) == all_of(journal)[30].seen
    assert (seen.bars, seen.last, seen.source) == (9, record.taken.time, "in the journal")


def test_the_brokers_stops_are_taken_from_the_record(
    settled: Plan, events: list[Event], tmp_path: Path
) -> None:
    def far(sequence: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.full(4, 1e-3) if sequence > 20 else np.full(4, np.nan)

    told = all_of(written(as_live(settled, events, far), tmp_path / "journal.sqlite"))
    assert not any("stops" in note for done in told for note in done.as_recorded)
    # Stops so far away put more at risk than the limit allows: the guardian's room is smaller.
    assert not all(done.identical for done in told)


def test_without_them_it_is_said_that_stops_were_worked_out(journal: Path) -> None:
    assert "stops are not on record" in all_of(journal)[5].as_recorded[-1]


def test_another_memory_of_the_breakers_is_found(
    settled: Plan, events: list[Event], tmp_path: Path
) -> None:
    def forgetful(event: Event) -> Event:
        if isinstance(event, BreakersMoved) and event.sequence == 30:
            memory = event.memory.copy()
            memory[3] += 1.0  # the newest equity
            return replace(event, memory=memory)
        return event

    live = [forgetful(event) for event in as_live(settled, events)]
    differing = [d for d in all_of(written(live, tmp_path / "j.sqlite")) if not d.identical]
    assert [done.sequence for done in differing] == [30]
    assert differing[0].context is not None
    assert differing[0].context.place.startswith("memory")


def test_a_bar_may_close_before_the_decision_on_the_last_is_recorded(
    settled: Plan, events: list[Event], tmp_path: Path
) -> None:
    live = as_live(settled, events)
    quiet = next(
        event.sequence
        for event in kept(live, DecisionTaken)
        if event.sequence > 20 and not event.approved
    )
    decided = next(i for i, e in enumerate(live) if getattr(e, "sequence", 0) == quiet + 1)
    closed = [e for e in live if isinstance(e, BarClosed) and e.sequence == quiet + 1]
    taken = next(
        i for i, e in enumerate(live) if isinstance(e, DecisionTaken) and e.sequence == quiet
    )
    assert taken < decided
    live.remove(closed[0])
    live.insert(taken, closed[0])
    assert all(done.identical for done in all_of(written(live, tmp_path / "j.sqlite")))


def test_a_bar_that_is_not_in_the_journal_is_missed(
    settled: Plan, events: list[Event], tmp_path: Path
) -> None:
    live = [
        event
        for event in as_live(settled, events)
        if not (isinstance(event, BarClosed) and event.sequence == 12)
    ]
    with pytest.raises(JournalError, match="bar 12 was settled and not recorded"):
        all_of(written(live, tmp_path / "j.sqlite"))


def test_weights_are_those_of_the_bar(settled: Plan, events: list[Event], tmp_path: Path) -> None:
    live = as_live(settled, events)
    at = next(i for i, e in enumerate(live) if isinstance(e, BarClosed) and e.sequence == 25)
    live.insert(
        at, AgentReweighted(time=0, agent="contrarian", weight=0.05, by="a person", reason="trial")
    )
    later = next(i for i, e in enumerate(live) if isinstance(e, BarClosed) and e.sequence == 50)
    live.insert(later, AgentLeft(time=0, agent="contrarian", by="a person", reason="enough"))
    journal = written(live, tmp_path / "j.sqlite")
    weights = [
        [seat.weight for seat in read_decision(journal, parse_name(str(at))).seats]
        for at in (24, 25, 49, 50)
    ]
    assert weights == [[0.25, 0.25], [0.25, 0.05], [0.25, 0.05], [0.25, 0.0]]
    differing = [done.sequence for done in all_of(journal) if not done.identical]
    assert differing[0] == 25  # what was recorded weighed otherwise
    first = all_of(journal)[25].context
    assert first is not None
    assert first.place.startswith("score[")


def said_unsent(what: str, why: str, sequence: int) -> AlertRaised:
    return AlertRaised(
        sequence=sequence,
        time=0,
        source="gateway",
        level="warning",
        message=unsent_said(what, why),
    )


def test_why_an_approved_order_was_not_sent_is_told(
    journal: Path, events: list[Event], tmp_path: Path
) -> None:
    intent, halted = kept(events, OrderIntended)[3].order, "the desk is HALTED: news"
    symbol, number = intent.symbol, intent.sequence
    told = said_unsent(symbol, halted, number)
    resumed = ModeChanged(time=0, mode="TRADING", by="ann", reason="over")
    rejected = said_unsent(decision_said(number), "it expired", number)
    cases: list[tuple[list[Event], list[Event], str]] = [
        ([], [told], halted),
        ([told], [], halted),  # as on the bar before, and not told again
        ([told, resumed], [], ""),
        ([told], [rejected], "it expired"),
        ([], [said_unsent("another", "it moved", number)], ""),
    ]
    live = [e for e in read_events(journal) if e != OrderIntended(order=intent)]
    taken = next(
        at for at, e in enumerate(live) if isinstance(e, DecisionTaken) and e.sequence == number
    )
    for place, (before, after, why) in enumerate(cases):
        said = [*live[:taken], *before, live[taken], *after, *live[taken + 1 :]]
        path = written(said, tmp_path / f"{place}.sqlite")
        record = read_decision(path, parse_name(str(number)))
        assert record.why_unsent(symbol) == why
        explained = explain(record, symbol)["Intent"].says
        assert explained.endswith(f"What kept it back: {why}." if why else "Nothing was sent.")
        headlined = headline(record, record.symbols.index(symbol)).says
        assert headlined == f"Approved, not sent: {why or 'no order was recorded'}"


def test_the_brokers_answers_are_told(journal: Path, events: list[Event], tmp_path: Path) -> None:
    intent = kept(events, OrderIntended)[3].order
    record = read_decision(journal, parse_name(intent.client_order_id))
    told = explain(record, intent.symbol)
    assert told["Broker"].says.startswith("Accepted by the broker, its transaction ")
    unknown = [
        *read_events(journal),
        OrderUnknown(client_order_id=intent.client_order_id, time=10**18, reason="timed out"),
        OrderResolved(client_order_id=intent.client_order_id, time=10**18 + 1, found="FILLED"),
    ]
    record = read_decision(written(unknown, tmp_path / "j"), parse_name(intent.client_order_id))
    broker = explain(record, intent.symbol)["Broker"]
    assert broker.says == "Looked up at the broker: filled."
    assert broker.grid.rows[1][1].startswith("No answer came: timed out")


def test_an_order_is_told_down_to_the_transactions_of_the_broker(
    events: list[Event], tmp_path: Path
) -> None:
    filled = kept(events, OrderFilled)[0]
    name, symbol = filled.fill.client_order_id, filled.fill.symbol
    closed = replace(filled.fill, units=-filled.fill.units, reason="STOP_LOSS")
    rest = Cancellation(
        client_order_id=name, sequence=1, time=10**18, symbol=symbol, reason="CLIENT_REQUEST"
    )
    more = [
        *(event for event in events if not isinstance(event, OrderFilled)),
        replace(filled, transaction=900),
        OrderCancelled(cancellation=rest, transaction=901),
        OrderFilled(fill=closed, transaction=902),
    ]
    record = read_decision(written(more, tmp_path / "j"), parse_name(name))
    told = explain(record, symbol)
    assert told["Fill"].grid.rows[0][-1] == "900"
    assert "client request, the broker's transaction 901" in told["Fill"].says
    assert told["Trade"].grid.rows[0][-1] == "902"
    document = decision_document(record, symbol, None)
    assert [one["transaction"] for one in document["fills"]] == [900]
    assert [one["transaction"] for one in document["cancellations"]] == [901]
    assert [one["transaction"] for one in document["trade"]["exits"]] == [902]


def test_an_order_of_a_flatten_is_no_decisions(journal: Path, tmp_path: Path) -> None:
    events = list(read_events(journal))
    session = read_decision(journal, parse_name("1")).session.session
    name = f"{session}-7-EUR_USD-f1"
    order = OrderRequest(
        client_order_id=name, sequence=5, symbol="EUR_USD", units=-10.0,
        bracket=Bracket(stop=1.0, take_profit=1.0, trailing=None), lowest_price=0.0,
        highest_price=9.0, reference_price=1.0,
    )  # fmt: skip
    mode = ModeChanged(time=10**18, mode="FLATTENING", by="the desk head", reason="news")
    flattened = written([*events, mode, OrderIntended(order=order)], tmp_path / "j.sqlite")
    with pytest.raises(InvalidError, match=r"when the desk head flattened the desk at .*: news"):
        read_decision(flattened, parse_name(name))


@pytest.mark.parametrize(
    ("leg", "why"),
    [("x0g", "it gave back what two orders of a group filled"), ("b", "is one leg of decision 7")],
)
def test_an_order_that_is_not_a_decisions_only_one_says_what_it_is(
    events: list[Event], tmp_path: Path, leg: str, why: str
) -> None:
    intent = kept(events, OrderIntended)[0].order
    name = f"{intent.client_order_id.split('-')[0]}-7-EUR_USD-{leg}"
    more = OrderIntended(order=replace(intent, client_order_id=name, symbol="EUR_USD"))
    with pytest.raises(InvalidError, match=why):
        read_decision(written([*events, more], tmp_path / "j"), parse_name(name))
