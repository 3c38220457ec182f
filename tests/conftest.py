"""One Ray for the whole test run, started when the first test asks for it.

Where the run is shared between processes (`make test`), the tests that need Ray all go to one of
them, and so do the tests of one file, whose fixtures are then made once.
"""

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests stay together in one process."""
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        on_ray = item.get_closest_marker("ray") is not None
        item.add_marker(pytest.mark.xdist_group("ray" if on_ray else item.location[0]))


@pytest.fixture(scope="session")
def ray_session() -> Iterator[str]:
    """A local Ray without the dashboard; gives its namespace."""
    with ray_cluster(NAMESPACE):
        yield NAMESPACE
