"""The guardian as a member of the desk: verdicts by type, signed; halts noticed and re-armed."""

from __future__ import annotations

import math
import pickle
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from agents.guardian.breakers import armed_breakers
from agents.guardian.codes import Halt, Limit
from agents.guardian.guardian import RiskGuardian
from infra.journal.codec import encode_value
from market.account_shown import AccountShown, Proposed
from market.errors import ApprovalRejected, FatalError, InvalidError
from market.events import TradingHalted, TradingRearmed
from market.lines import NO_ANSWER
from market.live_messages import EquityWatched, GuardianResumed, ResumeGuardian, WatchEquity
from market.messages import Rearm, Reviewed, RiskContext
from market.verdicts import Verdict, verify
from tests.books import AGENTS, COLUMNS, INSTRUMENTS, SYMBOLS, TRAITS, WIDE, WINDOW, Case, case

KEY = b"the guardian's key"
DAY_NS = 86_400_000_000_000
EQUITY = 100_000.0


def guardian(*, rearm_after: int | None = None) -> RiskGuardian:
    return RiskGuardian(
        INSTRUMENTS,
        account_currency="USD",
        traits=TRAITS,
        agents=AGENTS,
        limits=WIDE,
        equity=EQUITY,
        key=KEY,
        rearm_after=rearm_after,
    )


def context(checked: Case, *, sequence: int = 0, day: int = 19_000, **changed: Any) -> RiskContext:
    proposals, exposed, marks = checked.proposals, checked.exposed, checked.marks
    made = RiskContext(
        session="s",
        epoch=1,
        sequence=sequence,
        time=day * DAY_NS,
        expires=(day + 1) * DAY_NS,
        equity=exposed.equity,
        units=exposed.units,
        working=exposed.working,
        stop_price=exposed.stop_price,
        mid=marks.mid,
        spread=marks.spread,
        rate=marks.rate,
        age=marks.age,
        filled=np.zeros(COLUMNS),
        returns=exposed.returns,
        order_units=proposals.units,
        score=proposals.score,
        stop_distance=proposals.stop_distance,
        take_profit_distance=proposals.take_profit_distance,
        trailing_distance=proposals.trailing_distance,
        bound=np.full(COLUMNS, int(Limit.RISK_PER_TRADE)),
        group=proposals.group,
        sigma=exposed.sigma,
        sigma_before=exposed.sigma_before,
    )
    return replace(made, **changed)


def reviewed(member: RiskGuardian, asked: RiskContext) -> Reviewed:
    answered = member.answer(asked)
    assert isinstance(answered, Reviewed)
    return answered


def test_a_proposal_within_every_limit_is_approved_whole_with_its_bracket_and_collar() -> None:
    found = reviewed(guardian(), context(case({"EUR_USD": 10_000.0})))
    assert found.refused == ()
    (order,) = found.approved
    assert (order.symbol, order.units, order.proposed_units) == ("EUR_USD", 10_000.0, 10_000.0)
    assert (order.bound, order.limit) == ("RISK_PER_TRADE", "NONE")
    assert order.bracket.stop == pytest.approx(0.03 * 1.10)
    assert order.bracket.take_profit == pytest.approx(0.075 * 1.10)
    assert order.bracket.trailing is None
    assert order.reference_price == 1.10
    assert order.lowest_price == pytest.approx(1.10 * 0.94)
    assert order.highest_price == pytest.approx(1.10 * 1.06)
    assert math.isnan(order.measured)


@pytest.mark.parametrize("equity", [EQUITY, 0.5 * EQUITY])
def test_what_it_is_asked_is_not_written_over(equity: float) -> None:
    """Not even where the account's fall has it close every position instead."""
    member = guardian()
    asked = context(case({"EUR_USD": 10_000.0}, held={"GBP_USD": 5_000.0}), equity=equity)
    before = encode_value(asked)
    reviewed(member, asked)
    assert member.halt is (Halt.NONE if equity == EQUITY else Halt.DRAWDOWN_FLATTEN)
    assert encode_value(asked) == before


def test_a_trailing_distance_goes_with_the_bracket() -> None:
    wished = case({"EUR_USD": 10_000.0})
    wished.proposals.trailing_distance[0] = 0.02
    assert reviewed(guardian(), context(wished)).approved[0].bracket.trailing == 0.02


def test_a_smaller_size_names_the_limit_its_value_and_what_the_others_use() -> None:
    held = {"GBP_USD": 80_000.0, "AUD_USD": 100_000.0, "EUR_GBP": 10_000.0}
    wished = case({"EUR_USD": 90_000.0}, held=held).with_limits(max_gross_leverage=2.0)
    member = RiskGuardian(
        INSTRUMENTS,
        account_currency="USD",
        traits=TRAITS,
        agents=AGENTS,
        limits=wished.limits,
        equity=EQUITY,
        key=KEY,
        rearm_after=None,
    )
    (order,) = reviewed(member, context(wished)).approved
    used = 80_000.0 * 1.25 + 100_000.0 * 0.65 + 10_000.0 * 0.85 * 1.25
    assert order.units == math.floor((200_000.0 - used) / 1.10)
    assert order.limit == "GROSS_LEVERAGE"
    assert order.allowed == pytest.approx(200_000.0)
    assert order.measured == pytest.approx(used)


def test_a_refusal_names_limit_value_and_measure() -> None:
    held = dict.fromkeys(SYMBOLS[1:], 1000.0)
    member = RiskGuardian(
        INSTRUMENTS,
        account_currency="USD",
        traits=TRAITS,
        agents=AGENTS,
        limits=WIDE._replace(max_open_positions=4.0),
        equity=EQUITY,
        key=KEY,
        rearm_after=None,
    )
    found = reviewed(member, context(case({"EUR_USD": 5_000.0}, held=held)))
    assert found.approved == ()
    (refusal,) = found.refused
    assert (refusal.symbol, refusal.proposed_units) == ("EUR_USD", 5_000.0)
    assert (refusal.limit, refusal.allowed, refusal.measured) == ("OPEN_POSITIONS", 4.0, 4.0)


def test_the_strongest_score_goes_first_and_takes_the_room() -> None:
    orders = {"EUR_USD": 80_000.0, "GBP_USD": 80_000.0}
    wished = case(orders, scores={"EUR_USD": 0.3, "GBP_USD": -0.9})
    narrow = RiskGuardian(
        INSTRUMENTS,
        account_currency="USD",
        traits=TRAITS,
        agents=AGENTS,
        limits=WIDE._replace(max_gross_leverage=1.5, max_position=1.5),
        equity=EQUITY,
        key=KEY,
        rearm_after=None,
    )
    found = reviewed(narrow, context(wished))
    assert [order.symbol for order in found.approved] == ["GBP_USD", "EUR_USD"]
    assert [order.limit for order in found.approved] == ["NONE", "GROSS_LEVERAGE"]
    equal = case(orders, scores={"EUR_USD": 0.5, "GBP_USD": -0.5})
    tied = reviewed(guardian(), context(equal)).approved
    assert [order.symbol for order in tied] == ["EUR_USD", "GBP_USD"]


def test_an_order_without_a_score_opens_nothing_and_a_reduction_goes_first() -> None:
    orders = {"EUR_USD": 1_000.0, "GBP_USD": 1_000.0, "AUD_USD": -1_000.0}
    wished = case(
        orders, held={"AUD_USD": 1_000.0}, scores={"EUR_USD": math.nan, "AUD_USD": math.nan}
    )
    found = reviewed(guardian(), context(wished))
    assert [order.symbol for order in found.approved] == ["AUD_USD", "GBP_USD"]
    assert [(r.symbol, r.limit) for r in found.refused] == [("EUR_USD", "INVALID_INPUT")]


def test_what_works_already_counts_as_if_it_were_filled() -> None:
    wished = case({"GBP_USD": 60_000.0})
    wished.exposed.working[SYMBOLS.index("EUR_USD")] = 80_000.0
    wished.exposed.stop_price[SYMBOLS.index("EUR_USD")] = 1.09
    found = reviewed(guardian(), context(wished, equity=EQUITY))
    alone = reviewed(guardian(), context(case({"GBP_USD": 60_000.0})))
    assert alone.approved[0].units == 60_000.0
    wished.exposed.working[SYMBOLS.index("EUR_USD")] = 240_000.0
    crowded = reviewed(guardian(), context(wished))
    assert found.approved[0].units == 60_000.0
    assert crowded.approved[0].units < 60_000.0
    assert crowded.approved[0].limit == "GROSS_LEVERAGE"


def test_a_price_that_is_converted_through_a_stale_one_is_stale() -> None:
    wished = case({"EUR_GBP": 1_000.0})
    wished.marks.age[SYMBOLS.index("GBP_USD")] = 1.0
    (refusal,) = reviewed(guardian(), context(wished)).refused
    assert (refusal.limit, refusal.allowed, refusal.measured) == ("STALE_PRICE", 0.0, 1.0)
    wished.marks.age[:] = 0.0
    wished.marks.age[SYMBOLS.index("AUD_USD")] = 1.0
    assert reviewed(guardian(), context(wished)).refused == ()


def test_verdicts_carry_a_signature_that_the_gateway_can_check() -> None:
    asked = context(case({"EUR_USD": 10_000.0}), sequence=9)
    signed = reviewed(guardian(), asked).signed
    verify(KEY, signed, session="s", epoch=1, used=8, now=asked.time)
    with pytest.raises(ApprovalRejected):
        verify(b"another", signed, session="s", epoch=1, used=8, now=asked.time)
    with pytest.raises(ApprovalRejected):
        verify(KEY, signed, session="s", epoch=1, used=9, now=asked.time)


def test_a_drawdown_halts_new_risk_closes_reversals_and_says_so_once() -> None:
    member = guardian()
    fallen = case({"EUR_USD": -25_000.0, "GBP_USD": 1_000.0}, held={"EUR_USD": 10_000.0})
    first = reviewed(member, context(fallen, equity=0.88 * EQUITY))
    (notice,) = first.notices
    assert isinstance(notice, TradingHalted)
    assert (notice.halt, notice.limit) == ("DRAWDOWN", 0.10)
    assert notice.measured == pytest.approx(0.12)
    (closing,) = first.approved
    assert (closing.symbol, closing.units) == ("EUR_USD", -10_000.0)
    assert closing.limit == "DRAWDOWN_HALT"
    (refusal,) = first.refused
    assert (refusal.symbol, refusal.limit, refusal.allowed) == ("GBP_USD", "DRAWDOWN_HALT", 0.10)
    assert refusal.measured == pytest.approx(0.12)
    again = reviewed(member, context(fallen, sequence=1, day=19_001, equity=2.0 * EQUITY))
    assert again.notices == ()
    assert member.halt is Halt.DRAWDOWN


def test_a_daily_loss_halts_until_the_utc_day_is_over() -> None:
    member = guardian()
    wished = case({"EUR_USD": 1_000.0})
    halted = reviewed(member, context(wished, equity=0.97 * EQUITY))
    assert [type(notice).__name__ for notice in halted.notices] == ["TradingHalted"]
    assert halted.refused[0].limit == "DAILY_LOSS_HALT"
    assert halted.refused[0].measured == pytest.approx(0.03)
    last = context(wished, sequence=1, equity=0.97 * EQUITY)
    assert reviewed(member, replace(last, time=last.time + DAY_NS - 1)).refused
    assert reviewed(member, context(wished, day=19_001, equity=0.97 * EQUITY)).approved


def test_the_scripted_supervisor_re_arms_after_its_bars_and_is_on_record() -> None:
    member = guardian(rearm_after=3)
    wished = case({"EUR_USD": 1_000.0})
    notices = [
        reviewed(member, context(wished, sequence=n, day=19_000 + n, equity=0.88 * EQUITY)).notices
        for n in range(5)
    ]
    assert [len(found) for found in notices] == [1, 0, 0, 1, 0]
    (rearmed,) = notices[3]
    assert isinstance(rearmed, TradingRearmed)
    assert (rearmed.halt, rearmed.after_bars) == ("DRAWDOWN", 3)
    assert "scripted supervisor" in rearmed.by
    assert member.halt is Halt.NONE


def test_re_arming_on_a_day_that_lost_too_much_waits_for_the_next_day() -> None:
    member = guardian(rearm_after=1)
    wished = case({"EUR_USD": 1_000.0})
    reviewed(member, context(wished, equity=0.88 * EQUITY))
    second = reviewed(member, context(wished, sequence=1, day=19_001, equity=0.86 * EQUITY))
    assert [type(notice).__name__ for notice in second.notices] == [
        "TradingRearmed",
        "TradingHalted",
    ]
    assert second.refused[0].limit == "DAILY_LOSS_HALT"
    third = reviewed(member, context(wished, sequence=2, day=19_002, equity=0.86 * EQUITY))
    assert third.approved


def test_what_a_person_may_not_forgive_is_refused_and_what_they_may_is_done() -> None:
    member = guardian()
    reviewed(member, context(case({"EUR_USD": 1_000.0}), equity=EQUITY))
    filled = np.zeros(COLUMNS)
    filled[SYMBOLS.index("EUR_USD")] = 20.0
    asked = context(case({"EUR_USD": 2_000.0}), sequence=1, filled=filled, equity=0.97 * EQUITY)
    assert reviewed(member, asked).halt == "DAILY_LOSS"
    rearmed = member.answer(Rearm(sequence=1, time=asked.time, by="Ada"))
    assert isinstance(rearmed, TradingRearmed)
    assert (rearmed.halt, member.halt_name) == ("EXECUTION_THROTTLE", "DAILY_LOSS")
    memory = member.memory
    with pytest.raises(InvalidError, match="daily-loss halt ends with the UTC day"):
        member.answer(Rearm(sequence=1, time=asked.time, by="Ada"))
    np.testing.assert_array_equal(member.memory, memory)


def test_live_only_a_person_re_arms() -> None:
    member = guardian()
    wished = case({"EUR_USD": 1_000.0})
    for n in range(40):
        reviewed(member, context(wished, sequence=n, day=19_000 + n, equity=0.88 * EQUITY))
    assert member.halt is Halt.DRAWDOWN
    rearmed = member.answer(Rearm(sequence=40, time=19_040 * DAY_NS, by="Ada"))
    assert isinstance(rearmed, TradingRearmed)
    assert (rearmed.by, rearmed.after_bars) == ("Ada", 39)
    assert reviewed(member, context(wished, day=19_040, equity=0.88 * EQUITY)).approved


def test_re_arming_without_a_drawdown_halt_is_refused_and_forgets_nothing() -> None:
    member = guardian()
    wished = case({"EUR_USD": 1_000.0})
    reviewed(member, context(wished, equity=0.985 * EQUITY))
    with pytest.raises(InvalidError, match="found NONE"):
        member.answer(Rearm(sequence=0, time=0, by="Eve"))
    reviewed(member, context(wished, equity=0.97 * EQUITY))
    with pytest.raises(InvalidError, match="found DAILY_LOSS"):
        member.answer(Rearm(sequence=0, time=0, by="Eve"))
    found = reviewed(member, context(wished, day=19_001, equity=0.899 * EQUITY))
    assert isinstance(found.notices[0], TradingHalted)
    assert found.notices[0].halt == "DRAWDOWN", "the peak of the start is remembered"


@pytest.mark.parametrize("equity", [math.nan, 0.0, -5.0, math.inf])
def test_an_equity_that_is_no_amount_halts(equity: float) -> None:
    member = guardian()
    found = reviewed(member, context(case({"EUR_USD": 1_000.0}), equity=equity))
    assert found.approved == ()
    assert member.halt is Halt.DRAWDOWN


def parted(asked: RiskContext) -> tuple[AccountShown, Proposed]:
    """A context as a live desk tells it: the account, and the proposals after it."""
    told = {field.name: getattr(asked, field.name) for field in fields(asked)}
    account = {field.name: told[field.name] for field in fields(AccountShown)}
    return AccountShown(**account), Proposed(**{f.name: told[f.name] for f in fields(Proposed)})


def test_an_account_and_its_proposals_together_are_a_context() -> None:
    asked = context(case({"EUR_USD": 10_000.0}))
    assert pickle.dumps(RiskContext.of(*parted(asked))) == pickle.dumps(asked)


def test_an_account_and_then_its_proposals_are_judged_as_the_context_of_both() -> None:
    at_once, in_parts = guardian(), guardian()
    for bar, equity in enumerate((EQUITY, 0.9 * EQUITY, 0.5 * EQUITY, EQUITY)):
        wished = case({"EUR_USD": 10_000.0, "USD_JPY": -9e9}, held={"GBP_USD": 5_000.0})
        asked = context(wished, sequence=bar, equity=equity)
        account, proposed = parted(asked)
        assert in_parts.answer(account) is NO_ANSWER
        assert encode_value(in_parts.answer(proposed)) == encode_value(at_once.answer(asked))
        assert in_parts.memory.tobytes() == at_once.memory.tobytes()


def test_nothing_comes_of_an_account_until_its_proposals_follow() -> None:
    member = guardian()
    reviewed(member, context(case({"EUR_USD": 10_000.0})))
    before = member.memory
    fallen = context(case({"EUR_USD": 10_000.0}), sequence=1, equity=0.5 * EQUITY)
    for _ in range(3):
        assert member.answer(parted(fallen)[0]) is NO_ANSWER
    assert member.memory.tobytes() == before.tobytes()
    assert member.halt is Halt.NONE


def test_proposals_are_judged_once_and_only_behind_their_own_account() -> None:
    member = guardian()
    account, proposed = parted(context(case({"EUR_USD": 10_000.0}), sequence=4))
    other = WatchEquity(sequence=4, time=account.time, equity=EQUITY)
    reviewed(member, context(case({}), sequence=3))
    for before in ((), (account, other), (replace(account, sequence=3),)):
        for message in before:
            member.answer(message)
        memory = member.memory
        with pytest.raises(FatalError, match="proposals of decision 4 without its account"):
            member.answer(proposed)
        assert member.memory.tobytes() == memory.tobytes()
    member.answer(account)
    assert isinstance(member.answer(proposed), Reviewed)
    with pytest.raises(FatalError, match="without its account"):
        member.answer(proposed)


def test_an_unknown_message_is_refused() -> None:
    with pytest.raises(FatalError, match="does not know messages of type str"):
        guardian().answer("approve everything")


def test_every_proposal_gets_exactly_one_verdict() -> None:
    orders = dict.fromkeys(SYMBOLS, 300000.0)
    found = reviewed(guardian(), context(case(orders)))
    verdicts: list[Verdict] = [*found.approved, *found.refused]
    named = [verdict.symbol for verdict in verdicts]
    assert sorted(named) == sorted(SYMBOLS)


def same(one: Reviewed, other: Reviewed) -> bool:
    """Equal to the last bit."""
    return encode_value(one) == encode_value(other)


def test_one_row_of_returns_continues_the_window_of_the_bar_before_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    common = rng.normal(0.0, 0.01, (WINDOW + 12, 1))
    walk = common + rng.normal(0.0, 0.006, (WINDOW + 12, len(INSTRUMENTS)))
    wished = case({"EUR_USD": 50_000.0}, held={"GBP_USD": 60_000.0, "AUD_USD": -40_000.0})
    whole, continued = guardian(), guardian()
    limits = set()
    for bar in range(12):
        window = walk[bar : bar + WINDOW]
        asked = context(wished, sequence=bar, returns=window)
        expected = reviewed(whole, asked)
        row = asked if bar % 5 == 0 else replace(asked, returns=window[-1:])
        assert same(reviewed(continued, row), expected)
        limits |= {verdict.limit for verdict in (*expected.approved, *expected.refused)}
    assert "CORRELATION" in limits


def test_warming_up_leaves_no_trace() -> None:
    warm, cold = guardian(), guardian()
    warm.warm_up()
    asked = context(case({"EUR_USD": 10_000.0}))
    assert same(reviewed(warm, asked), reviewed(cold, asked))


def test_a_guardian_that_is_given_its_memory_halts_on_as_before_its_death() -> None:
    member = guardian()
    fallen = context(case({"EUR_USD": 10_000.0}), equity=0.88 * EQUITY)
    memory = reviewed(member, fallen).memory
    again = guardian()
    resumed = again.answer(ResumeGuardian(memory=memory))
    assert resumed == GuardianResumed(halt=member.halt.name)
    assert again.halt is not Halt.NONE
    later = replace(fallen, sequence=1, equity=EQUITY)
    assert same(reviewed(again, later), reviewed(member, later))


def test_a_memory_of_an_older_version_is_taken_as_far_as_it_goes() -> None:
    member = guardian()
    asked = context(case({"EUR_USD": 10_000.0}))
    memory = reviewed(member, asked).memory
    later = replace(asked, sequence=1)
    expected = reviewed(member, later)
    assert [refused.limit for refused in expected.refused] == ["DUPLICATE"]
    older = guardian()
    older.answer(ResumeGuardian(memory=memory[:-6]))  # before reductions were counted
    assert same(reviewed(older, later), expected)
    oldest = guardian()
    oldest.answer(ResumeGuardian(memory=memory[: len(armed_breakers(1.0))]))
    assert not reviewed(oldest, later).refused, "of orders it says nothing"


@pytest.mark.parametrize("length", [3, -1, -5, -7, 1_000])
def test_a_memory_of_another_desk_is_refused_and_changes_nothing(length: int) -> None:
    member = guardian()
    memory = reviewed(member, context(case({"EUR_USD": 10_000.0}))).memory
    wrong = np.zeros(length) if length > 0 else memory[:length]
    with pytest.raises(InvalidError, match="remembers"):
        member.answer(ResumeGuardian(memory=wrong))
    np.testing.assert_array_equal(member.memory, memory)


def test_a_review_that_is_recalled_counts_the_same_reductions() -> None:
    held = {"EUR_USD": 10_000.0, "GBP_USD": 20_000.0}
    asked = context(case({"EUR_USD": -5_000.0, "GBP_USD": -30_000.0}, held=held))
    judging, recalling = guardian(), guardian()
    verdicts = reviewed(judging, asked)
    assert sorted(order.units for order in verdicts.approved) == [-30_000.0, -5_000.0]
    recalling.recall(asked, verdicts.approved)
    np.testing.assert_array_equal(recalling.memory, judging.memory)


def test_losses_between_two_bars_halt_at_once() -> None:
    member = guardian()
    watched = member.answer(WatchEquity(sequence=3, time=19_000 * DAY_NS, equity=0.88 * EQUITY))
    assert isinstance(watched, EquityWatched)
    assert watched.halt == "DRAWDOWN"
    assert [type(notice).__name__ for notice in watched.notices] == ["TradingHalted"]
