"""Golden replays: yesterday's decisions on fixed inputs are today's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from market.events import DecisionTaken, SessionStarted
from tests.desk import events_of, market, plan
from tests.engines import replay_by_kernel
from tests.golden.__main__ import main
from tests.golden.stories import STORIES
from tests.golden.telling import FOLDER, changes, decision_digest, flat, kept, told

CLOSE = 1e-9
"""Statistics are sums, which libraries may round otherwise; decisions are compared to the bit."""


@pytest.mark.parametrize("story", STORIES)
def test_a_golden_run_decides_as_it_did(story: str) -> None:
    before = kept(story)
    assert before is not None, "no record: make golden"
    found = told(STORIES[story]())
    then, now = flat(before), flat(found)
    differing = [
        f"{name}: {then.get(name)} → {now.get(name)}"
        for name, _, _ in changes(before, found)
        if not (
            isinstance(now.get(name), float) and now[name] == pytest.approx(then[name], rel=CLOSE)
        )
    ]
    assert not differing, "; ".join(differing) + ". Where this is meant: make golden"


def test_the_golden_runs_have_met_what_can_happen() -> None:
    goldens = [kept(story) or {} for story in STORIES]
    fills = {reason for golden in goldens for reason in golden["fills"]}
    assert fills == {"DECISION", "STOP_LOSS", "TAKE_PROFIT", "TRAILING_STOP", "MARGIN_CLOSEOUT"}
    assert any(golden["abstentions"] for golden in goldens)
    assert {halt for golden in goldens for halt in golden["halts"]} == {"DAILY_LOSS", "DRAWDOWN"}
    assert all(golden["trades"] > 20 for golden in goldens)


def test_every_record_has_its_story() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(STORIES)


def test_the_digest_sees_the_last_bit_of_a_decision_and_no_version(tmp_path: Path) -> None:
    settled = plan(market(40))
    replay_by_kernel(settled, tmp_path)
    events, session = events_of(tmp_path), settled.desk.session
    digest = decision_digest(events, session)
    started = events[0]
    assert isinstance(started, SessionStarted)
    newer = replace(started, versions=(("python", "9.9"),))
    assert decision_digest([newer, *events[1:]], session) == digest
    at = next(n for n, event in enumerate(events) if isinstance(event, DecisionTaken))
    taken = events[at]
    assert isinstance(taken, DecisionTaken)
    turned = replace(taken, score=np.nextafter(taken.score, 2.0))
    assert decision_digest([*events[:at], turned, *events[at + 1 :]], session) != digest


def test_the_digest_does_not_depend_on_the_name_of_the_session(tmp_path: Path) -> None:
    digests = []
    for name in ("0123456789", "abcdef0123"):
        settled = plan(market(40))
        renamed = replace(settled, desk=replace(settled.desk, session=name))
        replay_by_kernel(renamed, tmp_path / name)
        digests.append(decision_digest(events_of(tmp_path / name), name))
    assert digests[0] == digests[1]


def test_the_command_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["updat"]) == 2
    assert main(["update", "five_year"]) == 2
    assert main([]) == 2
    assert "usage: python -m tests.golden show|update" in capsys.readouterr().err
