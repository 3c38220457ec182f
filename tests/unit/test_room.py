"""Where prices are kept: when on disk, what that needs, and what is said where it cannot be."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coordinator.bootstrap import plan_of
from coordinator.configuration.sources import load_settings
from coordinator.plan import Plan
from infra.feeds.files import FileFeed
from infra.feeds.needs import needed_by
from infra.feeds.room import Room, is_on_disk
from infra.feeds.scratch import require_space
from market.errors import ConfigError
from tests.engines import assert_same_journal, replay_by_kernel

PROJECT = Path(__file__).resolve().parents[2]
FILLING = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from infra.feeds.scratch import ScratchFile
from market.errors import ConfigError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
file = ScratchFile(Path(sys.argv[1]))
try:
    file.append(np.zeros(1_000_000))
except ConfigError as error:
    print(error)
"""


def prices(folder: Path, *, minutes: int = 3_000) -> Path:
    """Three instruments on calendars of their own; the last one only converts."""
    rng = np.random.default_rng(3)
    folder.mkdir()
    time = pd.date_range("2024-01-01", periods=minutes, freq="min", tz="UTC")
    for number, symbol in enumerate(("EUR_USD", "EUR_GBP", "GBP_USD")):
        close = np.exp(0.001 * rng.standard_normal(minutes).cumsum())
        frame = pd.DataFrame({"time": time, "close": close})
        there = rng.random(minutes) > 0.02 * number
        if symbol != "GBP_USD":
            there[-40:] = False
        frame[there].to_parquet(folder / f"{symbol}.parquet", index=False, row_group_size=500)
    return folder


def planned(folder: Path, panel: str, scratch: Path | None = None) -> Plan:
    return plan_of(
        load_settings(
            flags={
                "data": {
                    "source": str(folder),
                    "instruments": ("EUR_USD", "EUR_GBP"),
                    "panel": panel,
                    "scratch": scratch,
                },
                "committee": {"agents": ("tests.voters:Follower", "tests.voters:Contrarian")},
                "optimizer": {"method": "exact", "rebalance_every": 500},
            }
        )
    )


def test_a_replay_from_disk_writes_the_same_journal_as_one_from_memory(tmp_path: Path) -> None:
    folder, scratch = prices(tmp_path / "prices", minutes=600), tmp_path / "scratch"
    scratch.mkdir()
    here, there = planned(folder, "memory"), planned(folder, "disk", scratch)
    assert is_on_disk(there.bars)
    assert not is_on_disk(here.bars)
    assert len(there.bars) == 600 - 40  # rows in which only the third has a price are left out
    assert there.desk.session == here.desk.session
    assert there.data == here.data
    one = replay_by_kernel(here, tmp_path / "one")
    other = replay_by_kernel(there, tmp_path / "other")
    assert (one.digest, one.events) == (other.digest, other.events)
    assert_same_journal(there, tmp_path / "engines", rows=100)
    assert list(scratch.iterdir()) == []


def test_a_panel_on_disk_travels_by_its_values_and_outlives_its_feed(tmp_path: Path) -> None:
    folder = prices(tmp_path / "prices")
    bars = FileFeed(folder, clock="UTC", room=Room(place="disk", scratch=tmp_path)).load()
    sent = pickle.loads(pickle.dumps(bars))
    assert not is_on_disk(sent)
    assert sent.digest() == bars.digest()
    assert is_on_disk(bars.rows(10, 20))


def test_prices_go_to_disk_where_they_take_more_than_a_quarter_of_memory(tmp_path: Path) -> None:
    folder = prices(tmp_path / "prices")
    panel = 3 * 3_000 * 48

    def on_disk(room: Room) -> bool:
        return is_on_disk(FileFeed(folder, clock="UTC", room=room).load())

    assert on_disk(Room(place="auto", memory=3.9 * panel))
    assert not on_disk(Room(place="auto", memory=4.3 * panel))
    assert not on_disk(Room(place="auto", memory=None))
    assert not on_disk(Room(place="memory", memory=1.0))
    assert on_disk(Room(place="disk", memory=None))


def test_a_file_tells_what_it_needs_before_it_is_read(tmp_path: Path) -> None:
    path = prices(tmp_path / "prices") / "EUR_USD.parquet"
    rows = 3_000 - 40
    whole, part = needed_by(path, whole=True), needed_by(path, whole=False)
    assert (whole.most, whole.disk) == (48 * rows, (48 + 24 + 48) * rows)
    assert (part.most, part.disk) == (48 * rows, 0)
    path.write_bytes(b"no table")
    assert needed_by(path, whole=True).most == 0


def test_a_disk_without_space_is_refused_with_what_is_needed_and_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"need 1,000,000,000,000 MB on the disk of {tmp_path}"):
        require_space(tmp_path, 1e18)
    with pytest.raises(ConfigError, match=r"need 560,000,000 MB on the disk"):
        Room(place="disk", scratch=tmp_path).sheet(10**13, 1)


def test_a_scratch_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = prices(tmp_path / "prices")
    with pytest.raises(ConfigError, match=r"data.scratch: expected a folder .*nowhere"):
        planned(folder, "disk", tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on the size of files is needed")
def test_a_disk_that_fills_up_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"data.scratch: {tmp_path} took 3 MB of prices and then no more" in done.stdout
    assert list(tmp_path.iterdir()) == []
