"""What is made of a desk that is silent, or whose broker is, by whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from coordinator.live.trading import why_not_at_work, why_silent
from market.errors import FatalError

STRANGE = "gateway: it was answered for another account"
ANSWERED = {"mode": "TRADING"}


@dataclass
class Standing:
    """A desk of which this is known."""

    kept_by: str = ""
    gave_up: str = ""

    def problem(self) -> str:
        return self.kept_by

    def given_up(self) -> str:
        return self.gave_up


def test_a_gateway_that_is_being_started_is_waited_for() -> None:
    assert why_silent(Standing(), {}) == ""
    assert why_silent(Standing(), ANSWERED) == ""


def test_a_desk_that_has_not_begun_ends_with_what_keeps_a_member_from_its_work() -> None:
    with pytest.raises(FatalError, match="momentum cannot be built"):
        why_silent(Standing(kept_by="momentum cannot be built"), {})


def test_a_desk_that_was_at_work_is_waited_for_and_what_is_wrong_is_told() -> None:
    lost = "gateway cannot be built: its node is gone"
    assert why_silent(Standing(kept_by=lost), ANSWERED) == lost


def test_a_desk_whose_gateway_gave_up_ends_with_its_own_words() -> None:
    with pytest.raises(FatalError, match="answered for another account"):
        why_silent(Standing(kept_by=STRANGE, gave_up=STRANGE), ANSWERED)


def test_what_keeps_the_exchange_from_its_work_is_told_while_the_broker_is_away() -> None:
    desk = Standing(kept_by="paper_exchange: the disk is full")
    away, here = {"broker_connected": False}, {"broker_connected": True}
    assert why_not_at_work(desk, away, begun=True) == "paper_exchange: the disk is full"
    assert why_not_at_work(Standing(), away, begun=True) == ""
    assert why_not_at_work(desk, here, begun=True) == "", "nobody is asked while all is well"
