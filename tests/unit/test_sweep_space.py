"""Which configurations a sweep tries, and how they are written down."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.sweep.keys import kind_of, with_values
from coordinator.sweep.plans import plan_with
from coordinator.sweep.space import Choices, Range, Space, configurations, space_of
from coordinator.sweep.spelling import choices_from, range_from, read_space_file
from market.errors import AgentError, ConfigError
from tests.sweeps import ROWS, STOP, THRESHOLD, base_plan, grid

BASE = base_plan()


def test_a_grid_is_every_combination_with_the_last_key_turning_fastest() -> None:
    space = grid(committee__decision_threshold=(0.2, 0.3), sizing__stop_sigmas=(2, 3, 4))
    tried = configurations(space, BASE)
    assert [tuple(values.values()) for values in tried] == [
        (0.2, 2), (0.2, 3), (0.2, 4), (0.3, 2), (0.3, 3), (0.3, 4),
    ]  # fmt: skip
    assert list(tried[0]) == [THRESHOLD, STOP]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (THRESHOLD, "float"),
        ("committee.weights.follower", "float"),
        ("guardian.max_open_positions", "int"),
        ("optimizer.rebalance_every", "int"),
        ("sizing.trailing_stop", "other"),
        ("committee.agents", "other"),
        (ROWS, "int"),
        ("agents.Follower.scale", "float"),
        ("instruments.EUR_USD.margin_rate", "float"),
    ],
)
def test_any_key_that_decides_may_be_swept(key: str, kind: str) -> None:
    assert kind_of(key, BASE) == kind


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("committee.decision_treshold", "did you mean 'committee.decision_threshold'?"),
        ("agents.Follower.row", "did you mean 'agents.Follower.rows'?"),
        ("committee.weights.folower", "did you mean 'committee.weights.follower'?"),
        ("decision_threshold", "a key is written as in quorum.toml"),
        ("data.source", "every trial runs on the same bars"),
        ("run.out", "where results go changes no result"),
        ("desk.account_currency", "one account currency"),
    ],
)
def test_a_key_that_cannot_be_swept_is_told_with_the_nearest_or_the_reason(
    key: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        configurations(Space(choices=(Choices(key=key, values=(1,)),)), BASE)
    assert expected.lower() in str(refused.value).lower()


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (Space(choices=()), "the space is empty"),
        (Space(choices=(Choices(key=STOP, values=()),)), "expected at least one value"),
        (grid(sizing__stop_sigmas=(2.0, -1.0)), "sizing.stop_sigmas: Input should be greater"),
        (grid(guardian__max_open_positions=(2.5,)), "valid integer"),
        (Space(choices=(), ranges=(Range(key=STOP, low=1.0, high=3.0),)), "--random N"),
        (Space(choices=(), ranges=(Range(key=STOP, low=3.0, high=1.0),), draws=3), "below"),
        (Space(choices=(), ranges=(Range(key=STOP, low=-1, high=1.0),), draws=3), "greater than 0"),
        (
            Space(choices=(), ranges=(Range(key=STOP, low=0.0, high=1.0, log=True),), draws=3),
            "begins above 0",
        ),
        (
            Space(choices=(), ranges=(Range(key="sizing.trailing_stop", low=0, high=1),), draws=1),
            "takes no numbers",
        ),
        (
            Space(
                choices=(Choices(key=STOP, values=(2,)),),
                ranges=(Range(key=STOP, low=1.0, high=3.0),),
                draws=2,
            ),
            "given twice",
        ),
        (Space(choices=(Choices(key=STOP, values=(2,)),), draws=0), "at least 1 draw"),
    ],
)
def test_a_space_that_says_nothing_sensible_is_refused_in_words(
    space: Space, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        configurations(space, BASE)


def test_random_draws_are_different_inside_their_bounds_and_the_same_for_a_seed() -> None:
    space = Space(
        choices=(Choices(key=THRESHOLD, values=(0.2, 0.3)),),
        ranges=(
            Range(key=STOP, low=1.0, high=8.0, log=True),
            Range(key=ROWS, low=2, high=5),
        ),
        draws=200,
        seed=3,
    )
    tried = configurations(space, BASE)
    assert tried == configurations(space, BASE)
    assert len(tried) == 200 == len({repr(values) for values in tried})
    assert {values[ROWS] for values in tried} == {2, 3, 4, 5}
    stops = [values[STOP] for values in tried]
    assert all(1.0 <= stop <= 8.0 for stop in stops)
    assert sum(stop < 8.0**0.5 for stop in stops) == pytest.approx(100, abs=25), "uniform in log"
    assert all(float(f"{stop:.6g}") == stop for stop in stops), "can be typed"


def test_a_space_with_fewer_configurations_than_draws_gives_them_all() -> None:
    space = Space(choices=(), ranges=(Range(key=ROWS, low=2, high=4),), draws=50)
    assert sorted(values[ROWS] for values in configurations(space, BASE)) == [2, 3, 4]


def test_a_space_is_read_back_as_it_was_stored() -> None:
    space = Space(
        choices=(Choices(key="committee.agents", values=(["a"], ["a", "b"])),),
        ranges=(Range(key=STOP, low=1.0, high=8.0, log=True),),
        draws=9,
        seed=4,
    )
    assert space_of(space.as_json()) == space


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("k=0.2,0.25,0.3", (0.2, 0.25, 0.3)),
        ("k=0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("k=2:4:0.5", (2.0, 2.5, 3.0, 3.5, 4.0)),
        ("k=10:4:-3", (10, 7, 4)),
        ("k=2:9:3", (2, 5, 8)),
        ("k=off,sigmas", ("off", "sigmas")),
        ("k=true,false", (True, False)),
        (" k = 1, 1, 2", (1, 2)),
    ],
)
def test_values_are_read_as_they_are_written(text: str, values: tuple[object, ...]) -> None:
    read = choices_from(text)
    assert read == Choices(key="k", values=values)
    assert [type(value) for value in read.values] == [type(value) for value in values]


@given(start=st.integers(-50, 50), steps=st.integers(0, 30), digits=st.integers(0, 4))
def test_steps_are_exact_decimals_and_end_where_they_should(
    start: int, steps: int, digits: int
) -> None:
    unit = 10**digits
    text = f"k={start / unit:.4f}:{(start + steps) / unit:.4f}:{1 / unit:.4f}"
    read = choices_from(text).values
    assert [float(value) for value in read] == [
        float(f"{(start + step) / unit:.4f}") for step in range(steps + 1)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k", "expected KEY=VALUES"),
        ("=1", "expected KEY=VALUES"),
        ("k=", "the grid is empty"),
        ("k=1,,2", "expected values such as"),
        ("k=4:2:0.5", "the grid is empty"),
        ("k=1:2:0", "the grid is empty"),
        ("k=0:1:0.000001", "more than"),
    ],
)
def test_values_that_cannot_be_read_are_told(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        choices_from(text)


def test_ranges_are_read_plain_and_logarithmic() -> None:
    assert range_from("k=1.5:6") == Range(key="k", low=1.5, high=6.0)
    assert range_from("k=1:64:log") == Range(key="k", low=1.0, high=64.0, log=True)
    with pytest.raises(ConfigError, match="expected LOW:HIGH"):
        range_from("k=1")


def test_a_file_says_the_same_as_flags_with_quoted_or_dotted_keys(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(
        '[grid]\n"committee.decision_threshold" = "0.2:0.3:0.1"\nsizing.stop_sigmas = [2, 3]\n'
        'committee.agents = [["momentum"], ["volatility"]]\n'
        '[range]\nagents.momentum.fast = "5:60:log"\n[sweep]\nrandom = 20\ntrain = "500d"\n'
    )
    choices, ranges, told = read_space_file(file)
    assert choices == (
        choices_from("committee.decision_threshold=0.2:0.3:0.1"),
        choices_from("sizing.stop_sigmas=2,3"),
        Choices(key="committee.agents", values=(["momentum"], ["volatility"])),
    )
    assert ranges == (range_from("agents.momentum.fast=5:60:log"),)
    assert told == {"random": 20, "train": "500d"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [("[gird]\na = 1\n", "did you mean 'grid'?"), ("[grid\n", "is not TOML")],
)
def test_a_file_that_is_no_space_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "space.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as refused:
        read_space_file(file)
    assert expected in str(refused.value)


def test_a_trial_s_plan_differs_where_it_was_told_to_and_nowhere_else() -> None:
    changed = plan_with(
        BASE,
        {THRESHOLD: 0.4, ROWS: 7, "committee.weights.contrarian": 0.9,
         "instruments.EUR_USD.margin_rate": 0.5},
    )  # fmt: skip
    assert changed.desk.decision_threshold == 0.4
    assert changed.lookbacks == (8, 9)
    assert changed.names == BASE.names
    assert list(changed.desk.weights) == [0.25, 0.9]
    assert changed.desk.traits.margin_rate[0] == 0.5
    assert list(changed.desk.traits.margin_rate[1:]) == list(BASE.desk.traits.margin_rate[1:])
    assert changed.bars is BASE.bars, "no price is copied"
    assert changed.desk.limits == BASE.desk.limits
    assert changed.settings == with_values(
        BASE.settings,
        {THRESHOLD: 0.4, ROWS: 7, "committee.weights.contrarian": 0.9,
         "instruments.EUR_USD.margin_rate": 0.5},
    )  # fmt: skip


def test_the_committee_itself_may_be_swept() -> None:
    alone = plan_with(BASE, {"committee.agents": ["tests.voters:Contrarian"]})
    assert alone.names == ("contrarian",)
    assert alone.lookbacks == (9,)


def test_values_that_contradict_each_other_are_refused_when_the_plan_is_made() -> None:
    with pytest.raises(ConfigError, match="max_gross_leverage"):
        plan_with(BASE, {"guardian.max_position": 5.0})
    with pytest.raises(AgentError, match="Parameters it takes"):
        plan_with(BASE, {"agents.Follower.legs": 2})
