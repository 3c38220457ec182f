"""Recorded decisions are taken again, and a bit that is not the same is found and named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coordinator.cli.app import run
from coordinator.engines.locally import run_locally
from coordinator.explain.inputs import Places
from coordinator.explain.replaying import DecisionReplayed, replay_decisions
from coordinator.in_process import never, unwatched
from coordinator.plan import Plan
from coordinator.run_inputs import FILE, read_inputs, write_inputs
from infra.journal.reader import read_events
from market.bars import Bars
from market.errors import AgentError, DataError, JournalError
from market.events import (
    AllocationApplied,
    BarSettled,
    DecisionTaken,
    Event,
    OrderFilled,
    OrderIntended,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
)
from tests.desk import QUICK, market
from tests.recorded import altered
from tests.runs import plan_with

SYMBOLS = ("EUR_USD", "USD_JPY", "EUR_GBP")
AGENTS = ("tests.voters:Follower", "tests.voters:Contrarian", "tests.voters:Fragile")
ROWS = 110


def write_prices(folder: Path, bars: Bars) -> Path:
    """The panel as files, one an instrument."""
    folder.mkdir()
    for column, symbol in enumerate(bars.symbols):
        frame = pd.DataFrame(
            {
                "time": pd.to_datetime(bars.time, utc=True),
                **{
                    name: getattr(bars, name)[:, column]
                    for name in ("open", "high", "low", "close", "spread")
                },
            }
        )
        frame.to_parquet(folder / f"{symbol}.parquet")
    return folder


def settled(prices: Path, **sections: dict[str, Any]) -> Plan:
    """A plan on files, with everything that a review may depend on."""
    given: dict[str, dict[str, Any]] = {
        **QUICK,
        "data": {
            "source": str(prices), "instruments": SYMBOLS, "stamps": "end", "start": "2024-01-15",
        },
        "committee": {"agents": AGENTS},
        "sizing": {"volatility_window": 10, "trailing_stop": "sigmas", "stop_sigmas": 1.5,
                   "trailing_stop_sigmas": 1.0, "max_risk_per_trade": 0.03},
        "guardian": {"correlation_window": 10, "max_drawdown": 0.02, "max_daily_loss": 0.006,
                     "rearm_after": 4},
    }  # fmt: skip
    return plan_with(**{name: {**given.get(name, {}), **sections.get(name, {})} for name in given})


def recorded(plan: Plan, folder: Path) -> Path:
    """The journal of a run, with its inputs noted."""
    folder.mkdir()
    write_inputs(folder, plan.settings)
    run_locally(plan, folder, never, unwatched)
    return folder / "journal.sqlite"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's journal."""
    folder = tmp_path_factory.mktemp("lived")
    bars = market(ROWS, seed=4, volatility=0.006)
    return recorded(settled(write_prices(folder / "prices", bars)), folder / "run")


def all_of(journal: Path, **more: Any) -> list[DecisionReplayed]:
    return list(replay_decisions(journal, lambda _: True, **more))


def test_every_decision_of_a_run_is_taken_again_to_the_last_bit(lived: Path) -> None:
    events = list(read_events(lived))
    kinds = {type(event) for event in events}
    assert {TradingHalted, TradingRearmed, AllocationApplied, OrderFilled} <= kinds
    exits = {event.fill.reason for event in events if isinstance(event, OrderFilled)}
    assert {"STOP_LOSS", "TRAILING_STOP"} <= exits
    taken = [event for event in events if isinstance(event, DecisionTaken)]
    assert any(event.refused for event in taken)
    replayed = all_of(lived)
    assert [done.sequence for done in replayed] == [event.sequence for event in taken]
    assert all(done.identical for done in replayed), next(d for d in replayed if not d.identical)
    assert not replayed[-1].versions
    assert not replayed[-1].agents


def test_one_decision_alone_is_the_same_as_among_all(lived: Path) -> None:
    among = all_of(lived)[60]
    (alone,) = replay_decisions(lived, lambda sequence: sequence == 60)
    assert alone.identical
    assert (alone.seen, alone.chained, alone.number) == (among.seen, among.chained, among.number)


def add_to_score(event: Event) -> Event:
    if isinstance(event, DecisionTaken) and event.sequence == 50:
        scores = event.scores.copy()
        scores[1, 2] = np.nextafter(scores[1, 2], 2.0)
        return replace(event, scores=scores)
    return event


def take_a_verdict(event: Event) -> Event:
    if isinstance(event, DecisionTaken) and event.refused:
        return replace(event, refused=())
    return event


def other_measure(event: Event) -> Event:
    if isinstance(event, TradingHalted):
        return replace(event, measured=event.measured + 1e-9)
    return event


def larger_order(event: Event) -> Event:
    if isinstance(event, OrderIntended):
        return OrderIntended(order=replace(event.order, units=event.order.units + 1.0))
    return event


def other_multiplier(event: Event) -> Event:
    if isinstance(event, DecisionTaken) and event.sequence > 45:
        return replace(event, multiplier=1.001 * event.multiplier)
    return event


def richer(event: Event) -> Event:
    if isinstance(event, BarSettled) and event.sequence > 40:
        return replace(event, equity=event.equity + 1.0)
    return event


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (add_to_score, r"scores\[contrarian, EUR_GBP\]"),
        (take_a_verdict, r"refused \(how many\)"),
        (other_measure, "measured"),
        (larger_order, r"order\.units"),
        (other_multiplier, r"multiplier\[USD_JPY\]"),
        (richer, "measured|approved|units"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_record_that_was_tampered_with_is_found_though_its_chain_is_whole(
    lived: Path, tmp_path: Path, change: Callable[[Event], Event], place: str
) -> None:
    journal = altered(lived, tmp_path / "run" / "journal.sqlite", change)
    shutil.copy(lived.parent / FILE, journal.parent)
    differing = [done for done in all_of(journal) if not done.identical]
    assert differing
    found = differing[0]
    assert found.context is not None
    assert re.search(place, found.context.place), found
    assert found.context.bar == found.sequence


def test_a_tampered_score_is_told_with_both_values(lived: Path, tmp_path: Path) -> None:
    journal = altered(lived, tmp_path / "run" / "journal.sqlite", add_to_score)
    places = Places(known=read_inputs(lived.parent).files)
    differing = [done for done in all_of(journal, places=places) if not done.identical]
    assert [done.sequence for done in differing] == [50]
    difference = differing[0].difference
    assert difference is not None
    assert difference.unequal is not None
    assert difference.unequal.one == np.nextafter(difference.unequal.other, 2.0)
    assert repr(differing[0]).endswith("not the same: scores[contrarian, EUR_GBP]>")


def test_other_versions_and_other_code_are_named(lived: Path, tmp_path: Path) -> None:
    def older(event: Event) -> Event:
        if not isinstance(event, SessionStarted):
            return event
        versions = tuple((n, "1.0" if n == "numpy" else v) for n, v in event.versions)
        follower = event.agents[0]
        changed = replace(follower, source=f"{AGENTS[0]} {'0' * 64}")
        return replace(event, versions=versions, agents=(changed, *event.agents[1:]))

    journal = altered(lived, tmp_path / "run" / "journal.sqlite", older)
    noted = (lived.parent / FILE).read_text()
    code = read_inputs(lived.parent).code
    (journal.parent / FILE).write_text(noted.replace(code, "f" * 16))
    done = all_of(journal)[-1]
    assert done.identical
    said = [str(change) for change in done.versions]
    assert said[0].startswith("numpy: recorded 1.0, running 2.")
    assert said[1].startswith("the desk's arithmetic: recorded ffffffffffffffff, running ")
    assert done.agents == (
        f"the code of follower (tests.voters) has changed since: recorded 000000000000…, "
        f"running {done_digest(lived)}…",
    )


def done_digest(journal: Path) -> str:
    """The start of the digest of the follower's code."""
    started = next(read_events(journal))
    assert isinstance(started, SessionStarted)
    return started.agents[0].source.split()[1][:12]


def test_prices_that_moved_are_found_in_a_named_folder(lived: Path, tmp_path: Path) -> None:
    journal = tmp_path / "run" / "journal.sqlite"
    journal.parent.mkdir()
    shutil.copy(lived, journal)
    with pytest.raises(DataError, match=r"no data at 'prices'.*--inputs"):
        all_of(journal)
    assert all(d.identical for d in all_of(journal, places=Places(folders=(lived.parents[1],))))


def test_other_prices_under_the_same_name_are_refused(lived: Path, tmp_path: Path) -> None:
    write_prices(tmp_path / "prices", market(ROWS, seed=5, volatility=0.006))
    with pytest.raises(DataError, match="not those that the run saw: expected SHA-256"):
        all_of(lived, places=Places(folders=(tmp_path,)))


@pytest.mark.parametrize(
    ("agent", "source", "error"),
    [
        ("tests.gone:Follower", "", "follower cannot be seated again: .*no module 'tests.gone'"),
        ("tests.voters:Lost", "", "follower cannot be seated again: .*has no class 'Lost'"),
        (AGENTS[1], "", "follower looks back on 9 bars, recorded are 4"),
        (AGENTS[0], f" {'0' * 64} {'1' * 64}", "the inputs of follower are not those"),
    ],
)
def test_an_agent_that_cannot_be_seated_again_is_named(
    lived: Path, tmp_path: Path, agent: str, source: str, error: str
) -> None:
    def moved(event: Event) -> Event:
        if not isinstance(event, SessionStarted):
            return event
        follower = replace(event.agents[0], source=f"{agent}{source}")
        return replace(event, agents=(follower, *event.agents[1:]))

    journal = altered(lived, tmp_path / "run" / "journal.sqlite", moved)
    shutil.copy(lived.parent / FILE, journal.parent)
    with pytest.raises((AgentError, DataError), match=error):
        all_of(journal)


def test_a_configuration_of_another_version_is_refused(lived: Path, tmp_path: Path) -> None:
    def newer(event: Event) -> Event:
        if isinstance(event, SessionStarted):
            return replace(event, configuration='{"committee": {"voices": 3}}')
        return event

    journal = altered(lived, tmp_path / "run" / "journal.sqlite", newer)
    with pytest.raises(JournalError, match=r"does not understand its configuration \(unknown key"):
        all_of(journal)


def test_the_command_tells_people_and_machines_and_ends_with_one_where_it_differs(
    lived: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["decision", "replay", "50", "--run", str(lived)]) == 0
    told = capsys.readouterr().out
    assert "✓ Identical, to the last bit." in told
    assert "code and libraries are those of the record" in told
    assert run(["decision", "replay", "--last", "3", "--run", str(lived), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["identical"], document["decisions"]) == (True, 3)
    journal = altered(lived, tmp_path / "run" / "journal.sqlite", add_to_score)
    asked = ["decision", "replay", "--run", str(journal), "--inputs", str(lived.parents[1])]
    assert run([*asked, "--all"]) == 1
    told = capsys.readouterr().out
    assert "✗ 1 of" in told
    assert "DecisionTaken scores[contrarian, EUR_GBP]" in told
    assert run([*asked, "50", "--json"]) == 1
    (done,) = json.loads(capsys.readouterr().out)["replayed"]
    assert done["difference"]["agent"] == "contrarian"
    assert done["difference"]["place"] == "scores[contrarian, EUR_GBP]"


def test_the_data_that_the_agents_saw_is_hashed_alike_by_both_commands(
    lived: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["why", "50", "--run", str(lived), "--instrument", "EUR_USD", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["instruments"]
    (done,) = replay_decisions(lived, lambda sequence: sequence == 50)
    assert told["record"]["seen"]["digest"] == done.seen
    assert told["record"]["chain_sha256"] == done.chained
