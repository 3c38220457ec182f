"""Two journals beside each other: what counts as a difference, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.parity.comparison import Comparison, compare_journals
from coordinator.parity.context import agent_meant, context_of
from coordinator.parity.engines import needs_ray, two_engines
from coordinator.parity.values import Measured
from infra.journal.sqlite import SqliteJournal
from market.errors import ConfigError
from market.events import BarSettled, DecisionTaken, Event, OrderFilled
from tests.desk import events_of, plan
from tests.engines import replay_by_kernel


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """The events of a small run that trades."""
    folder = tmp_path_factory.mktemp("recorded")
    replay_by_kernel(plan(), folder)
    return events_of(folder)


def journal(folder: Path, name: str, events: Sequence[Event]) -> Path:
    path = folder / f"{name}.sqlite"
    written = SqliteJournal(path)
    for event in events:
        written.append(event)
    written.close()
    return path


def compared(
    folder: Path, one: Sequence[Event], other: Sequence[Event], tolerance: float = 0.0
) -> Comparison:
    return compare_journals(
        journal(folder, "one", one),
        journal(folder, "other", other),
        tolerance=tolerance,
        watch=lambda _done, _total: None,
    )


def place_of(events: Sequence[Event], kind: type[Event], number: int = 3) -> int:
    return [n for n, event in enumerate(events) if isinstance(event, kind)][number]


def nudged(taken: DecisionTaken, by: float) -> DecisionTaken:
    """The second agent's score on the third instrument, moved."""
    scores = taken.scores.copy()
    scores[1, 2] += by
    return replace(taken, scores=scores)


def test_a_journal_is_equal_to_itself(recorded: list[Event], tmp_path: Path) -> None:
    found = compared(tmp_path, recorded, recorded)
    assert found.equal
    assert found.events == len(recorded)
    assert found.bars == sum(isinstance(event, BarSettled) for event in recorded)
    assert found.fills == sum(isinstance(event, OrderFilled) for event in recorded) > 0


def test_the_last_bit_of_a_vote_is_found_and_named(recorded: list[Event], tmp_path: Path) -> None:
    at = place_of(recorded, DecisionTaken)
    taken = recorded[at]
    assert isinstance(taken, DecisionTaken)
    bit = float(np.spacing(taken.scores[1, 2]))
    other = [*recorded[:at], nudged(taken, bit), *recorded[at + 1 :]]
    difference = compared(tmp_path, recorded, other).difference
    assert difference is not None
    assert difference.number == at
    around = context_of(difference)
    assert around.place == "scores[contrarian, EUR_GBP]"
    assert around.bar == taken.sequence
    assert around.time == taken.time
    assert around.same_bar
    assert agent_meant(difference) == "contrarian"
    assert {vote.agent for vote in around.votes} == {"follower", "contrarian"}
    assert around.votes[1].score[0] != around.votes[1].score[1]


def test_within_a_tolerance_it_is_let_pass_and_counted(
    recorded: list[Event], tmp_path: Path
) -> None:
    at = place_of(recorded, DecisionTaken)
    taken = recorded[at]
    assert isinstance(taken, DecisionTaken)
    other = [*recorded[:at], nudged(taken, 1e-9), *recorded[at + 1 :]]
    found = compared(tmp_path, recorded, other, tolerance=1e-8)
    assert found.equal
    assert found.tolerated == 1
    assert found.largest == pytest.approx(1e-9, rel=1e-6)


def test_money_is_measured_against_its_size(recorded: list[Event]) -> None:
    at = place_of(recorded, BarSettled)
    settled = recorded[at]
    assert isinstance(settled, BarSettled)
    dearer = replace(settled, equity=settled.equity * (1.0 + 1e-9))
    assert Measured(1e-8).first(settled, dearer) is None
    beyond = Measured(1e-10).first(settled, dearer)
    assert beyond is not None
    assert beyond.place.field == "equity"


def test_a_missing_fill_is_told_as_what_came_instead(recorded: list[Event], tmp_path: Path) -> None:
    at = place_of(recorded, OrderFilled)
    fill = recorded[at]
    assert isinstance(fill, OrderFilled)
    found = compared(tmp_path, recorded, [*recorded[:at], *recorded[at + 1 :]])
    assert found.difference is not None
    around = context_of(found.difference)
    assert around.kinds[0] == "OrderFilled"
    assert around.kinds[1] in {"BarSettled", "OrderFilled", "OrderCancelled"}
    assert around.bar == fill.fill.sequence
    assert not around.same_bar, "it was decided on the bar before"


def test_a_journal_that_ends_early_differs_there(recorded: list[Event], tmp_path: Path) -> None:
    found = compared(tmp_path, recorded, recorded[:-3])
    assert found.difference is not None
    assert found.events == len(recorded) - 3
    assert context_of(found.difference).kinds[1] is None


def test_a_verdict_on_another_size_names_its_instrument(
    recorded: list[Event], tmp_path: Path
) -> None:
    at = next(
        n for n, event in enumerate(recorded) if isinstance(event, DecisionTaken) and event.approved
    )
    taken = recorded[at]
    assert isinstance(taken, DecisionTaken)
    smaller = replace(taken.approved[0], units=taken.approved[0].units - 1.0)
    changed = replace(taken, approved=(smaller, *taken.approved[1:]))
    found = compared(tmp_path, recorded, [*recorded[:at], changed, *recorded[at + 1 :]])
    assert found.difference is not None
    around = context_of(found.difference)
    assert around.place == "approved[0].units"
    assert around.about == taken.approved[0].symbol
    assert [held.symbol for held in around.holdings] == [around.about]


def test_no_number_equals_no_number_and_zeros_have_signs(recorded: list[Event]) -> None:
    at = place_of(recorded, BarSettled)
    settled = recorded[at]
    assert isinstance(settled, BarSettled)
    unknown = replace(settled, mid=np.full_like(settled.mid, math.nan))
    assert Measured().first(unknown, replace(unknown, mid=unknown.mid.copy())) is None
    assert Measured().first(settled, unknown) is not None
    plus, minus = replace(settled, margin_used=0.0), replace(settled, margin_used=-0.0)
    assert Measured().first(plus, minus) is not None


@pytest.mark.parametrize(
    ("engines", "expected"),
    [
        ("events", "two different engines"),
        ("local,local", "two different engines"),
        ("events,panel,local", "two different engines"),
        ("events,lokal", "did you mean 'local'"),
        ("", "two different engines"),
    ],
)
def test_other_than_two_engines_are_refused(engines: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        two_engines(engines)


def test_only_actors_need_ray() -> None:
    assert not needs_ray(two_engines("events,local"), events_on_ray=False)
    assert needs_ray(two_engines("events,local"), events_on_ray=True)
    assert needs_ray(two_engines("local, panel"), events_on_ray=False)
