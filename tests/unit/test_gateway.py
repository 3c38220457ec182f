"""The gateway: nothing reaches the broker unsigned, unrecorded, late or twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from market.errors import ApprovalRejected, FatalError, JournalUnwritable
from market.events import BarSettled, OrderCancelled, OrderFilled, SessionEnded
from market.legs import Leg
from market.messages import CloseJournal, Execute, JournalClosed
from market.orders import Bracket, Cancellation, Fill, OrderRequest
from market.verdicts import SignedApprovals, sign
from tests.gateways import KEY, Door, approved, signed

LEG = Leg(symbol="EUR_USD", name="e0", units=1_000.0)


def test_an_approval_becomes_a_durable_intent_and_only_then_an_order() -> None:
    door = Door()
    answered = door.execute(signed(approved(), approved("USD_JPY", -500.0)))
    assert door.broker.placed == door.intents
    assert [order.client_order_id for order in door.intents] == ["s-5-EUR_USD-m", "s-5-USD_JPY-m"]
    assert door.broker.durable == [3, 3], "the note and both intents were durable first"
    assert answered.working == ("s-5-EUR_USD-m", "s-5-USD_JPY-m")
    assert answered.recorded == 3


def test_an_order_carries_what_was_approved_and_nothing_else() -> None:
    door = Door()
    door.execute(signed())
    assert door.broker.placed == [
        OrderRequest(
            client_order_id="s-5-EUR_USD-m",
            sequence=5,
            symbol="EUR_USD",
            units=1_000.0,
            bracket=Bracket(stop=0.01, take_profit=0.02, trailing=None),
            lowest_price=1.0,
            highest_price=1.2,
            reference_price=1.1,
        )
    ]


@pytest.mark.parametrize(
    "bad",
    [
        replace(signed(), approved=(approved(units=1_001.0),)),
        replace(signed(), approved=(approved(), approved("USD_JPY"))),
        replace(signed(), sequence=6),
        replace(signed(), expires=10_000),
        replace(signed(), signature=bytes(32)),
        signed(epoch=1),
        signed(epoch=3),
        signed(session="t"),
        signed(expires=99),
        sign(b"another", session="s", epoch=2, sequence=5, expires=150, approved=[approved()]),
        replace(signed(), legs=(LEG,)),
        sign(
            KEY, session="s", epoch=2, sequence=5, expires=150, approved=[approved()], legs=(LEG,)
        ),
    ],
    ids=[
        "units",
        "a further order",
        "sequence",
        "expiry",
        "signature",
        "older epoch",
        "newer epoch",
        "session",
        "expired",
        "another key",
        "an unsigned leg",
        "a leg in a replay",
    ],
)
def test_a_bad_approval_sends_nothing_and_leaves_no_intent(bad: SignedApprovals) -> None:
    door = Door()
    with pytest.raises(ApprovalRejected, match="No order was sent"):
        door.execute(bad)
    assert door.broker.placed == []
    assert door.intents == []
    assert door.execute(signed()).working, "a good one still passes afterwards"


@pytest.mark.parametrize("sequence", [5, 4, 0])
def test_an_approval_is_taken_once_and_in_rising_order(sequence: int) -> None:
    door = Door()
    door.execute(signed())
    with pytest.raises(ApprovalRejected, match="taken before"):
        door.execute(signed(approved("USD_JPY"), sequence=sequence))
    assert len(door.broker.placed) == len(door.intents) == 1
    door.execute(signed(approved("USD_JPY"), sequence=6))
    assert len(door.broker.placed) == 2


def test_no_one_can_tell_the_gateway_an_earlier_time_than_that_of_its_bars() -> None:
    door = Door()
    door.settle(time=151)
    with pytest.raises(ApprovalRejected, match="expired"):
        door.execute(signed(), time=100)
    assert door.intents == []


def test_what_cannot_be_recorded_is_not_sent() -> None:
    door = Door(room=2)
    with pytest.raises(JournalUnwritable):
        door.execute(signed(approved(), approved("USD_JPY")))
    assert door.broker.placed == []
    door.journal.room = 10_000
    with pytest.raises(ApprovalRejected, match="taken before"):
        door.execute(signed(approved(), approved("USD_JPY")))
    assert door.broker.placed == [], "what failed once is never sent on a second try"


def test_a_decision_without_orders_is_recorded_and_needs_no_signature() -> None:
    door = Door()
    assert door.execute(None).recorded == 1
    empty = replace(signed(), approved=())
    assert door.execute(empty).recorded == 2
    assert door.broker.placed == []
    door.execute(signed())
    assert len(door.broker.placed) == 1, "an empty approval was not the one use"


def test_an_order_that_the_broker_refuses_is_recorded_as_cancelled_and_the_others_go_on() -> None:
    door = Door(refuses="EUR_USD")
    answered = door.execute(signed(approved(), approved("USD_JPY")))
    assert [order.symbol for order in door.intents] == ["EUR_USD", "USD_JPY"]
    assert [order.symbol for order in door.broker.placed] == ["USD_JPY"]
    assert answered.working == ("s-5-USD_JPY-m",)
    rejected = Cancellation(
        client_order_id="s-5-EUR_USD-m",
        sequence=5,
        time=100,
        symbol="EUR_USD",
        reason="REJECTED: not traded here",
    )
    assert door.journal.events[-1] == OrderCancelled(cancellation=rejected, ending="rejected")
    assert answered.recorded == len(door.journal.events) == 4


@pytest.mark.parametrize("said", [True, False], ids=["with its last event", "without one"])
def test_what_still_waits_when_the_session_ends_is_cancelled_once(said: bool) -> None:
    door = Door()
    door.settle(time=90)
    door.execute(signed())
    ended = SessionEnded(sequence=5, time=90, outcome="completed", bars=1)
    if said:
        door.gateway.answer(Execute(sequence=5, time=90, records=(ended,), signed=None))
    door.gateway.answer(CloseJournal())
    gone = [e.cancellation for e in door.journal.events if isinstance(e, OrderCancelled)]
    assert [(c.client_order_id, c.time, c.reason) for c in gone] == [
        ("s-5-EUR_USD-m", 90, "SESSION_ENDED")
    ]
    assert not said or door.journal.events[-1] == ended, "the session's end stays the last event"


def test_fills_and_cancellations_are_recorded_before_the_bar_they_made() -> None:
    door = Door()
    fill = Fill(
        client_order_id="a",
        sequence=4,
        time=7,
        symbol="EUR_USD",
        units=1.0,
        price=1.1,
        mid=1.1,
        rate=1.0,
        reason="DECISION",
        realised=0.0,
        spread_cost=0.0,
        slippage_cost=0.0,
        slippage_bps=0.0,
    )
    gone = Cancellation(
        client_order_id="b", sequence=4, time=7, symbol="USD_JPY", reason="NO_PRICE"
    )
    door.broker.fills, door.broker.cancellations = (fill,), (gone,)
    settlement = door.settle(time=7)
    first, second, third = door.journal.events
    assert first == OrderFilled(fill=fill)
    assert second == OrderCancelled(cancellation=gone)
    assert isinstance(third, BarSettled)
    assert (third.time, third.equity, third.cash) == (7, 10.0, 9.0)
    assert list(third.financing) == [-1.5]
    assert settlement.fills == (fill,)


def test_closing_answers_the_digest_and_the_number_of_events() -> None:
    door = Door()
    door.execute(None)
    assert door.gateway.answer(CloseJournal()) == JournalClosed(digest="1", events=1)
    assert door.journal.closed


def test_an_unknown_message_is_refused() -> None:
    with pytest.raises(FatalError, match="does not know messages of type str"):
        Door().gateway.answer("flatten")
