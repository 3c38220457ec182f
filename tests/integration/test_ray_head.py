"""The address of a Ray that runs is let through."""

from __future__ import annotations

import ray

from infra.ray_address import check_address


def test_the_head_of_a_ray_that_runs_answers_at_its_address(ray_session: str) -> None:
    assert ray_session
    check_address(ray.get_runtime_context().gcs_address)
