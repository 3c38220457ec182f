"""A recorded run under other rules, the market path held fixed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from coordinator.cli.app import run
from coordinator.results.record import RunRecord, load_record
from coordinator.tally import Decision, Outcome
from coordinator.whatif.answer import answer
from coordinator.whatif.contribution import contributions
from coordinator.whatif.outlook import Outlook, outlook_of
from coordinator.whatif.retally import require_reproduction, retally
from coordinator.whatif.rules import Rules, changed_rules, recorded_rules, weights_told
from market.errors import ConfigError, JournalError
from tests import desk
from tests.journals import JournalBuilder

NAN = math.nan
THREE = {"momentum": 0.5, "mean_reversion": 0.3, "sentiment": 0.2}
RULES = {"committee": {"decision_threshold": 0.25, "quorum": 0.5}}


def journal(folder: Path, rules: object = RULES) -> Path:
    """Two bars of votes by three agents on two instruments, and a third bar without votes."""
    folder.mkdir(exist_ok=True)
    path = folder / "journal.sqlite"
    with JournalBuilder(
        path, ("EUR_USD", "GBP_USD"), agents=THREE, configuration=json.dumps(rules), bars=3
    ) as builder:
        builder.bar({"EUR_USD": 1.0, "GBP_USD": 1.5})
        builder.decide({"EUR_USD": (0.8, -0.2, 0.3), "GBP_USD": (-0.6, -0.5, NAN)})
        builder.bar({"EUR_USD": 1.01, "GBP_USD": 1.53})
        builder.decide({"EUR_USD": (0.0, 1.0, 0.5), "GBP_USD": (NAN, 1.0, NAN)})
        builder.bar({"EUR_USD": 1.0, "GBP_USD": 1.53})
        builder.end()
    return folder


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return load_record(journal(tmp_path / "run") / "journal.sqlite")


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """A run of the whole desk in one process."""
    folder = tmp_path_factory.mktemp("traded")
    desk.replay_here(desk.plan(), folder)
    return load_record(folder / "journal.sqlite")


def outcomes(decision: Decision) -> list[list[str]]:
    return [[Outcome(int(code)).name for code in row] for row in decision.outcome]


def test_its_own_rules_give_every_recorded_outcome_and_score_again_bit_for_bit(
    traded: RunRecord,
) -> None:
    rules = recorded_rules(traded)
    again = retally(traded.decided.scores, rules)
    assert len(traded.decided) > 50
    for name in Decision._fields:
        recorded, found = getattr(traded.decided, name), getattr(again, name)
        assert recorded.tobytes() == np.ascontiguousarray(found).tobytes()
    require_reproduction(traded, rules)
    counts = answer(traded, rules, shown=5, seed=1).differences
    assert (counts.changed, counts.agreement, counts.first) == (0, 1.0, ())
    assert counts.matrix.to_numpy().sum() == traded.decided.outcome.size


def test_a_run_that_its_rules_do_not_give_again_is_refused(record: RunRecord) -> None:
    others = changed_rules(recorded_rules(record), weights={"momentum": 0.51})
    with pytest.raises(JournalError, match="EUR_USD at 2024-01-01 00:00 UTC gives BUY"):
        require_reproduction(record, others)


def test_who_is_left_out_is_no_abstention(record: RunRecord) -> None:
    # Recorded: +0.40, -0.5625 (0.8 voted); +0.40, and 1.0 by 0.3 of all weight: no quorum.
    recorded = recorded_rules(record)
    assert outcomes(retally(record.decided.scores, recorded)) == [["BUY", "SELL"],
                                                                  ["BUY", "NO_QUORUM"]]  # fmt: skip
    # Without momentum: 0.0; -0.5 by 0.3 of 0.5; 0.8; 1.0 by 0.3 of 0.5, which is a quorum.
    asked = changed_rules(recorded, without=["momentum"])
    again = retally(record.decided.scores, asked)
    assert outcomes(again) == [["BELOW_THRESHOLD", "SELL"], ["BUY", "BUY"]]
    assert again.score.ravel() == pytest.approx([0.0, -0.5, 0.8, 1.0], abs=1e-15)


def test_what_changed_is_counted_by_outcome_instrument_and_agent(record: RunRecord) -> None:
    asked = changed_rules(recorded_rules(record), without=["momentum"])
    counts = answer(record, asked, shown=1, seed=1).differences
    assert (counts.decisions, counts.changed, counts.acted, counts.reversed_) == (4, 2, 2, 0)
    assert counts.agreement == 0.5
    assert counts.matrix.loc["BUY", "BELOW_THRESHOLD"] == 1
    assert counts.matrix.loc["NO_QUORUM", "BUY"] == 1
    assert counts.matrix.to_numpy().trace() == 2
    assert counts.by_instrument["changed"].to_dict() == {"EUR_USD": 1, "GBP_USD": 1}
    assert counts.by_agent["voted"].to_dict() == {
        "momentum": 1, "mean_reversion": 2, "sentiment": 1
    }  # fmt: skip
    assert counts.by_agent["for_recorded"].tolist() == [1, 0, 1]
    assert counts.by_agent["for_what_if"].tolist() == [0, 1, 0]
    (first,) = counts.first
    assert (first.instrument, first.recorded, first.what_if) == (
        "EUR_USD", Outcome.BUY, Outcome.BELOW_THRESHOLD
    )  # fmt: skip
    assert (first.recorded_score, first.what_if_score) == pytest.approx((0.40, 0.0), abs=1e-15)


def test_threshold_and_quorum_do_what_they_say(record: RunRecord) -> None:
    rules, scores = recorded_rules(record), record.decided.scores
    higher = retally(scores, changed_rules(rules, threshold=0.5))
    assert outcomes(higher) == [["BELOW_THRESHOLD", "SELL"], ["BELOW_THRESHOLD", "NO_QUORUM"]]
    looser = retally(scores, changed_rules(rules, quorum=0.3))
    assert outcomes(looser)[1] == ["BUY", "BUY"]


def test_the_yardstick_is_side_times_the_next_bars_return(record: RunRecord) -> None:
    outlook = outlook_of(record)
    # EUR +1 % then -1/101; GBP +2 % then 0.
    down = 1e4 * (1.0 / 1.01 - 1.0)
    assert outlook.returns_bps.ravel() == pytest.approx([100.0, 200.0, down, 0.0])
    assert outlook.mean(record.decided.outcome) == pytest.approx((100.0 - 200.0 + down) / 4)


def test_a_decision_without_a_next_bar_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, configuration=json.dumps(RULES)) as builder:
        builder.bar({"EUR_USD": 1.0})
        builder.decide({"EUR_USD": (1.0, 1.0)})
    record = load_record(path)
    found = answer(record, recorded_rules(record), shown=5, seed=1)
    assert math.isnan(found.recorded_bps)
    assert np.isnan(found.recorded_shares.values).all()


def test_shares_add_up_to_what_the_committee_earned(traded: RunRecord) -> None:
    asked = changed_rules(recorded_rules(traded), threshold=0.4)
    found = answer(traded, asked, shown=0, seed=1)
    for shares, mean in (
        (found.recorded_shares, found.recorded_bps),
        (found.asked_shares, found.asked_bps),
    ):
        assert shares.everybody == pytest.approx(mean, abs=1e-12)
        assert shares.values.sum() == pytest.approx(mean, abs=1e-12)
        assert (shares.nobody, shares.permutations, shares.coalitions) == (0.0, None, 4)
    assert found.recorded_bps != found.asked_bps


def committee(weights: list[float]) -> Rules:
    return Rules(
        names=tuple(f"agent{at}" for at in range(len(weights))),
        weights=np.array(weights),
        seats=tuple(range(len(weights))),
        threshold=0.25,
        quorum=0.5,
    )


def test_an_agent_without_weight_earns_nothing_and_twins_earn_the_same() -> None:
    rng = np.random.default_rng(4)
    # Eighths and quarters: sums are exact in any order, so that twins are twins to the bit.
    scores = rng.integers(-8, 9, size=(200, 4, 3)) / 8.0
    scores[rng.random(scores.shape) < 0.1] = NAN
    scores[:, 3] = scores[:, 1]
    outlook = Outlook(returns_bps=rng.normal(0.0, 50.0, size=(200, 3)))
    shares = contributions(scores, outlook, committee([0.5, 0.25, 0.0, 0.25]), seed=1)
    assert shares.values[2] == 0.0
    assert shares.values[1] == pytest.approx(shares.values[3], abs=1e-12)
    assert shares.values[0] != 0.0


def test_an_agent_that_always_abstains_can_cost_its_committee_the_quorum() -> None:
    returns = np.full((50, 1), 10.0)
    scores = np.stack([np.ones((50, 1)), np.full((50, 1), NAN)], axis=1)
    shares = contributions(scores, Outlook(returns_bps=returns), committee([0.4, 0.6]), seed=1)
    # v(first) = 10, v(second) = 0, v(both) = 0: 0.4 of all weight is no quorum.
    assert shares.values.tolist() == pytest.approx([5.0, -5.0])


def test_an_agent_is_paid_for_foresight() -> None:
    rng = np.random.default_rng(5)
    returns = rng.normal(0.0, 50.0, size=(300, 2))
    scores = np.stack([np.sign(returns), rng.uniform(-1.0, 1.0, (300, 2))], axis=1)
    shares = contributions(scores, Outlook(returns_bps=returns), committee([0.5, 0.5]), seed=1)
    assert shares.values[0] > 20.0 > abs(shares.values[1])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"without": ["momentun"]}, "did you mean 'momentum'?"),
        ({"weights": {"nobody": 1.0}}, "no agent 'nobody' sat on this run's committee"),
        ({"without": list(THREE)}, "every agent is left out"),
        ({"weights": dict.fromkeys(THREE, 0.0)}, "the weights sum to 0"),
        ({"weights": {"momentum": -0.1}}, "expected 0 or more, found -0.1"),
        ({"weights": {"momentum": math.inf}}, "expected 0 or more, found inf"),
        ({"without": ["momentum"], "weights": {"momentum": 1.0}}, "left out and weighed"),
        ({"threshold": 0.0}, "expected above 0 and at most 1"),
        ({"threshold": math.nan}, "expected above 0 and at most 1"),
        ({"quorum": 1.1}, "expected 0 to 1"),
    ],
)
def test_rules_that_cannot_be_are_refused(
    record: RunRecord, change: dict[str, object], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        changed_rules(recorded_rules(record), **change)  # type: ignore[arg-type]


def test_weights_are_read_from_text() -> None:
    assert weights_told("a=0.5, b = 1") == {"a": 0.5, "b": 1.0}
    assert weights_told(None) == {}
    for wrong in ("a", "a=", "=1", "a=much", "a=nan"):
        with pytest.raises(ConfigError, match="expected AGENT=NUMBER"):
            weights_told(wrong)


def test_a_journal_without_rules_or_decisions_is_refused(tmp_path: Path) -> None:
    silent = load_record(journal(tmp_path / "run", {}) / "journal.sqlite")
    with pytest.raises(JournalError, match="does not say decision_threshold"):
        recorded_rules(silent)
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, configuration=json.dumps(RULES)) as builder:
        builder.bar({"EUR_USD": 1.0})
    empty = load_record(path)
    with pytest.raises(JournalError, match="took no decision"):
        require_reproduction(empty, recorded_rules(empty))


def test_the_command_answers_people_and_machines_and_draws_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = journal(tmp_path / "run")
    picture = tmp_path / "picture.png"
    asked = ["whatif", str(folder), "--without", "momentum"]
    assert run([*asked, "--plot", str(picture)]) == 0
    told = capsys.readouterr().out
    assert "The market path is held fixed" in told
    assert "Agreement 50.00%: 2 of 4 decisions change" in told
    assert "Exact, from all 8 coalitions." in told
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["market_path"] == "held fixed"
    assert found["matrix"]["NO_QUORUM"]["BUY"] == 1
    assert sum(found["recorded"]["shapley"]["bps"].values()) == pytest.approx(
        found["recorded"]["one_bar_ahead_bps"]
    )
    assert list(found["what_if"]["weights"]) == ["mean_reversion", "sentiment"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "no journal at nowhere/journal.sqlite"),
        (["RUN", "--without", "sentimant"], "did you mean 'sentiment'?"),
        (["RUN", "--weights", "momentum"], "expected AGENT=NUMBER"),
        (["RUN", "--weights", "momentum=0,mean_reversion=0,sentiment=0"], "sum to 0"),
        (["RUN", "--plot", "picture.jpg"], "ends in .png"),
        (["RUN", "--plot", "no/such/folder/picture.png"], "there is no folder"),
    ],
)
def test_wrong_input_is_told_in_a_sentence_with_exit_code_2(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(journal(tmp_path / "run"))
    assert run(["whatif", *(folder if part == "RUN" else part for part in arguments)]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert expected in message
    assert "Traceback" not in message
