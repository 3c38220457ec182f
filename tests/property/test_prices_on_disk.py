"""Prices kept on disk: the same panel and the same refusals as in memory, and nothing left over."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.columns import joined
from infra.feeds.files import FileFeed
from infra.feeds.panels import where_traded
from infra.feeds.room import Place, Room, is_on_disk
from infra.feeds.scratch import ScratchFile
from market.bars import VALUE_FIELDS, Bars, check_bars
from market.errors import DataError, QuorumError
from tests.price_files import written_folder

QUICK = settings(max_examples=40, deadline=None)


def read(folder: Path, symbols: list[str] | None, room: Room) -> tuple[Bars | None, str]:
    """The panel and its description; or no panel, and the refusal."""
    feed = FileFeed(folder, symbols, clock="UTC", interval_s=3600, room=room)
    try:
        return feed.load(), feed.description
    except QuorumError as error:
        return None, f"{type(error).__name__}: {error}"


@QUICK
@given(
    st.integers(0, 2**32),
    st.integers(1, 90),
    st.booleans(),
    st.sampled_from([None, ["GBP_USD", "EUR_USD"]]),
)
def test_disk_and_memory_give_the_same_bars_or_the_same_refusal(
    seed: int, batch_rows: int, damaged: bool, symbols: list[str] | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, scratch = Path(name) / "prices", Path(name) / "scratch"
        folder.mkdir()
        scratch.mkdir()
        written_folder(folder, np.random.default_rng(seed), damaged=damaged)
        whole, said = read(folder, symbols, Room())
        apart, also = read(
            folder, symbols, Room(place="disk", scratch=scratch, batch_rows=batch_rows)
        )
        assert also == said
        assert (apart is None) == (whole is None)
        if whole is not None and apart is not None:
            assert is_on_disk(apart)
            assert not is_on_disk(whole)
            assert apart.digest() == whole.digest()
            for field in ("time", *VALUE_FIELDS):
                assert getattr(apart, field).tobytes() == getattr(whole, field).tobytes()
            kept = where_traded(apart, 1, Room(place="disk", scratch=scratch))
            assert kept.digest() == where_traded(whole, 1, Room()).digest()
        assert list(scratch.iterdir()) == []


@QUICK
@given(st.integers(0, 2**32))
def test_a_folder_without_damage_is_read(seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        written_folder(Path(name), np.random.default_rng(seed), damaged=False)
        bars, said = read(Path(name), None, Room())
        assert bars is not None, said


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.data())
def test_columns_on_disk_joined_are_sliced_as_one_array_is(
    lengths: list[int], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = ScratchFile(Path(name))
        parts = np.split(np.arange(float(sum(lengths))), np.cumsum(lengths)[:-1])
        column = joined([file.keep(part) for part in parts])
        whole = np.concatenate(parts)
        assert len(column) == len(whole)
        start = data.draw(st.integers(-2, len(whole) + 2) | st.none())
        stop = data.draw(st.integers(-2, len(whole) + 2) | st.none())
        np.testing.assert_array_equal(column[start:stop], whole[start:stop])


def long_panel(rows: int = 100_000) -> Bars:
    """So many rows that they are looked at in several blocks."""
    rng = np.random.default_rng(4)
    close = np.exp(0.001 * rng.standard_normal((rows, 3)).cumsum(axis=0))
    close[rng.random((rows, 3)) < 0.1] = np.nan
    return Bars(
        symbols=("EUR_USD", "GBP_USD", "AUD_USD"),
        time=np.arange(1, rows + 1) * 60_000_000_000,
        open=close * 1.0001,
        high=close * 1.001,
        low=close * 0.999,
        close=close,
        spread=np.full((rows, 3), 1e-4),
        volume=np.full((rows, 3), np.nan),
        interval_s=60,
    )


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_a_panel_of_several_blocks_keeps_the_rows_that_are_traded(place: Place) -> None:
    bars = long_panel()
    quoted = ~np.isnan(bars.close[:, :2]).all(axis=1)
    kept = where_traded(bars, 2, Room(place=place))
    for field in ("time", *VALUE_FIELDS):
        np.testing.assert_array_equal(getattr(kept, field), getattr(bars, field)[quoted])
    assert where_traded(kept, 2, Room()) is kept


def test_what_is_wrong_in_several_blocks_is_told_by_kind_with_its_first_row_and_count() -> None:
    bars = long_panel()
    high, close = bars.high.copy(), bars.close.copy()
    high[[60_000, 99_999], 1] = 0.5  # a kind that is told later, though it comes first
    high[[60_000, 99_999], 0] = 0.5
    close[99_000, 2] = close[99_500, 0] = -1.0
    broken = Bars(
        symbols=bars.symbols,
        time=bars.time,
        open=np.nan_to_num(bars.open, nan=1.0),
        high=np.nan_to_num(high, nan=1.001),
        low=np.nan_to_num(bars.low, nan=0.999),
        close=np.nan_to_num(close, nan=1.0),
        spread=bars.spread,
        volume=bars.volume,
        interval_s=60,
    )
    with pytest.raises(
        DataError, match=r"AUD_USD at .* \(row 99000\): close not positive .* 2 such value"
    ):
        check_bars(broken, "somewhere")
