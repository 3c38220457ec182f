"""The notebooks run from the first cell to the last, as they are stored."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from coordinator.engines.choice import Engine
from coordinator.notebook import replay, start_dynamic_trading
from coordinator.notebook.live import SystemStatus

pytest.importorskip("matplotlib", reason="the notebooks draw: they need the extra 'plots'")

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
FIRST = PROJECT / "notebooks" / "01_first_replay.ipynb"
SMALL = 'END = "2000-12-31"'
QUICK = '[data]\ninstruments = ["EUR_USD", "USD_JPY", "GBP_USD"]\n[optimizer]\nmethod = "exact"\n'
WITHIN_S = 240


def opened(path: Path) -> Any:
    """A notebook as it is stored."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def cells_of(notebook: Any, kind: str) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def shown(cell: Any, kind: str) -> str:
    """What a cell shows last, as this kind of content."""
    return str(cell.outputs[-1]["data"][kind])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_stored_without_outputs(path: Path) -> None:
    notebook = opened(path)
    nbformat.validate(notebook)
    code = cells_of(notebook, "code")
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_the_first_notebook_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    notebook = opened(FIRST)
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    parameters.source = SMALL
    (tmp_path / "quorum.toml").write_text(QUICK)
    client = NotebookClient(
        notebook, timeout=WITHIN_S, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(
        env={**os.environ, "PYTHONPATH": str(PROJECT), "IPYTHONDIR": str(tmp_path / "ipython")}
    )
    assert client.km is None, "the kernel is gone"
    cells = cells_of(notebook, "code")
    printed = [o for cell in cells for o in cell.outputs if o.output_type in ("stream", "error")]
    assert not printed, "no cell warns or prints"
    by_source = {cell.source: cell for cell in cells if cell.outputs}
    (decision,) = [c for source, c in by_source.items() if "base.decision(" in source]
    for step in ("Ballots", "Tally", "Allocation", "Size", "Verdict", "Intent", "Fill", "Trade"):
        assert f". {step}</h4>" in shown(decision, "text/html")
    (agents,) = [c for source, c in by_source.items() if "mine.agents" in source]
    assert "buy_the_dip" in shown(agents, "text/html")
    pictures = [c for source, c in by_source.items() if "plot_" in source]
    assert len(pictures) == 3
    assert all("image/png" in cell.outputs[-1]["data"] for cell in pictures)
    runs = list((tmp_path / "runs").iterdir())
    assert len(runs) == 2, "two configurations are tried, and the notebook says two"
    (report,) = (tmp_path / "runs").glob("*/report.html")
    assert "2, this one included" in report.read_text()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_a_replay_from_a_notebook_is_the_same_by_every_engine(tmp_path: Path) -> None:
    engines: tuple[Engine, ...] = ("local", "events", "panel")
    runs = [
        replay(
            end="1999-06-30",
            instruments=["EUR_USD", "USD_JPY"],
            agents=["tests.voters:Follower", "tests.voters:Contrarian"],
            settings={"optimizer": {"method": "exact"}, "ray": {"namespace": "notebook-tests"}},
            engine=engine,
            out=tmp_path / engine,
        )
        for engine in engines
    ]
    assert runs[0].digest == runs[1].digest == runs[2].digest
    assert runs[0].record.outcome == "completed"


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_a_desk_trades_from_a_notebook_for_its_minutes_and_is_taken_up_again(
    tmp_path: Path,
) -> None:
    home = tmp_path / "desk"
    settings = {"ray": {"namespace": "notebook-desk"}}

    def traded(**asked: Any) -> SystemStatus:
        return asyncio.run(start_dynamic_trading(0.05, home=home, settings=settings, **asked))

    first = traded(bar="5s", speed=25.0).told
    assert (first["mode"], first["mode_by"]) == ("STOPPED", "notebook")
    assert first["bars"] > 0
    again = traded(resume=True).told
    assert (again["mode"], again["session"]) == ("STOPPED", first["session"])
    assert again["bars"] > first["bars"]
