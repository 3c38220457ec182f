"""The optimizer's configuration: what contradicts itself, and how it reaches the desk."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.optimizer.allocate import Optimizer
from agents.optimizer.desk import AllocationDesk
from agents.optimizer.encoding import check_memory, encode
from agents.optimizer.settings import VariationalSettings
from coordinator.bootstrap import check_settings, optimizer_builder, plan_of
from coordinator.configuration.settings import Settings
from market.errors import ConfigError
from market.events import AlertRaised, AllocationApplied
from market.messages import Allocate, Allocated
from tests.desk import events_of, kept, plan, replay_here
from tests.portfolios import random_problem

SIX = ("EUR_USD", "GBP_USD", "AUD_USD", "NZD_USD", "USD_JPY", "USD_CHF")


def settings(instruments: tuple[str, ...] = SIX, **optimizer: Any) -> Settings:
    return Settings.model_validate({"data": {"instruments": instruments}, "optimizer": optimizer})


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (
            {"bits_per_asset": 2},
            r"bits_per_asset is 2 but optimizer.method is qaoa-xy, .* choose qaoa-x, vqe or exact",
        ),
        (
            {"method": "qaoa-x", "bits_per_asset": 4},
            r"6 instruments of 4 bits need 24 qubits, optimizer.max_qubits is 20; trade fewer",
        ),
        (
            {"method": "vqe", "bits_per_asset": 3, "max_qubits": 17},
            r"6 instruments of 3 bits need 18 qubits, optimizer.max_qubits is 17",
        ),
        ({"backend": "statevectr"}, r"unknown backend 'statevectr', did you mean 'statevector'\?"),
        ({"backend": "aer:gpu"}, r"unknown backend 'aer:gpu'.* \(expected simulator, statevector"),
    ],
)
def test_what_contradicts_itself_is_refused_before_any_data_is_read(
    optimizer: dict[str, Any], said: str
) -> None:
    wrong = settings(**optimizer)
    with pytest.raises(ConfigError, match=said):
        check_settings(wrong)
    nowhere = wrong.model_copy(update={"data": wrong.data.model_copy(update={"source": "no.csv"})})
    with pytest.raises(ConfigError, match=said):
        plan_of(nowhere)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"method": "qaoa-x", "bits_per_asset": 3, "max_qubits": 18},
        {"method": "vqe", "bits_per_asset": 2},
        {"method": "exact", "bits_per_asset": 8},
        {"method": "qaoa-xy", "max_qubits": 5},
        {"backend": "statevector"},
    ],
)
def test_what_can_be_allocated_passes(optimizer: dict[str, Any]) -> None:
    check_settings(settings(**optimizer))


def test_steps_that_one_circuit_cannot_hold_are_refused_and_not_split() -> None:
    problem = random_problem(6, 9, bits_per_asset=4)
    optimizer = Optimizer(method="qaoa-x", bits_per_asset=4)
    with pytest.raises(ConfigError, match=r"6 instruments of 4 bits need 24 qubits"):
        optimizer.allocate(problem.expected_returns, problem.covariance, 9)


@pytest.mark.parametrize(
    ("circuit", "layers", "said"),
    [
        ("qaoa-x", 9, r"9 layers of qaoa-x on 24 qubits keep 2.25 GiB of states, at most 2 GiB"),
        ("vqe", 16, r"16 layers of vqe on 24 qubits keep 2.12 GiB .* take fewer layers"),
    ],
)
def test_a_simulation_that_would_fill_the_memory_is_refused_with_what_to_lower(
    circuit: str, layers: int, said: str
) -> None:
    problem = random_problem(24, 12)
    settings = VariationalSettings(layers=layers, max_qubits=24)
    optimizer = Optimizer(method=circuit, settings=settings)
    with pytest.raises(ConfigError, match=said):
        optimizer.allocate(problem.expected_returns, problem.covariance, 12)
    check_memory(encode(problem, circuit, max_qubits=24), layers - 1)
    check_memory(encode(problem, "qaoa-xy", max_qubits=24), 1000)


@pytest.mark.skipif(
    importlib.util.find_spec("qiskit_ibm_runtime") is not None, reason="the package is installed"
)
@pytest.mark.parametrize("name", ["ibm", "ibm:torino"])
def test_a_backend_that_is_not_installed_is_refused_with_what_to_install(name: str) -> None:
    with pytest.raises(ConfigError, match="pip install qiskit-ibm-runtime"):
        check_settings(settings(backend=name))


def answered(member: object) -> Allocated:
    assert isinstance(member, AllocationDesk)
    returns = 0.004 * np.random.default_rng(3).standard_normal((60, 3))
    found = member.answer(Allocate(sequence=1, strategy_returns=returns))
    assert isinstance(found, Allocated)
    return found


CIRCUIT: dict[str, Any] = {"method": "qaoa-x", "layers": 1}


def test_bits_and_backend_of_the_configuration_reach_the_desk() -> None:
    steps = {**CIRCUIT, "bits_per_asset": 2, "backend": "statevector", "shots": 4096}
    found = answered(optimizer_builder(plan(optimizer=steps))())
    assert found.method == "qaoa-x"
    lots = 5 * found.weights
    np.testing.assert_allclose(lots, np.round(lots), atol=1e-12)
    assert lots.max() > 1.0, "more than one lot of an instrument"
    simulated = answered(optimizer_builder(plan(optimizer={**steps, "backend": "simulator"}))())
    assert found.approximation_ratio != simulated.approximation_ratio, "shots against exact"
    assert found.approximation_ratio == pytest.approx(simulated.approximation_ratio, abs=0.05)


def test_a_replay_waits_whatever_the_deadline_and_an_optimizer_built_with_it_falls_back() -> None:
    settled = plan(optimizer={**CIRCUIT, "deadline_s": 1e-9})
    waited = answered(optimizer_builder(settled)())
    assert (waited.method, waited.fallback) == ("qaoa-x", None)
    deadline_s = settled.settings.optimizer.deadline_s
    late = answered(optimizer_builder(settled, deadline_s=deadline_s)())
    assert late.method == "exact"
    assert late.fallback == "qaoa-x: DeadlinePassed: no answer within 1e-09 s"


def test_the_deadline_changes_no_decision_of_a_replay(tmp_path: Path) -> None:
    one, two = (
        replay_here(plan(optimizer={**CIRCUIT, "deadline_s": d}), tmp_path / str(d))
        for d in (1e-9, 60.0)
    )
    assert one.outcome == two.outcome == "completed"
    first, second = (
        repr(kept(events_of(tmp_path / str(d)), AllocationApplied)) for d in (1e-9, 60.0)
    )
    assert first == second
    assert "DeadlinePassed" not in first


def test_an_answer_in_steps_is_applied_under_the_cap_of_the_desk(tmp_path: Path) -> None:
    steps = {**CIRCUIT, "bits_per_asset": 2, "allocation_cap": 1.5}
    replay_here(plan(optimizer=steps), tmp_path / "run")
    applied = kept(events_of(tmp_path / "run"), AllocationApplied)
    assert applied
    for event in applied:
        np.testing.assert_allclose(event.multiplier, np.minimum(3 * event.weights, 1.5))
    assert max(float(event.weights.max()) for event in applied) * 3 > 1.5, "the cap was needed"


def test_a_fallback_is_an_alert_in_the_journal(tmp_path: Path) -> None:
    # One shot of a shallow circuit with a penalty often misses the budget.
    replay_here(plan(optimizer={**CIRCUIT, "shots": 1, "cvar_alpha": 1.0}), tmp_path / "run")
    events = events_of(tmp_path / "run")
    fallen = [e for e in kept(events, AllocationApplied) if e.fallback is not None]
    alerts = kept(events, AlertRaised)
    assert fallen
    assert [alert.sequence for alert in alerts] == [event.sequence for event in fallen]
    for alert, event in zip(alerts, fallen, strict=True):
        assert (alert.source, alert.level) == ("quantum_optimizer", "warning")
        assert alert.message == f"classical answer in place of the quantum one: {event.fallback}"
