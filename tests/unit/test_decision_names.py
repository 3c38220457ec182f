"""How decisions and orders are named, and which journal is meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.explain.naming import (
    DecisionName,
    no_decision,
    no_order,
    parse_name,
    refuse_other_session,
)
from coordinator.explain.runs import journal_of
from market.errors import InvalidError, JournalError
from market.orders import client_order_id
from tests.journals import SESSION, JournalBuilder

SESSIONS = st.from_regex(r"[a-z][a-z0-9]{1,9}(-[a-f0-9]{4})?", fullmatch=True)
SYMBOLS = st.from_regex(r"[A-Z]{3}_[A-Z]{3}", fullmatch=True)


@given(SESSIONS, st.integers(0, 10**6), SYMBOLS)
def test_a_client_order_id_names_its_decision_and_instrument(
    session: str, sequence: int, symbol: str
) -> None:
    found = parse_name(client_order_id(session, sequence, symbol))
    assert found == DecisionName(session=session, sequence=sequence, symbol=symbol, leg="m")
    assert found.names_order


@given(SESSIONS, st.integers(0, 10**6))
def test_a_decision_is_named_with_or_without_its_session(session: str, sequence: int) -> None:
    assert parse_name(str(sequence)) == DecisionName(session=None, sequence=sequence)
    assert parse_name(f"{session}-{sequence}") == DecisionName(session=session, sequence=sequence)


@pytest.mark.parametrize("text", ["", "momentum", "12 14", "-3", "s-1-EUR_USD"])
def test_what_names_no_decision_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidError, match="expected a decision such as 123 or SESSION-123"):
        parse_name(text)


def test_a_name_of_another_session_is_refused() -> None:
    refuse_other_session(parse_name("test-4"), "test")
    with pytest.raises(InvalidError, match="of session other; this journal is of test"):
        refuse_other_session(parse_name("other-4"), "test")


def test_the_nearest_decisions_and_orders_are_named() -> None:
    assert "from 0 to 9, the nearest 7, 8, 9" in str(no_decision(12, range(10)))
    assert "none at all" in str(no_decision(12, []))
    orders = ["s-3-USD_JPY-m", "s-9-EUR_USD-m", "s-2-EUR_USD-m", "s-90-EUR_USD-m"]
    said = str(no_order(parse_name("s-4-EUR_USD-m"), "s", orders))
    assert "the nearest are s-2-EUR_USD-m, s-9-EUR_USD-m, s-90-EUR_USD-m" in said
    assert "quorum why 4 --instrument EUR_USD" in said


def test_the_journal_written_last_is_meant_unless_a_session_is_named(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for number, name in enumerate(("20240101-000000-test", "20240102-000000-test-2")):
        (runs / name).mkdir(parents=True)
        JournalBuilder(runs / name / "journal.sqlite").__exit__()
        os.utime(runs / name / "journal.sqlite", (number, number))
    newest = runs / "20240102-000000-test-2" / "journal.sqlite"
    assert journal_of(None, runs) == newest
    assert journal_of(None, runs, parse_name(f"{SESSION}-3")) == newest
    desk = tmp_path / "desk"
    desk.mkdir()
    JournalBuilder(desk / "journal.sqlite").__exit__()
    assert journal_of(None, runs, desks=[desk]) == desk / "journal.sqlite"
    first = runs / "20240101-000000-test"
    assert journal_of(first, runs) == journal_of(first / "journal.sqlite", runs)
    with pytest.raises(JournalError, match=r"no run of session tset in .*, did you mean 'test'"):
        journal_of(None, runs, parse_name("tset-3"))


def test_where_there_is_no_journal_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="start one with `quorum replay`"):
        journal_of(None, tmp_path / "runs")
    with pytest.raises(JournalError, match=r"expected a run's folder or its journal\.sqlite"):
        journal_of(tmp_path, tmp_path)
