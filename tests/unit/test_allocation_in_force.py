"""When the optimizer is asked, when its answer takes effect, and how long it holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coordinator.allocation import AllocationInForce, AllocationRules
from market.bars import Floats
from market.errors import DataError, MemberFailed, StreamLost
from market.events import AllocationApplied, AllocationMissed, Event
from market.messages import Allocate, Allocated
from tests.lines import ScriptedLine

RULES = AllocationRules(every=5, lookback=4, max_age=7, cap=2.0)
N = 3


def allocated(sequence: int, multiplier: Floats, weights: Floats | None = None) -> Allocated:
    return Allocated(
        sequence=sequence,
        weights=multiplier / 3.0 if weights is None else weights,
        multiplier=multiplier,
        method="exact",
        proven_optimal=True,
        objective=-1.0,
        expected_return=0.1,
        variance=0.2,
        approximation_ratio=float("nan"),
        uniform_gain=float("nan"),
        gap=float("nan"),
        fallback=None,
        note="",
        repaired=None,
        warm_starts=np.array([1.0, 0.0, 0.5, 0.25]),
    )


GOOD = np.array([3.0, 0.0, 0.5])


def good(message: object) -> object:
    assert isinstance(message, Allocate)
    return allocated(message.sequence, GOOD)


class Calendar:
    """Runs an allocation bar by bar, in the order of the session."""

    def __init__(
        self, reply_to: Callable[[object], object] = good, rules: AllocationRules = RULES
    ) -> None:
        self.line = ScriptedLine(reply_to)
        self.allocation = AllocationInForce(self.line, N, rules)
        self.events: dict[int, Event] = {}
        self.multipliers: list[Floats] = []

    def run(self, bars: range, score: Floats | None = None) -> Calendar:
        for bar in bars:
            event = self.allocation.take_effect(bar, 100 * bar)
            if event is not None:
                self.events[bar] = event
            self.multipliers.append(self.allocation.multiplier.copy())
            voted = np.full(N, float(bar)) if score is None else score
            self.allocation.observe(voted[None], np.full((1, N), 0.01 * bar))
            self.allocation.ask(bar)
        return self

    @property
    def asked(self) -> list[int]:
        return [m.sequence for m in self.line.posted if isinstance(m, Allocate)]

    def missed(self, bar: int) -> AllocationMissed:
        event = self.events[bar]
        assert isinstance(event, AllocationMissed)
        assert (event.sequence, event.time) == (bar, 100 * bar)
        return event


def test_it_is_neutral_until_the_lookback_is_filled_and_then_asks_on_its_calendar() -> None:
    story = Calendar().run(range(17))
    assert story.asked == [5, 10, 15]
    for multiplier in story.multipliers[:6]:
        np.testing.assert_array_equal(multiplier, np.ones(N))


def test_an_answer_takes_effect_exactly_one_bar_after_it_was_asked_for_and_capped() -> None:
    story = Calendar().run(range(8))
    (event,) = story.events.values()
    assert isinstance(event, AllocationApplied)
    assert (event.sequence, event.time, event.requested) == (6, 600, 5)
    np.testing.assert_array_equal(story.multipliers[5], np.ones(N))
    np.testing.assert_array_equal(story.multipliers[6], [2.0, 0.0, 0.5])
    np.testing.assert_array_equal(event.multiplier, [2.0, 0.0, 0.5])
    np.testing.assert_array_equal(event.warm_starts, [1.0, 0.0, 0.5, 0.25])
    assert not story.allocation.neutral


def test_what_it_asks_about_are_the_scores_times_the_returns_of_the_bar_after() -> None:
    story = Calendar().run(range(6))
    (asked,) = story.line.posted
    assert isinstance(asked, Allocate)
    expected = [[(bar - 1) * 0.01 * bar] * N for bar in (2, 3, 4, 5)]
    np.testing.assert_allclose(asked.strategy_returns, expected, rtol=1e-12)


def test_where_nobody_voted_the_strategy_earned_nothing_and_a_missing_price_stays_missing() -> None:
    line = ScriptedLine(good)
    allocation = AllocationInForce(line, N, RULES)
    for bar in range(6):
        allocation.observe(np.array([[np.nan, 1.0, 1.0]]), np.array([[0.5, np.nan, 0.5]]))
        allocation.ask(bar)
    (asked,) = line.posted
    assert isinstance(asked, Allocate)
    np.testing.assert_array_equal(asked.strategy_returns, [[0.0, np.nan, 0.5]] * 4)


@pytest.mark.parametrize("bars", [9, 10, 11, 30])
def test_the_window_is_always_the_newest_bars(bars: int) -> None:
    every = RULES._replace(every=1)
    line = ScriptedLine(good)
    allocation = AllocationInForce(line, 1, every)
    for bar in range(bars):
        allocation.take_effect(bar, bar)
        allocation.observe(np.ones((1, 1)), np.array([[float(bar)]]))
        allocation.ask(bar)
    newest = line.posted[-1]
    assert isinstance(newest, Allocate)
    np.testing.assert_array_equal(newest.strategy_returns[:, 0], np.arange(bars - 4.0, bars))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (DataError("nothing can be judged"), "nothing can be judged"),
        (MemberFailed("AllocationDesk failed: LinAlgError"), "LinAlgError"),
        (allocated(10, np.array([np.nan, 1.0, 1.0])), "weights that are not sizes"),
        (allocated(10, np.array([np.inf, 1.0, 1.0])), "weights that are not sizes"),
        (allocated(10, np.array([-1.0, 1.0, 1.0])), "weights that are not sizes"),
        (allocated(10, np.ones(2)), r"answered for \(2,\), not \(3,\)"),
        (allocated(10, np.ones(3), weights=np.ones(2)), r"answered for \(2,\), not \(3,\)"),
        (allocated(5, np.ones(3)), "answered bar 5 when asked for 10"),
    ],
)
def test_a_failed_answer_is_recorded_and_leaves_the_last_good_one_in_force(
    answer: object, said: str
) -> None:
    def second_fails(message: object) -> object:
        assert isinstance(message, Allocate)
        return answer if message.sequence == 10 else good(message)

    story = Calendar(second_fails).run(range(18))
    assert story.missed(11).in_force == "the allocation of bar 6"
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(story.missed(11).reason)
    np.testing.assert_array_equal(story.multipliers[11], [2.0, 0.0, 0.5])
    assert story.asked == [5, 10, 15], "it is asked again when the next one is due"
    assert isinstance(story.events[16], AllocationApplied)


def test_without_answers_the_last_good_one_holds_until_it_is_too_old_and_then_neutral() -> None:
    def only_once(message: object) -> object:
        assert isinstance(message, Allocate)
        return good(message) if message.sequence == 5 else DataError("later")

    story = Calendar(only_once).run(range(30))
    np.testing.assert_array_equal(story.multipliers[6 + RULES.max_age], [2.0, 0.0, 0.5])
    np.testing.assert_array_equal(story.multipliers[6 + RULES.max_age + 1], np.ones(N))
    expired = story.missed(6 + RULES.max_age + 1)
    assert expired.reason == "no answer for 7 bars"
    assert expired.in_force == "neutral"
    assert story.missed(16).in_force == "neutral"
    assert story.allocation.neutral
    assert sorted(story.events) == [6, 11, 14, 16, 21, 26]


@pytest.mark.parametrize(
    "answer", [DataError("no"), allocated(10, np.full(3, np.nan)), StreamLost("gone")]
)
def test_an_answer_that_fails_on_the_bar_of_expiry_finds_neutral_in_force(answer: object) -> None:
    def second_fails(message: object) -> object:
        assert isinstance(message, Allocate)
        return answer if message.sequence == 10 else good(message)

    story = Calendar(second_fails, RULES._replace(max_age=4)).run(range(12))
    assert story.missed(11).in_force == "neutral"
    np.testing.assert_array_equal(story.multipliers[11], np.ones(N))


def test_a_lost_optimizer_is_not_asked_again_and_its_last_answer_grows_old() -> None:
    def dies(message: object) -> object:
        assert isinstance(message, Allocate)
        return StreamLost("the wire was cut") if message.sequence == 10 else good(message)

    story = Calendar(dies).run(range(30))
    assert story.asked == [5, 10]
    assert "the wire was cut" in story.missed(11).reason
    assert story.missed(11).in_force == "the allocation of bar 6"
    assert story.missed(14).in_force == "neutral"
    assert sorted(story.events) == [6, 11, 14]


def test_an_optimizer_that_cannot_be_asked_is_lost_too() -> None:
    class Dead:
        def post(self, message: object) -> None:
            raise StreamLost(f"nobody takes {type(message).__name__}")

        def reply(self) -> object:
            raise AssertionError("there is nothing to wait for")

    allocation = AllocationInForce(Dead(), N, RULES)
    events = []
    for bar in range(20):
        events.append(allocation.take_effect(bar, bar))
        allocation.observe(np.ones((1, N)), np.ones((1, N)))
        allocation.ask(bar)
    (missed,) = (event for event in events if event is not None)
    assert isinstance(missed, AllocationMissed)
    assert (missed.sequence, missed.in_force) == (6, "neutral")


def test_an_answer_of_another_kind_counts_as_lost() -> None:
    story = Calendar(lambda _message: "forty-two").run(range(20))
    assert "answered str" in story.missed(6).reason
    assert story.asked == [5]
