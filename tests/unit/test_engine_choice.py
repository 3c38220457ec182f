"""Which engine `quorum replay` takes, and why."""

from __future__ import annotations

import pytest

from coordinator.engines.choice import AUTO, ENGINES, choose_engine
from market.errors import ConfigError


@pytest.mark.parametrize("address", [None, "", "local"])
def test_without_a_cluster_the_local_one_is_taken(address: str | None) -> None:
    environment = {} if address is None else {"RAY_ADDRESS": address}
    chosen = choose_engine(AUTO, environment, dashboard=False)
    assert chosen.engine == "local"
    assert "no Ray cluster" in chosen.why


def test_a_cluster_that_is_named_is_used() -> None:
    chosen = choose_engine(AUTO, {"RAY_ADDRESS": "10.0.0.5:6379"}, dashboard=False)
    assert (chosen.engine, chosen.why) == ("events", "RAY_ADDRESS is 10.0.0.5:6379")


def test_a_dashboard_needs_ray() -> None:
    assert choose_engine(AUTO, {}, dashboard=True).engine == "events"
    with pytest.raises(ConfigError, match="starts no Ray"):
        choose_engine("local", {}, dashboard=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_asked_for_is_taken(engine: str) -> None:
    chosen = choose_engine(engine, {"RAY_ADDRESS": "10.0.0.5:6379"}, dashboard=False)
    assert (chosen.engine, chosen.why) == (engine, "asked for")


def test_an_unknown_engine_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ConfigError, match="did you mean 'panel'"):
        choose_engine("pannel", {}, dashboard=False)
