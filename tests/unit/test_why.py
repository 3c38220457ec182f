"""`quorum why` and `quorum decision replay`, as people and machines call them."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from coordinator.cli.app import run
from coordinator.cli.gauges import score_bar, score_scale
from coordinator.cli.why_told import tell_decision, tell_instrument
from coordinator.configuration.settings import Settings
from coordinator.explain.evidence import bound_in_words, limit_value, plain_name
from coordinator.explain.headline import headline
from coordinator.explain.naming import parse_name
from coordinator.explain.record import read_decision
from coordinator.plan import configuration_json
from infra.journal.reader import read_chain
from market.errors import InvalidError, JournalError
from market.events import DecisionTaken
from tests.journals import JournalBuilder

PRICES = {"EUR_USD": 1.10, "GBP_USD": 1.25}
BUY = {"EUR_USD": (0.8, 0.4), "GBP_USD": (-0.5, -0.5)}
SAME = {"EUR_USD": (0.1, np.nan), "GBP_USD": (np.nan, np.nan)}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A desk of two pairs: a purchase that a stop ends, a refusal, holds, an order that waits."""
    path = tmp_path / "runs" / "20240101-000000-test" / "journal.sqlite"
    path.parent.mkdir(parents=True)
    stated = configuration_json(Settings())
    with JournalBuilder(path, ("EUR_USD", "GBP_USD"), configuration=stated) as desk:
        desk.bar(PRICES)
        desk.decide(BUY, orders={"EUR_USD": 1_000.0}, refused={"GBP_USD": "GROSS_LEVERAGE"})
        desk.bar({**PRICES, "EUR_USD": 1.12}, financing={"EUR_USD": -0.5})
        desk.decide(BUY)
        desk.bar({**PRICES, "EUR_USD": 1.08}, exits={"EUR_USD": "STOP_LOSS"})
        desk.abstain("mean_reversion", "ValueError: no data")
        desk.decide(SAME)
        desk.bar(PRICES)
        desk.decide(BUY, orders={"EUR_USD": 500.0})
        desk.end()
    return path


def asked(journal: Path, *arguments: str) -> list[str]:
    return ["why", *arguments, "--run", str(journal)]


def test_the_way_of_an_order_is_told_from_ballots_to_profit(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked(journal, "test-0-EUR_USD-m")) == 0
    told = capsys.readouterr().out
    order = [told.index(f"● {title}") for title in (
        "Ballots", "Tally", "Allocation", "Size", "Verdict", "Intent", "Fill", "Trade", "Record",
    )]  # fmt: skip
    assert order == sorted(order)
    assert "Buy 1,000, filled at 1.12, closed by stop loss, −40.00 USD" in told
    assert "Approved whole: buy 1,000." in told
    assert "stop loss" in told[told.index("● Trade") :]
    chained = [
        head.hex() for event, head in read_chain(journal) if isinstance(event, DecisionTaken)
    ]
    assert chained[0][:40] in told.replace("\n", "").replace("│", "").replace(" ", "")


def test_a_whole_decision_is_told_in_a_row_an_instrument(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked(journal, "0")) == 0
    told = capsys.readouterr().out
    assert "Buy 1,000, filled at 1.12" in told
    assert "Refused: buy 1,000" in told
    assert "quorum why 0 --instrument EUR_USD" in told


@pytest.mark.parametrize(
    ("sequence", "column", "says", "mood"),
    [
        (0, 1, "Refused: buy 1,000 (gross leverage)", "stopped"),
        (1, 0, "Keep long 1,000: already on that side", "idle"),
        (1, 1, "Nothing to sell: no size was left", "stopped"),
        (2, 0, "Hold, flat: the score is too small", "idle"),
        (2, 1, "Hold, flat: no quorum", "idle"),
        (3, 0, "Buy 500: nothing came of it yet", "done"),
    ],
)
def test_what_was_done_is_said_in_one_line(
    journal: Path, sequence: int, column: int, says: str, mood: str
) -> None:
    found = headline(read_decision(journal, parse_name(str(sequence))), column)
    assert (found.says, found.mood) == (says, mood)


def test_machines_get_every_number_and_null_for_none(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*asked(journal, "test-0-EUR_USD-m"), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["instruments"]
    assert told["ballots"][0] == {
        "agent": "momentum", "weight": 0.5, "score": 0.8, "vote": "buy",
        "abstained_because": None, "evidence": [],
    }  # fmt: skip
    assert told["tally"]["outcome"] == "BUY"
    assert told["verdict"]["allowed"] is None
    assert told["order"]["client_order_id"] == "test-0-EUR_USD-m"
    assert told["fills"][0]["units"] == 1_000.0
    assert told["trade"]["exit_reason"] == "STOP_LOSS"
    assert told["trade"]["profit"] == pytest.approx(-40.0)
    assert [fill["reason"] for fill in told["trade"]["exits"]] == ["STOP_LOSS"]
    assert len(told["record"]["chain_sha256"]) == 64
    assert told["record"]["seen"]["digest"] is None  # made by hand: no data has this digest
    assert run([*asked(journal, "2"), "--json"]) == 0
    both = json.loads(capsys.readouterr().out)["instruments"]
    assert [one["instrument"] for one in both] == ["EUR_USD", "GBP_USD"]
    assert both[0]["ballots"][1]["abstained_because"] == "ValueError: no data"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("7", "no decision 7; the run took those from 0 to 3, the nearest 1, 2, 3"),
        ("test-1-EUR_USD-m", "the nearest are test-0-EUR_USD-m, test-3-EUR_USD-m"),
        ("other-1", "no run of session other|is of session other; this journal is of test"),
        ("momentum", "expected a decision such as 123"),
        ("0 --instrument XAU_USD", "XAU_USD was not traded; the run traded EUR_USD, GBP_USD"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    journal: Path, name: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked(journal, *name.split())) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert any(part in said for part in expected.split("|")), said


def test_a_journal_that_is_broken_after_the_decision_still_explains_it(journal: Path) -> None:
    whole = journal.read_bytes()
    journal.write_bytes(whole.replace(b"SessionEnded", b"SessionEnder"))
    assert read_decision(journal, parse_name("3")).taken.sequence == 3
    journal.write_bytes(whole.replace(b"test-0-EUR_USD-m", b"test-0-EUR_USD-n"))
    with pytest.raises(JournalError, match="does not continue the chain"):
        read_decision(journal, parse_name("3"))
    with pytest.raises(InvalidError):
        read_decision(journal, parse_name("test-0-EUR_USD-n"))


def test_evidence_and_limits_have_plain_names() -> None:
    assert plain_name("risk_appetite_z") == "risk appetite, in deviations"
    assert plain_name("macd_histogram_z") == "MACD histogram, in deviations"
    assert plain_name("half_life_bars") == "half life, bars"
    assert plain_name("_z") == " z"
    assert bound_in_words("POSITION") == "the guardian's limit on position"
    assert bound_in_words("ALLOCATION") == "the optimizer's allocation"
    assert bound_in_words("KELLY") == "the Kelly stake of what such votes have earned, or its cap"
    assert bound_in_words("NO_EDGE").startswith("no edge")
    assert bound_in_words("VOLATILITY_TARGET") == "the volatility that a position may have"
    assert limit_value("DRAWDOWN_HALT", 0.1234, "USD") == "12.34% of equity"
    assert limit_value("OPEN_POSITIONS", 8.0, "USD") == "8 positions"
    assert limit_value("EXECUTION_THROTTLE", 20.0, "USD") == "20 fills"
    assert limit_value("MESSAGE_RATE", 11.0, "USD") == "11 orders"
    assert limit_value("STALE_PRICE", 2.0, "USD") == "2.00 bars since the last price"
    assert limit_value("CORRELATION", 0.7, "USD") == "0.70"
    assert limit_value("MARGIN", 12_345.6, "EUR") == "12,346 EUR"
    assert limit_value("MARGIN", float("nan"), "EUR") == "unknown"


def test_a_score_leans_to_its_side() -> None:
    assert score_bar(0.5).plain == "        │████    "
    assert score_bar(-1.0).plain == "████████│        "
    assert score_bar(0.01).plain == "        │▏       "
    assert score_bar(0.0).plain.strip() == "│"
    assert score_bar(float("nan")).plain.strip() == "·"
    for score, mark in ((-1.0, 0), (0.0, 24), (0.25, 30), (1.0, 48)):
        assert score_scale(score, 0.25).plain.removeprefix("sell −1 ")[mark] == "◆"
    assert "◆" not in score_scale(float("nan"), 0.25).plain


def test_a_replay_that_cannot_have_its_prices_says_so(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["decision", "replay", "0", "--run", str(journal)]) == 2
    assert "not those that the run saw" in capsys.readouterr().err
    for wrong in ([], ["0", "--all"], ["--all", "--last", "3"]):
        assert run(["decision", "replay", *wrong, "--run", str(journal)]) == 2
        assert "expected one decision, --last N, or --all" in capsys.readouterr().err
    assert run(["decision", "replay", "9", "--run", str(journal)]) == 2
    assert "the nearest 1, 2, 3" in capsys.readouterr().err


def test_nothing_is_wider_than_the_terminal(journal: Path) -> None:

    console = Console(width=70, record=True, highlight=False, markup=False, file=StringIO())
    record = read_decision(journal, parse_name("0"))
    tell_instrument(console, record, "EUR_USD", None)
    tell_decision(console, record)
    lines = console.export_text().splitlines()
    assert lines
    assert max(len(line) for line in lines) <= 70
