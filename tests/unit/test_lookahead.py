"""Agents on altered panels: who peeks, who remembers, and how that is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.ballot import Agent
from agents.law import PARTS, check_finite_window_law, same_bits
from agents.scrutiny.lookahead import examine_lookahead
from agents.scrutiny.panels import diverted, emptied, magnified, shifted, truncated, with_gaps
from agents.scrutiny.verdict import AHEAD
from coordinator.cli.app import run
from market.bars import VALUE_FIELDS, Bars, check_bars
from market.errors import AgentError, DataError
from tests.desk import market
from tests.peekers import (
    Claims,
    Drifting,
    FilledBackward,
    Helpless,
    Misnaming,
    Moody,
    NextClose,
    Normalised,
    Recursive,
    Silent,
    Squeamish,
    TwoMinded,
)
from tests.property.panels import panel, random_walk

WALK = panel(random_walk(np.random.default_rng(3), 400, 5))
BUILT_IN = ("momentum", "mean_reversion", "volatility", "sentiment")


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_agents_of_the_desk_keep_the_law_to_the_last_bit(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lookahead", name, "--rows", "4", "--from", "2019-01-01", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "exact"
    assert found["largest_difference"] == 0.0
    assert found["first"] is None
    assert found["raised"] is None
    assert set(found["panels"]) == set(PARTS) - {"gapped", "shorter"}
    assert found["votes_compared"] > 100_000


@settings(max_examples=15)
@given(ahead=st.integers(1, 6), seed=st.integers(0, 99))
def test_looking_ahead_by_any_number_of_bars_is_caught_on_every_panel_with_another_future(
    ahead: int, seed: int
) -> None:
    found = examine_lookahead(NextClose(ahead=ahead), WALK, rows=5, seed=seed)
    assert found.verdict == "peeks"
    assert not found.keeps_the_law
    for part in AHEAD:
        plain = [trial for trial in found.trials if trial.part == part and not trial.gaps]
        assert all(trial.beyond for trial in plain)
    assert found.first is not None
    assert found.first.array == "coming"
    assert not found.first_needs_gaps
    assert found.first.whole != found.first.partial


@settings(max_examples=15)
@given(back=st.integers(1, 30), seed=st.integers(0, 99))
def test_an_agent_that_looks_back_as_far_as_it_says_is_never_blamed(back: int, seed: int) -> None:
    found = examine_lookahead(Claims(rows=back, lookback=back + 1), WALK, rows=5, seed=seed)
    assert found.verdict == "exact"
    assert found.largest == 0.0


def test_the_first_bar_that_peeks_is_named_with_both_values() -> None:
    found = examine_lookahead(NextClose(), WALK, rows=8)
    cut = found.first
    assert cut is not None
    row, column = cut.row, WALK.symbols.index(cut.symbol)
    assert cut.time == WALK.time[row]
    assert cut.whole == pytest.approx(WALK.close[row + 1, column] / WALK.close[row, column] - 1.0)
    assert cut.part == "truncated"
    assert np.isnan(cut.partial)


def test_a_statistic_of_the_whole_panel_peeks_from_the_first_row_on() -> None:
    found = examine_lookahead(Normalised(), WALK, rows=5)
    assert found.verdict == "peeks"
    assert found.first is not None
    assert (found.first.row, found.first.array) == (0, "z")


def test_filling_backward_is_caught_though_no_price_is_missing() -> None:
    assert not np.isnan(WALK.close).any()
    found = examine_lookahead(FilledBackward(), WALK, rows=5)
    assert found.verdict == "peeks"
    assert all(trial.gaps for trial in found.trials if trial.beyond)
    assert found.first is not None
    assert found.first.array == "filled"
    assert found.first_needs_gaps


def test_a_recursive_average_remembers_and_does_not_peek() -> None:
    found = examine_lookahead(Recursive(), WALK, rows=5)
    assert found.verdict == "remembers"
    assert found.first is not None
    assert found.first.array == "average"
    assert {trial.part for trial in found.trials if trial.differing} == {"window", "shifted"}


def test_an_average_that_has_faded_keeps_the_law_within_the_tolerance_only() -> None:
    agent = Recursive(lookback=240)
    found = examine_lookahead(agent, WALK, rows=5, tolerance=1e-9)
    assert found.verdict == "tolerable"
    assert found.keeps_the_law
    assert 0.0 < found.largest <= 1e-9
    assert found.first is not None
    assert examine_lookahead(agent, WALK, rows=5, tolerance=0.0).verdict == "remembers"


def test_an_agent_with_a_mood_is_told_from_one_that_peeks() -> None:
    found = examine_lookahead(Moody(), WALK, rows=5)
    assert found.verdict == "changes"
    assert [trial.part for trial in found.trials] == ["repeated"]


def test_an_agent_that_raises_on_missing_prices_is_told_with_what_it_said() -> None:
    found = examine_lookahead(Squeamish(), WALK, rows=5)
    assert found.verdict == "raises"
    assert found.failure is not None
    assert found.failure.said == "ValueError: no price, no vote"
    assert "later bars have no price" in str(found.failure)


@pytest.mark.parametrize(
    ("agent", "bars", "error", "expected"),
    [
        (Helpless(), WALK, AgentError, "helpless raised on the panel as it is"),
        (Silent(), WALK, AgentError, "silent abstained on every bar"),
        (Misnaming(), WALK, AgentError, "evidence_names says carry, and vote\\(\\) gave change"),
        (Claims(lookback=399), WALK, DataError, "at least 401 are needed"),
    ],
)
def test_what_cannot_be_examined_is_refused_in_words(
    agent: Agent, bars: Bars, error: type[Exception], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        examine_lookahead(agent, bars)


def test_the_same_seed_gives_the_same_answer_and_another_looks_elsewhere() -> None:
    one, two, other = (examine_lookahead(NextClose(), WALK, rows=5, seed=s) for s in (1, 1, 2))
    assert repr(one) == repr(two), "as text, in which a NaN equals a NaN"
    assert repr(one.first) != repr(other.first)


@pytest.mark.parametrize("bars", [WALK, market(60)], ids=["fixings", "with extremes"])
def test_altered_panels_keep_the_past_and_hold_prices_that_could_be(bars: Bars) -> None:
    rng = np.random.default_rng(5)
    gapped = with_gaps(bars, [20, 40], rng)
    cut = 30
    for altered in (truncated(gapped, cut), emptied(gapped, cut), magnified(gapped, cut),
                    diverted(gapped, cut, rng)):  # fmt: skip
        check_bars(altered.bars, altered.part)
        for name in VALUE_FIELDS:
            past = getattr(altered.bars, name)[: cut + 1]
            assert same_bits(past, getattr(gapped, name)[: cut + 1]).all()
    later = diverted(bars, cut, rng).bars
    assert (later.close[cut + 1 :] != bars.close[cut + 1 :]).all()
    assert shifted(bars, 7, 5).bars.time[0] == bars.time[7]


def test_the_command_names_bar_instrument_and_array_and_ends_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["lookahead", "tests.peekers:NextClose", "--rows", "3", "--from", "2024-01-01"]
    assert run(asked) == 1
    told = capsys.readouterr().out
    assert "next_close PEEKS: later bars reach its votes" in told
    assert "in evidence 'coming':" in told
    assert "First seen at 202" in told
    assert run([*asked, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["first"]["array"] == "coming"


@pytest.mark.parametrize("verdict", ["Recursive", "Moody", "Squeamish", "FilledBackward"])
def test_every_verdict_has_words(verdict: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["lookahead", f"tests.peekers:{verdict}", "--rows", "3", "--from", "2024-01-01"]
    assert run(asked) == 1
    told = capsys.readouterr()
    assert len(told.out.splitlines()) > 5
    assert "{" not in told.out
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["momentun"], "did you mean 'momentum'?"),
        (["nowhere:Mine"], "no module 'nowhere'"),
        (["tests.peekers:Helpless"], "helpless raised on the panel as it is"),
        (["tests.peekers:Silent"], "abstained on every bar"),
        (["momentum", "--to", "1999-06-01"], "bars are too few to examine momentum"),
        (["momentum", "--from", "2030-01-01"], "the data covers"),
        (["momentum", "--tolerance", "-1"], "--tolerance: expected a number of 0 or more"),
        (["momentum", "--data", "no/such/file.csv"], "no data at"),
    ],
)
@pytest.mark.parametrize("command", ["lookahead", "lookback"])
def test_wrong_input_is_told_in_a_sentence_with_exit_code_2(
    command: str, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, *arguments]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert expected in message
    assert "Traceback" not in message


def test_an_agent_that_would_vote_otherwise_live_is_caught() -> None:
    found = examine_lookahead(TwoMinded(), WALK, rows=5)
    assert found.verdict == "diverges"
    assert not found.keeps_the_law
    assert found.first is not None
    assert found.first.part == "newest"
    assert found.first.array == "score"
    violations = check_finite_window_law(TwoMinded(), WALK)
    assert {one.part for one in violations} == {"newest"}


def test_a_window_that_goes_wrong_only_after_it_has_rolled_for_long_is_caught() -> None:
    found = examine_lookahead(Drifting(), WALK, rows=5)
    assert found.verdict == "diverges"
