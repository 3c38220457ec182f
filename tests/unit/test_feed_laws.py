"""Laws of file feeds: damage never crashes, and how rows are cut into files changes nothing."""

from __future__ import annotations

import io
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.files import FileFeed
from infra.feeds.rates import read_interest_rates
from market.bars import check_bars
from market.errors import DataError

TIMES = pd.date_range("2014-05-05", periods=30, freq="h")
BARS = pd.DataFrame(
    {"time": TIMES, "open": 1.1, "high": 1.2, "low": 1.0, "close": 1.1, "volume": 7}
)
TICKS = pd.DataFrame(
    {
        "time": pd.date_range("2014-05-05", periods=30, freq="1700s"),
        "bid": np.linspace(1.0, 1.1, 30),
        "ask": np.linspace(1.1, 1.3, 30),
    }
)
RATES = "month,currency,rate_percent\n" + "".join(f"2014-{m:02},USD,{m}\n" for m in range(1, 13))


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


WHOLE = {
    "bars.csv": BARS.to_csv(index=False).encode(),
    "bars.parquet": parquet_bytes(BARS),
    "ticks.csv": TICKS.to_csv(index=False).encode(),
    "rates.csv": RATES.encode(),
}
FRAGMENTS = [b"", b",", b"\n", b"\r", b'"', b"\x00", b"\xff", b"nan", b"-1", b"1e400", b"Z", b";"]


def refusal_of(path: Path) -> str | None:
    """The message with which a file is refused; None where it is read, and then checked."""
    try:
        if path.name == "rates.csv":
            assert not np.isinf(read_interest_rates(path).annual).any()
        else:
            length = 3600 if path.name == "ticks.csv" else None
            feed = FileFeed(path, ["EUR_USD"], clock="UTC", interval_s=length)
            check_bars(feed.load(), path.name)
    except DataError as error:
        return str(error)
    return None


def test_the_undamaged_files_are_read(tmp_path: Path) -> None:
    for name, content in WHOLE.items():
        (tmp_path / name).write_bytes(content)
        assert refusal_of(tmp_path / name) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_with_sense_or_refused_by_name(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    content = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content) - 1))
        stop = start + data.draw(st.integers(0, 20))
        content[start:stop] = data.draw(st.sampled_from(FRAGMENTS) | st.binary(max_size=4))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        refusal = refusal_of(path)
    assert refusal is None or name in refusal


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([BARS, TICKS]),
    st.lists(st.integers(1, 29), max_size=4, unique=True),
    st.sampled_from(["csv", "parquet"]),
)
def test_cutting_rows_into_files_does_not_change_the_bars(
    frame: pd.DataFrame, cuts: list[int], suffix: str
) -> None:
    edges = [0, *sorted(cuts), len(frame)]
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = Path(folder) / "whole", Path(folder) / "cut"
        whole.mkdir()
        cut.mkdir()
        frame.to_parquet(whole / "EUR_USD.parquet")
        for number, (start, stop) in enumerate(pairwise(edges)):
            part = frame.iloc[start:stop]
            path = cut / f"EUR_USD_{number}.{suffix}"
            if suffix == "csv":
                part.to_csv(path, index=False)
            else:
                part.to_parquet(path)
        digests = {
            FileFeed(path, clock="UTC", interval_s=3600).load().digest() for path in (whole, cut)
        }
    assert len(digests) == 1
