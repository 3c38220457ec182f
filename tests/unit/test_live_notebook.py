"""A live desk as a notebook sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from coordinator.live.trading import settle
from coordinator.notebook import show_system_status, start_dynamic_trading
from infra.journal.reader import count_events
from market.errors import ConfigError, TransientError
from tests.live import coordinator_of, live_desk

HEALTH: dict[str, Any] = {
    "agents": {
        "momentum": {
            "seated": True, "here": True, "latency_p50_ms": 0.4, "latency_p99_ms": 1.2,
            "abstained": {},
        }
    }
}  # fmt: skip


def test_the_status_of_a_desk_reads_as_text_as_html_and_as_frames(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 10_000.0}, health=HEALTH)
        desk.prices()
        desk.until(lambda told: bool(told["positions"]))
        desk.ask("halt", by="ann", reason="<news>")
        status = show_system_status(tmp_path)
    assert list(status.positions["symbol"]) == ["EUR_USD"]
    assert status.agents.loc["momentum", "weight"] == 0.6
    shown = " ".join(repr(status).split())
    for part in ("HALTED", "ann: <news>", "EUR_USD +10,000", f"desk {tmp_path}"):
        assert part in shown
    assert "ann: &lt;news&gt;" in status._repr_html_()
    assert "<news>" not in status._repr_html_()


def test_a_desk_that_was_stopped_or_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no desk at"):
        show_system_status(tmp_path / "nowhere")
    with live_desk(tmp_path) as desk:
        told = settle(desk.home, "ann", "the day is over", {})
        desk.ended()
        assert (told["mode"], told["mode_by"]) == ("STOPPED", "ann")
        assert told["events"] == count_events(desk.home.journal)
        assert settle(desk.home, "bob", "again", told) == told, "nothing is left to be asked"
    with pytest.raises(TransientError, match="stopped by ann"):
        show_system_status(tmp_path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"minutes": 0.0}, "expected a number of minutes above 0, found 0.0"),
        ({"minutes": "3"}, "expected a number of minutes above 0, found '3'"),
        ({"minutes": 1.0, "resume": True}, "holds no desk to resume"),
        ({"minutes": 1.0, "settings": {"live": {"feed": "ticks"}}}, "needs recorded ticks"),
    ],
)
def test_trading_that_cannot_begin_is_refused_before_anything_starts(
    tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        asyncio.run(start_dynamic_trading(home=tmp_path / "desk", **asked))
    assert not (tmp_path / "desk").exists()


def test_a_folder_that_holds_a_desk_is_not_traded_in_unless_it_is_resumed(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        desk.kill()
    with pytest.raises(ConfigError, match="holds a desk already"):
        asyncio.run(start_dynamic_trading(1.0, home=tmp_path))
