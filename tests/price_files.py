"""Random files of prices: gaps, different calendars, several layouts, and damage to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from pandas.api.types import is_numeric_dtype

SYMBOLS = ("EUR_USD", "GBP_USD", "USD_JPY", "AUD_USD")
KINDS = ("bars", "quotes", "ticks", "fixings")
HOUR = pd.Timedelta(hours=1)
PRICES = ("open", "high", "low", "close")


def written_folder(
    folder: Path, rng: np.random.Generator, *, damaged: bool, parquet_only: bool = False
) -> None:
    """Fill a folder with files of a few instruments, each on its own calendar.

    damaged: one value of one file, or one whole row, is made something that must be refused.
    """
    kind = str(rng.choice(KINDS))
    frames = {
        symbol: prices(rng, kind) for symbol in SYMBOLS[: int(rng.integers(1, len(SYMBOLS) + 1))]
    }
    if damaged:
        chosen = str(rng.choice(list(frames)))
        frames[chosen] = damage(frames[chosen], rng)
    if rng.random() < 0.3:  # one file with a column that names the instrument
        named = [frame.assign(symbol=symbol) for symbol, frame in frames.items()]
        together = pd.concat(named, ignore_index=True)
        for name in together.columns.difference(["time", "symbol"]):
            if not is_numeric_dtype(together[name]):
                together[name] = together[name].map(str)
        if rng.random() < 0.5:
            together = together.sort_values("time", kind="stable", ignore_index=True)
        if damaged and rng.random() < 0.2:
            together.loc[int(rng.integers(len(together))), "symbol"] = "nothing"
        written(together, folder / "prices", rng, parquet_only)
        return
    for symbol, frame in frames.items():
        cut = int(rng.integers(2, len(frame) - 1)) if rng.random() < 0.3 else len(frame)
        for number, part in enumerate((frame[:cut], frame[cut:])):
            if len(part):
                written(part, folder / f"{symbol}_{number}", rng, parquet_only)


def prices(rng: np.random.Generator, kind: str) -> pd.DataFrame:
    """An instrument's rows, some without a price; its hours are not those of the others."""
    count = int(rng.integers(30, 60))
    hours = np.arange(count) + int(rng.integers(0, 20))
    hours = hours[np.sort(rng.choice(count, int(0.95 * count), replace=False))]
    frame = pd.DataFrame({"time": pd.Timestamp("2024-01-01", tz="UTC") + hours * HOUR})
    close = np.exp(0.01 * rng.standard_normal(len(frame)).cumsum())
    opening = close * np.exp(0.002 * rng.standard_normal(len(frame)))
    top, bottom = np.maximum(opening, close) * 1.001, np.minimum(opening, close) * 0.999
    sides = dict(zip(PRICES, (opening, top, bottom, close), strict=True))
    if kind == "fixings":
        frame["close"] = close
    elif kind == "bars":
        frame = frame.assign(**sides, volume=rng.integers(0, 99, len(frame)))
    elif kind == "quotes":
        frame = frame.assign(
            **{f"bid_{name}": side for name, side in sides.items()},
            **{f"ask_{name}": side + 1e-4 for name, side in sides.items()},
        )
    else:
        frame = frame.assign(bid=close, ask=close + 1e-4)
    empty = rng.random(len(frame)) < 0.05
    frame.loc[empty, [name for name in frame if name not in ("time", "volume")]] = np.nan
    return frame


def damage(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The same rows with one to three of their cells or rows spoilt."""
    frame = frame.copy()
    for _ in range(int(rng.integers(1, 4))):
        row = int(rng.integers(1, len(frame)))
        if rng.random() < 0.3:
            frame.loc[row, "time"] = frame.loc[row - 1, "time"] - int(rng.integers(0, 3)) * HOUR
            continue
        column = str(rng.choice([name for name in frame if name != "time"]))
        value = rng.choice([-1.0, 0.0, np.inf, 1e-9, 1e9, 1.7e308, np.nan])
        frame[column] = frame[column].astype(np.float64)
        frame.loc[row, column] = value
    if rng.random() < 0.2:
        column = str(rng.choice([name for name in frame if name != "time"]))
        texts = frame[column].map(str).astype(object)
        texts[int(rng.integers(len(frame)))] = "much"
        frame[column] = texts
    return frame


def written(frame: pd.DataFrame, path: Path, rng: np.random.Generator, parquet_only: bool) -> None:
    """A CSV, or a Parquet file with row groups of a random size."""
    if not parquet_only and rng.random() < 0.3:
        frame.to_csv(path.with_suffix(".csv"), index=False)
        return
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pa_parquet.write_table(
        table, path.with_suffix(".parquet"), row_group_size=int(rng.integers(1, 80))
    )
