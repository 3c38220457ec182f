"""The guardian as a live desk reaches it: silent, late or dead, it approves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from coordinator.live.guardian import GuardianDesk
from infra.deadlines import DeadlineLine
from market.account_shown import AccountShown, Proposed
from market.errors import InvalidError
from market.flat import decoded
from market.lines import Failure
from market.messages import Reviewed
from market.verdicts import SignedApprovals

COLUMNS = 3
Ends = tuple[GuardianDesk, Connection]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The desk's side, and the guardian's end of the line."""
    one, other = Pipe()
    desk = GuardianDesk(0.05, np.empty(0))
    desk.connect(DeadlineLine("risk_guardian", one))
    yield desk, other
    other.close()
    if not one.closed:
        one.close()


def account(sequence: int, rows: int = 4) -> AccountShown:
    given: dict[str, Any] = {
        name: np.full(COLUMNS, float(sequence))
        for name in ("units", "working", "stop_price", "mid", "spread", "rate", "age", "filled",
                     "sigma", "sigma_before")
    }  # fmt: skip
    return AccountShown(
        session="s", epoch=1, sequence=sequence, time=0, expires=1, equity=1.0,
        returns=np.zeros((rows, COLUMNS)), stage="", overrides=(), **given,
    )  # fmt: skip


def proposed(sequence: int) -> Proposed:
    none, nobody = np.zeros(COLUMNS), np.zeros(COLUMNS, dtype=np.int64)
    return Proposed(
        sequence=sequence, order_units=none, score=none, stop_distance=none,
        take_profit_distance=none, trailing_distance=none, bound=nobody, group=nobody,
    )  # fmt: skip


def answer(sequence: int) -> Reviewed:
    signed = SignedApprovals(
        session="s", epoch=1, sequence=sequence, expires=1, approved=(), signature=b""
    )
    return Reviewed(
        sequence=sequence, signed=signed, refused=(), notices=(), memory=np.full(6, sequence)
    )


def ask(desk: GuardianDesk, sequence: int, then: Callable[[], object]) -> Reviewed | None:
    """Show an account, let something happen, propose."""
    desk.prepare(account(sequence), 4)
    desk.show()
    then()
    desk.propose(proposed(sequence))
    return desk.verdict(sequence)


def test_it_is_shown_the_account_before_the_proposals_and_answers_once(ends: Ends) -> None:
    desk, member = ends
    found = ask(desk, 7, lambda: member.send(answer(7)))
    assert found is not None
    assert found.sequence == 7
    heard = [type(decoded(member.recv_bytes())) for _ in range(2)]
    assert heard == [AccountShown, Proposed]
    assert desk.memory.tolist() == [7.0] * 6
    assert desk.holds(8, 4)
    assert not desk.holds(8, 5)
    assert not desk.holds(9, 4)


def test_one_that_dies_between_account_and_proposals_is_silent(ends: Ends) -> None:
    desk, member = ends
    assert ask(desk, 7, member.close) is None
    assert not desk.here
    assert "risk_guardian" in desk.silent_because
    assert not desk.holds(8, 4)


def test_one_that_is_dead_when_it_is_shown_the_account_is_silent(ends: Ends) -> None:
    desk, member = ends
    member.close()
    assert ask(desk, 7, lambda: None) is None
    assert not desk.here


def test_one_that_does_not_answer_by_its_deadline_is_hung_up_on(ends: Ends) -> None:
    desk, _ = ends
    assert ask(desk, 7, lambda: None) is None
    assert not desk.here
    assert desk.silent_because == "it did not answer within 50 ms"
    assert ask(desk, 8, lambda: None) is None


def test_one_that_fails_says_why_and_is_shown_the_whole_window_next(ends: Ends) -> None:
    desk, member = ends
    ask(desk, 6, lambda: member.send(answer(6)))
    assert ask(desk, 7, lambda: member.send(Failure(InvalidError("no such thing")))) is None
    assert desk.here
    assert desk.silent_because == "no such thing"
    assert not desk.holds(8, 4)


def test_an_answer_about_another_bar_approves_nothing(ends: Ends) -> None:
    desk, member = ends
    assert ask(desk, 7, lambda: member.send(answer(6))) is None
    assert not desk.holds(8, 4)
