"""The notebook of the quantum allocation runs, and what it says of its answers is so."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytest.importorskip("matplotlib", reason="the notebooks draw: they need the extra 'plots'")

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOK = PROJECT / "notebooks" / "02_quantum_allocation.ipynb"
WITHIN_S = 240


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook at its small size, after its last cell."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert parameters.source == "SMALL = False"
    parameters.source = "SMALL = True"
    NotebookClient(
        notebook, timeout=WITHIN_S, resources={"metadata": {"path": str(folder)}}
    ).execute(env={**os.environ, "PYTHONPATH": str(PROJECT), "IPYTHONDIR": str(folder / "ipython")})
    return notebook


def outputs(notebook: Any, kind: str) -> list[Any]:
    """Every output of this type, in the order of the cells."""
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == kind
    ]


def printed(notebook: Any) -> str:
    return "".join(o["text"] for o in outputs(notebook, "stream") if o["name"] == "stdout")


def number(notebook: Any, pattern: str) -> float:
    """The one figure that stands at `pattern` in what the notebook prints."""
    (found,) = re.findall(pattern, printed(notebook))
    return float(found)


def test_no_cell_warns(executed: Any) -> None:
    assert not [o["text"] for o in outputs(executed, "stream") if o["name"] == "stderr"]
    assert not outputs(executed, "error")


def test_every_picture_is_drawn(executed: Any) -> None:
    pictures = [o for o in outputs(executed, "display_data") if "image/png" in o["data"]]
    drawing = [c for c in executed.cells if c.cell_type == "code" and "plt.subplots" in c.source]
    assert len(pictures) == len(drawing) == 7


def test_the_circuit_is_drawn_with_its_three_parts(executed: Any) -> None:
    (drawn,) = [c for c in executed.cells if ".draw(" in c.source]
    text = drawn.outputs[-1]["data"]["text/plain"]
    assert all(gate in text for gate in ("Ry(", "ZZ(", "XX+YY"))


def test_the_ising_form_and_qiskit_agree_to_rounding(executed: Any) -> None:
    assert number(executed, r"strings: (\S+) of the largest value") < 1e-12
    assert number(executed, r"difference of an amplitude: (\S+)") < 1e-10


def test_every_shot_keeps_the_budget(executed: Any) -> None:
    assert number(executed, r"(\d+)% of 4096 shots keep the budget") == 100


def test_the_classical_answer_is_proven_and_every_re_fit_reaches_it(executed: Any) -> None:
    assert "proven optimal: True" in printed(executed)
    assert [float(gap) for gap in re.findall(r"largest gap (\S+) %", printed(executed))] == [
        0.0
    ] * 3


def test_a_warm_start_from_yesterday_saves_most_of_the_gradients(executed: Any) -> None:
    assert number(executed, r"every day: +63 re-fits, warm takes +(\d+)% of") < 50
