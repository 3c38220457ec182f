"""What two runs were given differently, decided differently and came to."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from coordinator.report.provenance import flat_settings
from coordinator.report.series import rounded, seconds, shown_rows
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.tally import Outcome

NAMES = ("A", "B")


def setting_differences(first: RunRecord, second: RunRecord) -> list[tuple[str, str, str]]:
    """What the two runs were given differently: name, value of A, value of B."""
    given = [_given(record) for record in (first, second)]
    names = [*given[0], *(name for name in given[1] if name not in given[0])]
    pairs = [(name, given[0].get(name, "–"), given[1].get(name, "–")) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]


def decision_differences(first: RunRecord, second: RunRecord) -> pd.DataFrame:
    """Decisions on the bars and instruments that both runs have: one row a difference.

    Columns: time, symbol, A, B. attrs["shared"]: how many decisions were compared.
    """
    symbols = [symbol for symbol in first.symbols if symbol in second.symbols]
    frames = [
        pd.DataFrame(r.decided.outcome, index=r.decided.time, columns=list(r.symbols))[symbols]
        for r in (first, second)
    ]
    times = frames[0].index.intersection(frames[1].index)
    left, right = (frame.loc[times].to_numpy() for frame in frames)
    rows, columns = np.nonzero(left != right)
    differences = pd.DataFrame(
        {
            "time": times[rows],
            "symbol": [symbols[column] for column in columns],
            "A": [Outcome(int(code)).name for code in left[rows, columns]],
            "B": [Outcome(int(code)).name for code in right[rows, columns]],
        }
    )
    differences.attrs["shared"] = left.size
    return differences


def growth_series(first: Results, second: Results) -> dict[str, Any]:
    """Growth and drawdown of both on the times that either has; null outside a run."""
    growth = pd.concat(
        [
            (100.0 * run.curve["equity"] / run.initial_balance).rename(name)
            for name, run in zip(NAMES, (first, second), strict=True)
        ],
        axis=1,
    ).sort_index()
    drawdown = pd.concat([-run.curve["drawdown"] for run in (first, second)], axis=1).sort_index()
    if growth.empty:
        return {"time": [], "growth": [[], []], "drawdown": [[], []]}
    depths = -drawdown.fillna(0.0).to_numpy()
    heights = growth.fillna(100.0).to_numpy()
    kept = np.union1d(*(shown_rows(heights[:, n], depths[:, n]) for n in range(2)))
    return {
        "time": seconds(pd.DatetimeIndex(growth.index[kept])),
        "growth": [rounded(growth[name].iloc[kept], 2) for name in NAMES],
        "drawdown": [rounded(drawdown.iloc[kept, n], 4) for n in range(2)],
    }


def _given(record: RunRecord) -> dict[str, str]:
    session = record.session
    return {
        "data": session.data,
        "data digest": f"{session.data_digest[:16]}…",
        "financing": session.financing,
        **{f"version of {name}": version for name, version in session.versions},
        **{f"source of {agent.name}": agent.source for agent in session.agents},
        **flat_settings(json.loads(session.configuration)),
    }
