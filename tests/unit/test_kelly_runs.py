"""A run whose stakes are Kelly's: taken again decision by decision, and what its report says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.explain.replaying import replay_decisions
from coordinator.report.page import report_page
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from infra.journal.reader import read_events
from market.events import CalibrationFitted, Event
from tests.desk import LEARNS, kept, trending
from tests.recorded import altered
from tests.unit.test_decision_replay import recorded, settled, write_prices
from tests.unit.test_report_page import Page


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's journal."""
    folder = tmp_path_factory.mktemp("kelly")
    prices = write_prices(folder / "prices", trending(320))
    sizing = {**LEARNS, "method": "kelly", "kelly_fraction": 0.02}
    return recorded(settled(prices, sizing=sizing), folder / "run")


def test_every_decision_is_taken_again_by_the_table_that_was_in_force(lived: Path) -> None:
    fits = kept(list(read_events(lived)), CalibrationFitted)
    assert any(fit.calibrated.any() for fit in fits)
    replayed = list(replay_decisions(lived, lambda _: True))
    assert all(done.identical for done in replayed)


def test_another_table_than_was_in_force_is_found(lived: Path) -> None:
    def forgetful(event: Event) -> Event:
        if isinstance(event, CalibrationFitted):
            return replace(event, calibrated=np.zeros_like(event.calibrated))
        return event

    folder = lived.parent.parent / "altered"
    journal = altered(lived, folder / "journal.sqlite", forgetful)
    (folder / "inputs.json").write_bytes((lived.parent / "inputs.json").read_bytes())
    replayed = list(replay_decisions(journal, lambda _: True))
    first = next(fit for fit in load_record(lived).calibrations if fit.calibrated.any())
    assert any(not done.identical for done in replayed)
    assert all(done.identical for done in replayed if done.sequence < first.sequence)


def test_the_report_shows_how_the_forecasts_came_true(lived: Path) -> None:
    record = load_record(lived)
    results = summarise(record)
    scores = results.agents["brier_score"].to_numpy()
    told = np.flatnonzero(~np.isnan(scores))
    assert len(told)
    assert ((scores[told] >= 0.0) & (scores[told] <= 1.0)).all()
    page = Page(report_page(record, results))
    assert "Calibration" in page.headings
    shown = {f"Forecasts of {record.agents[agent]}" for agent in told}
    assert shown == {text for text in page.text if text.startswith("Forecasts of ")}


def test_a_run_that_learns_nothing_says_nothing_of_it(lived: Path) -> None:
    silent = replace(load_record(lived), calibrations=())
    assert "Calibration" not in Page(report_page(silent, summarise(silent))).headings
