"""What a notebook imports: replays, frames, explanations, comparisons."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.ballot import Agent, Ballot
from coordinator.configuration.settings import Settings
from coordinator.notebook import Explanation, Run, compare, open_run, replay
from coordinator.plan import configuration_json
from market.bars import Bars
from market.errors import AgentError, ConfigError, InvalidError, JournalError
from tests.journals import JournalBuilder
from tests.voters import Contrarian, Follower

PAIRS = ("EUR_USD", "USD_JPY", "GBP_USD")
QUICK: dict[str, dict[str, Any]] = {
    "optimizer": {"method": "exact"},
    "sizing": {"volatility_window": 20},
    "guardian": {"correlation_window": 20},
}
PNG = b"\x89PNG\r\n\x1a\n"


def half_a_year(out: Path, agents: list[Any], **more: Any) -> Run:
    """Three pairs from the start of the data."""
    return replay(
        end="1999-06-30", instruments=PAIRS, agents=agents, settings=QUICK, out=out, **more
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return half_a_year(tmp_path_factory.mktemp("base"), [Follower(), Contrarian()])


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same with a slower follower."""
    return half_a_year(tmp_path_factory.mktemp("other"), [Follower(rows=9), Contrarian()])


@dataclass(slots=True)
class Counting:
    """Votes by how often it was asked before."""

    name: str = "counting"
    lookback: int = 1
    asked: int = 0

    def vote(self, bars: Bars) -> Ballot:
        self.asked += 1
        return Ballot(score=np.full(bars.shape, (self.asked % 7) / 7.0))


@dataclass(slots=True)
class Interrupting:
    """Interrupts the process when it is asked about the first bars, as a person would."""

    name: str = "interrupting"
    lookback: int = 1
    asked: int = 0

    def vote(self, bars: Bars) -> Ballot:
        self.asked += 1
        if self.asked == 2:  # the first vote only names its evidence
            signal.raise_signal(signal.SIGINT)
        return Ballot(score=np.zeros(bars.shape))


@dataclass(slots=True)
class Locked:
    """Holds what cannot be copied."""

    name: str = "locked"
    lookback: int = 1
    lock: Any = field(default_factory=threading.Lock)

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.zeros(bars.shape))


def test_an_agent_in_hand_trades_as_it_does_by_name(run: Run, tmp_path: Path) -> None:
    named = half_a_year(tmp_path, ["tests.voters:Follower", "tests.voters:Contrarian"])
    pd.testing.assert_frame_equal(named.votes, run.votes)
    pd.testing.assert_frame_equal(named.equity, run.equity)
    assert len(run.trades) > 0


def test_every_run_seats_a_copy_so_that_the_same_agent_gives_the_same_digest(
    tmp_path: Path,
) -> None:
    agent = Counting()
    digests = [half_a_year(tmp_path / name, [agent]).digest for name in ("one", "two")]
    assert digests[0] == digests[1]
    assert agent.asked == 0


def test_another_parameter_is_another_session(run: Run, other: Run) -> None:
    assert run.results.session != other.results.session


def test_the_code_and_the_parameters_of_an_agent_in_hand_are_on_record(run: Run) -> None:
    source = run.record.session.agents[0].source
    assert re.fullmatch(
        r"tests\.voters:Follower [0-9a-f]{64} "
        r'\{"name": "follower", "rows": 3, "scale": 60\.0\}',
        source,
    )


def test_an_interrupt_ends_the_run_cleanly_and_is_then_let_through_again(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    stopped = half_a_year(tmp_path, [Interrupting()])
    assert stopped.results.outcome == "interrupted"
    assert 0 < len(stopped.equity) < 20
    assert signal.getsignal(signal.SIGINT) is before


def test_a_replay_leaves_its_results_and_can_be_opened_again(run: Run) -> None:
    assert {path.name for path in run.folder.iterdir()} == {
        "journal.sqlite", "inputs.json", "metrics.json", "equity.parquet", "trades.parquet",
    }  # fmt: skip
    again = open_run(str(run.folder))
    assert again.digest == run.digest
    assert repr(again) == repr(run)


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        ({"agents": [Follower]}, AgentError, r"expected an agent, found its class; write Follow"),
        ({"agents": [object()]}, AgentError, "missing name, lookback, vote"),
        ({"agents": [Follower(), Follower(rows=5)]}, ConfigError, "follower sits twice"),
        ({"agents": [Locked()]}, AgentError, "a run seats a copy of the agent, and copying it"),
        ({"agents": "momentum"}, ConfigError, r"write \['momentum'\]"),
        ({"agents": ["momentun"]}, AgentError, "did you mean 'momentum'"),
        (
            {"engine": "spark"},
            ConfigError,
            "expected one of 'events', 'panel', 'local', found 'spark'",
        ),
        ({"agents": [Follower()], "engine": "events"}, ConfigError, "takes them by name"),
        ({"settings": {"sizing": {"stop_sigma": 2.0}}}, ConfigError, "sizing.stop_sigma"),
        ({"end": "soon"}, ConfigError, "expected a day as YYYY-MM-DD, found 'soon'"),
    ],
)
def test_wrong_input_is_refused_with_what_to_do_and_leaves_no_folder(
    arguments: dict[str, Any], error: type[Exception], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=expected):
        replay(out=tmp_path / "runs", **arguments)
    assert not (tmp_path / "runs").exists()


def test_a_folder_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal at"):
        open_run(tmp_path)


def test_the_frames_hold_every_vote_and_every_decision(run: Run) -> None:
    bars = len(run.equity)
    assert run.votes.shape == (bars, 2 * len(PAIRS))
    assert list(run.votes["follower"].columns) == list(PAIRS)
    assert len(run.decisions) == bars * len(PAIRS)
    at = run.equity.index[40]
    weighted = run.votes.loc[at].unstack("symbol").mean()  # both weigh the same
    decided = run.decisions.loc[at]
    np.testing.assert_allclose(decided["score"], weighted[list(PAIRS)])
    buys = decided["outcome"] == "BUY"
    assert (buys == (decided["score"] >= 0.25)).all()
    refused = run.record.verdicts["verdict"] == "REFUSED"
    assert len(run.refusals) == int(refused.sum())


def test_a_decision_is_found_by_its_bar_or_by_the_first_bar_from_a_time_on(run: Run) -> None:
    saturday = run.decision("1999-03-06", "EUR_USD")
    assert f"{saturday.time:%A %Y-%m-%d}" == "Monday 1999-03-08"
    assert repr(run.decision(saturday.sequence, "EUR_USD")) == repr(saturday)
    assert run.decision(saturday.time, "EUR_USD").sequence == saturday.sequence


@pytest.mark.parametrize(
    ("at", "symbol", "expected"),
    [
        (10_000, "EUR_USD", "no decision 10000; the run took those from 0 to"),
        ("2020-01-01", "EUR_USD", "no decision at or after 2020-01-01; the last is 1999-06-30"),
        ("someday", "EUR_USD", "expected a time such as 2001-03-05, found 'someday'"),
        (3, "XAU_USD", "XAU_USD was not traded; the run traded EUR_USD"),
        (0, None, "decision 0 proposed no order; name one instrument of EUR_USD"),
    ],
)
def test_a_decision_that_is_not_there_is_refused(
    run: Run, at: str | int, symbol: str | None, expected: str
) -> None:
    with pytest.raises(InvalidError, match=expected):
        run.decision(at, symbol)


def test_the_explanation_of_an_entry_names_evidence_order_fill_and_trade(run: Run) -> None:
    trade = run.trades[run.trades["exit_reason"] != "OPEN"].iloc[0]
    told = run.decision(int(trade["decision"]), trade["symbol"])
    change = run.record.symbols.index(trade["symbol"])
    assert [step.title for step in told.steps] == [
        "Ballots", "Tally", "Allocation", "Size", "Verdict", "Intent", "Fill", "Trade", "Record",
    ]  # fmt: skip
    follower = told["Ballots"].grid.rows[0]
    score = run.votes.iloc[int(trade["decision"]), change]
    assert follower[0] == "follower"
    assert float(follower[2].replace("−", "-")) == pytest.approx(score, abs=5e-4)
    evidence = float(follower[4].removeprefix("change ").replace("−", "-"))
    assert np.clip(60.0 * evidence, -1.0, 1.0) == pytest.approx(score, abs=6e-3)
    assert values(told, "Intent")["Client order id"] == trade["client_order_id"]
    (fill,) = told["Fill"].grid.rows
    filled = run.record.fills.set_index("client_order_id").loc[[trade["client_order_id"]]].iloc[0]
    assert float(fill[2]) == pytest.approx(filled["price"], rel=1e-5)
    assert float(fill[4].replace("−", "-")) == pytest.approx(filled["slippage_bps"], abs=5e-3)
    assert f"{trade['closed']:%Y-%m-%d}" in told["Trade"].says
    assert repr(told).count("\n") > 30
    assert "<h4>8. Trade</h4>" in told._repr_html_()


def test_a_decision_is_taken_again_with_the_parameters_on_record(run: Run) -> None:
    found = run.replay_decision(40)
    assert found.identical
    assert repr(found).endswith("-40: identical to the last bit>")
    assert (
        run.replay_decision("1999-03-06").time == run.decision("1999-03-06", "EUR_USD").time.value
    )


def test_an_agent_that_only_the_notebook_knows_is_handed_over_again(tmp_path: Path) -> None:
    """Its class is inside a function: no module holds it."""
    run = half_a_year(tmp_path, [hidden(), Contrarian()])
    with pytest.raises(AgentError, match=r"cannot be seated again.*agents=\[\.\.\.\]"):
        run.replay_decision(30)
    assert run.replay_decision(30, [hidden()]).identical
    found = run.replay_decision(30, [hidden(scale=61.0)])
    assert found.context is not None
    assert found.context.place.startswith("scores[hidden")


def hidden(scale: float = 60.0) -> Agent:
    """An agent of a class that cannot be imported."""

    class Hidden(Follower):
        pass

    return Hidden(name="hidden", scale=scale)


def values(told: Explanation, title: str) -> dict[str, str]:
    """The two-column table of a step."""
    return {row[0]: row[1] for row in told[title].grid.rows}


def by_hand(folder: Path, script: Callable[[JournalBuilder], None], **more: Any) -> Run:
    """A run of two agents on one pair whose bars and decisions the script dictates."""
    journal = folder / "journal.sqlite"
    with JournalBuilder(journal, configuration=configuration_json(Settings()), **more) as desk:
        script(desk)
    return open_run(folder)


def steps(told: Explanation) -> dict[str, str]:
    return {step.title: step.says for step in told.steps}


def test_a_hold_says_whether_threshold_or_quorum_kept_it(tmp_path: Path) -> None:
    def script(desk: JournalBuilder) -> None:
        desk.bar({"EUR_USD": 1.1})
        desk.decide({"EUR_USD": (0.3, 0.0)})
        desk.bar({"EUR_USD": 1.1})
        desk.abstain("mean_reversion", "ValueError: no data")
        desk.decide({"EUR_USD": (0.9, float("nan"))})
        desk.end()

    run = by_hand(tmp_path, script, agents={"momentum": 0.4, "mean_reversion": 0.6})
    below, without = steps(run.decision(0)), run.decision(1)
    assert below["Tally"].startswith("The score +0.120 is smaller than the threshold 0.25")
    assert "it is kept" in below["Size"]
    assert below["Fill"] == "Nothing was sent."
    assert "0.40 of all weight voted, less than the quorum of 0.50" in steps(without)["Tally"]
    absent = without["Ballots"].grid.rows[1]
    assert absent[2:] == ("–", "abstains", "failed: ValueError: no data")


def test_a_refusal_names_its_limit_and_what_was_measured(tmp_path: Path) -> None:
    def script(desk: JournalBuilder) -> None:
        desk.bar({"EUR_USD": 1.1})
        desk.decide({"EUR_USD": (0.8, 0.4)}, refused={"EUR_USD": "GROSS_LEVERAGE"})
        desk.end()

    told = by_hand(tmp_path, script).decision(0)
    assert told["Verdict"].says == "Refused by gross leverage."
    assert values(told, "Verdict") == {"Allowed": "300,000 USD", "Measured": "310,000 USD"}
    assert "What set the size: the risk budget of a trade." in told["Size"].says
    assert "None was recorded" in told["Intent"].says


def test_the_way_of_a_trade_is_told_to_its_end(tmp_path: Path) -> None:
    def script(desk: JournalBuilder) -> None:
        desk.bar({"EUR_USD": 1.10})
        desk.decide({"EUR_USD": (0.8, 0.4)}, orders={"EUR_USD": 1_000.0}, bound="POSITION")
        desk.bar({"EUR_USD": 1.12})
        desk.decide({"EUR_USD": (0.8, 0.4)})
        desk.bar({"EUR_USD": 1.08}, exits={"EUR_USD": "STOP_LOSS"})
        desk.decide({"EUR_USD": (0.8, 0.4)}, orders={"EUR_USD": 500.0})
        desk.bar({"EUR_USD": 1.09})
        desk.decide({"EUR_USD": (-0.8, -0.4)}, orders={"EUR_USD": -700.0})

    run = by_hand(tmp_path, script)
    entry = steps(run.decision(0))
    assert "flat. Proposed: buy 1,000, to be long 1,000." in entry["Size"]
    assert "the guardian's limit on position" in entry["Size"]
    assert entry["Verdict"] == "Approved whole: buy 1,000."
    assert entry["Fill"].startswith("Filled 1,000 of 1,000.")
    assert entry["Trade"] == (
        "Long from 2024-01-02 to 2024-01-03, closed by stop loss: −40.00 USD after costs."
    )
    assert "long 1,000. A decision for the same side never adds" in steps(run.decision(1))["Size"]
    assert steps(run.decision(2))["Trade"].startswith("Still open at the last bar; so far 0.00")
    reversal = steps(run.decision(3))
    assert "Held before: long 500. Proposed: sell 700, to be short 200." in reversal["Size"]
    assert reversal["Fill"] == "The journal ends before anything came of the order."


def test_the_allocation_in_force_is_the_newest_one(tmp_path: Path) -> None:
    def script(desk: JournalBuilder) -> None:
        desk.bar({"EUR_USD": 1.1})
        desk.decide()
        desk.bar({"EUR_USD": 1.1})
        desk.allocate(np.array([1.0]))
        desk.decide()

    run = by_hand(tmp_path, script)
    assert steps(run.decision(0))["Allocation"].startswith("No allocation is in force")
    assert (
        "the allocation of 2024-01-02 (method exact, proven optimal)"
        in (steps(run.decision(1))["Allocation"])
    )


def test_names_from_a_journal_are_escaped(tmp_path: Path) -> None:
    def script(desk: JournalBuilder) -> None:
        desk.bar({"EUR_USD": 1.1})
        desk.decide({"EUR_USD": (0.1, 0.1)})

    run = by_hand(tmp_path, script, agents={"<b>bold</b>": 0.5, "plain": 0.5})
    shown = run.decision(0)._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;bold" in shown


def test_a_run_shows_its_figures_as_text_and_as_html(run: Run) -> None:
    for shown in (repr(run), run._repr_html_()):
        assert "Sharpe ratio" in shown
        assert "Spread paid" in shown
        assert run.digest[:16] in shown


def test_a_comparison_tells_what_was_set_and_what_came_out_differently(
    run: Run, other: Run
) -> None:
    found = compare(run, other, names=("quick", "slow"))
    trades = found.figures.loc["trades"]
    assert trades["difference"] == trades["slow"] - trades["quick"]
    assert trades["quick"] == run.results["trades"].value
    differing = found.decisions
    at = differing.iloc[0]
    codes = [side.decisions.loc[(at["time"], at["symbol"]), "outcome"] for side in (run, other)]
    assert codes == [at["quick"], at["slow"]]
    assert differing.attrs["shared"] == len(run.decisions)
    for shown in (repr(found), found._repr_html_()):
        assert "slow" in shown
        assert f"{len(differing):,} of {len(run.decisions):,} shared decisions differ" in shown


def test_a_run_beside_itself_differs_in_nothing(run: Run) -> None:
    found = compare(run, run)
    assert found.settings.empty
    assert found.decisions.empty
    assert (found.figures["difference"].dropna() == 0.0).all()
    assert "Set differently: nothing. 0 of" in repr(found)


def test_pages_are_written_beside_the_journal(other: Run, run: Run) -> None:
    page = other.report(tried=2)
    assert page == other.folder / "report.html"
    assert "2, this one included" in page.read_text()
    beside = compare(run, other).report()
    assert beside == other.folder / "comparison.html"
    assert run.results.session in beside.read_text()


def test_every_picture_is_a_png(run: Run, other: Run) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")
    pictures = [
        run.plot_equity(), run.plot_votes(), run.plot_exposure(), run.plot_contribution(),
        compare(run, other).plot_equity(),
    ]  # fmt: skip
    for picture in pictures:
        assert picture._repr_png_().startswith(PNG)
        assert repr(picture).startswith(f"<Picture {picture.title}: ")
