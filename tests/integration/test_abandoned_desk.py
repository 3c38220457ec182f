"""Detached actors outlive their command line; the next one gets past them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ray

from coordinator.conduct import run_on_ray
from coordinator.progress import Progress
from coordinator.replay import Replayed
from market.errors import FatalError
from tests.runs import plan_with

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
NAMESPACE = "quorum-tests"


def test_a_desk_that_nobody_watches_makes_room_for_the_next(tmp_path: Path) -> None:
    small: dict[str, Any] = {
        "committee": {"agents": ["momentum"]},
        "optimizer": {"method": "exact"},
        "ray": {"namespace": NAMESPACE},
    }
    abandoned = plan_with(**small)
    short = plan_with(data={"end": "2000-12-31"}, **small)
    finished: list[Replayed] = []

    def start_another(progress: Progress) -> None:
        if progress.bars and not finished:
            run = run_on_ray(short, tmp_path, lambda _: None, abandoned_after_s=0.0)
            finished.append(run)

    first = tmp_path / "first"
    first.mkdir()
    with pytest.raises(FatalError):
        run_on_ray(abandoned, first, start_another)
    assert [run.outcome for run in finished] == ["completed"]
    with pytest.raises(ValueError, match="coordinator"):
        ray.get_actor("coordinator", NAMESPACE)
