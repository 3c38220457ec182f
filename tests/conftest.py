"""One Ray for the whole test run, started when the first test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from infra.runtime import ray_cluster

# A first run compiles for seconds; that says nothing about a property's examples.
settings.register_profile(
    "quorum", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("quorum")
NAMESPACE = "quorum-tests"
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[str]:
    """A local Ray without the dashboard; gives its namespace."""
    with ray_cluster(NAMESPACE):
        yield NAMESPACE
