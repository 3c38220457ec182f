"""The notebook of the sweep runs, and shows the picture and the figure that each step promises."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

pytest.importorskip("matplotlib", reason="the notebooks draw: they need the extra 'plots'")

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOK = PROJECT / "notebooks" / "03_sweep_and_walk_forward.ipynb"
SMALL = (
    'END = "2001-12-31"\nPAIRS = ["EUR_USD", "USD_JPY"]\nTHRESHOLDS = [0.2, 0.3]\n'
    'STOPS = [2.0, 4.0]\nTRAIN, TEST = "200d", "120d"\n'
)
WITHIN_S = 240


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The notebook at its small size, after its last cell, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    parameters.source = SMALL
    NotebookClient(
        notebook, timeout=WITHIN_S, resources={"metadata": {"path": str(folder)}}
    ).execute(env={**os.environ, "PYTHONPATH": str(PROJECT), "IPYTHONDIR": str(folder / "ipython")})
    return notebook, folder


def shown(notebook: Any, source: str) -> Any:
    """What the one cell with this text shows last."""
    (cell,) = [c for c in notebook.cells if c.cell_type == "code" and source in c.source]
    return cell.outputs[-1]["data"]


def test_no_cell_warns_or_prints(executed: tuple[Any, Path]) -> None:
    notebook, _ = executed
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    said = [o for cell in code for o in cell.outputs if o.output_type in ("stream", "error")]
    assert not said


def test_every_picture_is_drawn(executed: tuple[Any, Path]) -> None:
    notebook, _ = executed
    for picture in ("plot_growth()", "plot_map(", "plot_trials()"):
        assert "image/png" in shown(notebook, picture)


def test_the_headline_names_the_trials_and_both_samples(executed: tuple[Any, Path]) -> None:
    notebook, _ = executed
    page = shown(notebook, "tuned = sweep(")["text/html"]
    assert "4 trials, 0 failed" in page
    assert "in sample, best of 4" in page
    assert "out of sample, as it was" in page
    assert "Deflated Sharpe ratio" in page
    assert "with 4 trials" in page


def test_the_answer_is_that_of_the_stored_trials(executed: tuple[Any, Path]) -> None:
    notebook, folder = executed
    (run,) = (folder / "runs").iterdir()
    trials = pd.read_parquet(run / "trials.parquet")
    best = f"{trials['sharpe_ratio'].max():.3f}".rstrip("0")
    answer = shown(notebook, '"deflated Sharpe ratio"')["text/plain"]
    assert best in answer
    assert len(trials) == 4
    assert (run / "report.html").is_file()
