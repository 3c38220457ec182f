"""One Ray for the whole test run, started when the first test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from infra.runtime import ray_cluster

# A first run compiles for seconds; that says nothing about a property's examples.
settings.register_profile(
    "quorum", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("quorum")
BESIDE = Path(__file__).resolve().parents[1].parent / "shared"
READ_BESIDE = {
    "data": "tests on recorded rates, hours and ticks",
    "oanda/v20.json": "OANDA's messages held against its own description",
}
"""What lies beside the project and not in it, and what is skipped where it does not."""
NAMESPACE = "quorum-tests"
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[str]:
    """A local Ray without the dashboard; gives its namespace."""
    with ray_cluster(NAMESPACE):
        yield NAMESPACE


def pytest_sessionstart(session: pytest.Session) -> None:
    """One line where tests are skipped for want of what lies beside the project. The report's own
    header is not shown by a quiet run.
    """
    absent = [
        f"../shared/{name} ({skipped})"
        for name, skipped in READ_BESIDE.items()
        if not (BESIDE / name).exists()
    ]
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if absent and reporter is not None:
        reporter.write_line(f"Not here, so skipped: {'; '.join(absent)}.")
