"""A sweep's results as frames and files."""

from __future__ import annotations

import json
import math
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from coordinator.results.write import write_whole
from coordinator.sweep.measures import Measures
from coordinator.sweep.out_of_sample import Chain
from coordinator.sweep.outcome import Outcome
from market.bars import Times, utc

FINISHED, FAILED = "finished", "failed"


def trial_table(outcome: Outcome) -> pd.DataFrame:
    """One row a trial, by number: its values, how it ended, and its figures on the whole history,
    which are in sample; `train_…` and `test_…` are means of the objective over the windows.
    """
    rows = []
    for number, result in outcome.results.items():
        figures = result.measures[0] if result.measures else _none()
        rows.append(
            {
                "trial": number,
                **{key: _cell(value) for key, value in outcome.values(number).items()},
                "status": FINISHED if result.failure is None else FAILED,
                "failure": result.failure or "",
                **figures._asdict(),
            }
        )
    table = pd.DataFrame(rows)
    for key in outcome.sweep.space.keys:
        if any(isinstance(value, str) for value in table[key]):
            table[key] = table[key].astype(str)
    for part in ("train", "test") if outcome.sweep.windows else ():
        table[f"{part}_{outcome.objective}"] = outcome.figures(outcome.objective, part)
    return table.set_index("trial")


def window_table(outcome: Outcome) -> pd.DataFrame:
    """One row a window: its first and last bars, the trial picked, what it did in both parts."""
    time = outcome.sweep.base.bars.time
    rows = []
    for pick, window in zip(outcome.picks, outcome.sweep.windows, strict=True):
        rows.append(
            {
                "window": pick.window,
                "train_first": _time(time, window.train.start),
                "train_last": _time(time, window.train.stop - 1),
                "test_first": _time(time, window.test.start),
                "test_last": _time(time, window.test.stop - 1),
                "trial": -1 if pick.number is None else pick.number,
                **_prefixed("train", pick.train),
                **_prefixed("test", pick.test),
            }
        )
    return pd.DataFrame(rows).set_index("window") if rows else pd.DataFrame()


def piece_table(outcome: Outcome) -> pd.DataFrame:
    """One row a finished trial and piece: window (−1: the whole history), part, figures."""
    rows = [
        {"trial": number, "window": piece.window, "part": piece.part, **measures._asdict()}
        for number, result in outcome.results.items()
        for piece, measures in zip(
            outcome.sweep.pieces if result.measures else (), result.measures, strict=True
        )
    ]
    return pd.DataFrame(rows)


def curve_table(tuned: Chain, untuned: Chain) -> pd.DataFrame:
    """One row a bar out of sample: growth of 1, of the picks and of the settings as they were."""
    return pd.DataFrame(
        {"tuned": tuned.growth, "untuned": untuned.growth},
        index=pd.DatetimeIndex(tuned.time.view("datetime64[ns]"), tz="UTC", name="time"),
    )


def summary(outcome: Outcome) -> dict[str, Any]:
    """The headline for machines: undefined figures are null."""
    sweep, luck, best = outcome.sweep, outcome.luck, outcome.best
    in_sample = None
    if best is not None:
        in_sample = {
            "trial": best,
            "values": {key: _cell(value) for key, value in outcome.values(best).items()},
            "measures": _numbers(outcome.results[best].measures[0]),
        }
    above, judged = outcome.picks_above_median
    return {
        "sweep": sweep.digest[:10],
        "objective": outcome.objective,
        "configurations": len(sweep.configurations),
        "trials": outcome.trials,
        "failed": len(outcome.failed),
        "complete": outcome.complete,
        "walk_forward": None if sweep.rules is None else {
            "train": sweep.rules.train,
            "test": sweep.rules.test,
            "purge": sweep.rules.purge,
            "embargo": sweep.rules.embargo,
            "expanding": sweep.rules.expanding,
            "windows": len(sweep.windows),
        },
        "best_in_sample": in_sample,
        "deflated_sharpe": None if luck is None else {
            "trials": luck.trials,
            "sharpe_ratio": _number(luck.sharpe_ratio),
            "expected_best_of_luck": _number(luck.expected_best),
            "spread_of_trials": _number(luck.spread_of_trials),
            "probabilistic": _number(luck.probabilistic),
            "deflated": _number(luck.deflated),
            "skew": _number(luck.skew),
            "kurtosis": _number(luck.kurtosis),
            "bars": luck.bars,
            "version": "Bailey and López de Prado 2014, equations 1 and 2",
        },
        "out_of_sample": _chain(outcome.tuned),
        "out_of_sample_untuned": _chain(outcome.untuned),
        "rank_correlation": _number(outcome.rank_correlation),
        "picks_above_median": [above, judged],
        "failures": [
            {"trial": result.number, "reason": result.failure} for result in outcome.failed
        ],
        "lost": list(outcome.lost),
        "bars": len(sweep.whole),
        "bars_per_year": sweep.calendar.bars_per_year,
    }  # fmt: skip


def write_tables(outcome: Outcome, folder: Path) -> None:
    """sweep.json, trials.parquet, pieces.parquet and, after a walk forward, windows.parquet and
    out_of_sample.parquet. Raises RunFolderError where one cannot be written.
    """
    frames = {"trials.parquet": trial_table(outcome), "pieces.parquet": piece_table(outcome)}
    if outcome.tuned is not None and outcome.untuned is not None:
        frames["windows.parquet"] = window_table(outcome)
        frames["out_of_sample.parquet"] = curve_table(outcome.tuned, outcome.untuned)
    text = json.dumps(summary(outcome), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    contents = {"sweep.json": text.encode()}
    for name, frame in frames.items():
        buffer = BytesIO()
        frame.to_parquet(buffer)
        contents[name] = buffer.getvalue()
    for name, content in contents.items():
        write_whole(folder / name, content, kept=kept_in(folder))


def kept_in(folder: Path) -> str:
    """What is safe when a file of results cannot be written."""
    return (
        f"Every finished trial is safe in {folder / 'sweep.sqlite'}; free disk space or make the "
        f"folder writable, then write the results again with: quorum sweep --resume {folder}"
    )


def _chain(chain: Chain | None) -> dict[str, Any] | None:
    if chain is None:
        return None
    return {
        "first": utc(chain.time[0]).isoformat(),
        "last": utc(chain.time[-1]).isoformat(),
        "probabilistic_sharpe": _number(chain.probabilistic),
        "measures": _numbers(chain.measures),
    }


def _cell(value: Any) -> Any:
    """A value of a setting that a column can hold beside others."""
    return value if isinstance(value, (int, float, str)) else str(value)


def _time(time: Times, row: int) -> pd.Timestamp:
    return pd.Timestamp(int(time[row]), unit="ns", tz="UTC")


def _prefixed(part: str, measures: Measures | None) -> dict[str, float]:
    found = measures or _none()
    return {f"{part}_{name}": value for name, value in found._asdict().items()}


def _none() -> Measures:
    return Measures(*(math.nan,) * len(Measures._fields))


def _numbers(measures: Measures) -> dict[str, float | None]:
    return {name: _number(value) for name, value in measures._asdict().items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
