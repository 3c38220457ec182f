"""`quorum stage`, as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.cli.app import run
from market.quotes import PriceKind
from tests.live import LiveDesk, live_desk
from tests.live_broker import FakeBroker
from tests.staged import books_of, good_days, opened, stage

SAID = ("--by", "ann", "--reason", "it has shown enough")


def quorum(desk: LiveDesk, *arguments: str) -> int:
    return run([*arguments, "--home", str(desk.home.folder)])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on both streams, as one line."""
    out = capsys.readouterr()
    return " ".join((out.out + out.err).split())


def test_a_stage_is_shown_with_its_limits_and_its_evidence_beside_what_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with live_desk(tmp_path) as desk:
        assert quorum(desk, "stage") == 0
        told = said(capsys)
    for part in (
        "paper since", "risk a trade 0.50%", "exposure 20.0%", "daily loss as configured",
        "days 0 ≥ 7 missing", "drawdown 0.0% ≤ 15.0% enough",
        "interval (Lo 2002): unknown; from 0 bars",
        "live_minimal is closed: the journal does not say what its prices are",
    ):  # fmt: skip
        assert part in told, part


def test_it_is_one_json_object_for_machines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with live_desk(tmp_path) as desk:
        assert quorum(desk, "stage", "--json") == 0
        told = json.loads(capsys.readouterr().out)
    assert (told["stage"], told["next"]) == ("paper", "live_minimal")
    assert told["limits"] == {
        "risk_per_trade": 0.005, "exposure": 0.2, "daily_loss": None, "instruments": None
    }  # fmt: skip
    assert {one["name"]: one["enough"] for one in told["needed"]} == {
        "days": False, "trades": False, "win_rate": False, "sharpe_ratio": False, "drawdown": True
    }  # fmt: skip
    assert told["evidence"]["sharpe_ratio_annual"] is None


def test_a_desk_with_enough_evidence_is_promoted_by_a_name_and_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = FakeBroker()
    books = books_of(tmp_path, broker, opened(), stage("paper"), *good_days())
    with live_desk(
        tmp_path, broker, gateway_options={"books": books}, prices=PriceKind.REAL
    ) as desk:
        quorum(desk, "stage")
        assert "live_minimal is open to a named person" in said(capsys)
        assert quorum(desk, "stage", "promote", "--reason", "why not") == 2
        assert "say who with --by" in said(capsys)
        assert quorum(desk, "stage", "promote", "--by", "ann") == 2
        assert "say why with --reason" in said(capsys)
        assert quorum(desk, "stage", "promote", *SAID) == 0
        assert "live_minimal by ann: it has shown enough at most 0.10%" in said(capsys)
        quorum(desk, "stage")
        assert "daily loss 1.0% instruments 2" in said(capsys)


def test_without_it_the_command_says_everything_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with live_desk(tmp_path) as desk:
        assert quorum(desk, "stage", "promote", *SAID) == 2
    told = said(capsys)
    assert "refused: live_minimal needs more than paper has shown" in told
    assert "trades 0 of at least 10" in told


def test_moving_down_and_stopping_take_effect_at_once_and_a_name_leads_back_to_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = FakeBroker()
    books = books_of(tmp_path, broker, opened(), stage("live_scaled_2"))
    with live_desk(tmp_path, broker, gateway_options={"books": books}) as desk:
        assert quorum(desk, "stage", "demote", *SAID) == 0
        assert "live_scaled_1 by ann" in said(capsys)
        assert quorum(desk, "stage", "demote", "--to", "nowhere", *SAID) == 2
        assert "expected one of paper," in said(capsys)
        assert quorum(desk, "stage", "emergency-stop", *SAID) == 0
        assert "emergency_stop by ann" in said(capsys)
        quorum(desk, "stage")
        assert "a named person leads back to paper" in said(capsys)
        quorum(desk, "status")
        assert "emergency_stop" in said(capsys)
        assert quorum(desk, "stage", "promote", *SAID) == 0
        assert "paper by ann" in said(capsys)
