"""The simulators: agreement with Qiskit, speed against its samplers, cost of a gradient."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np

from agents.optimizer.backends import backend
from agents.optimizer.circuits import circuit_of
from agents.optimizer.cvar import TailObjective
from agents.optimizer.encoding import encode
from benchmarks.measuring.figures import MACHINE, REPEATS, SHORT, figure, medians
from benchmarks.optimization.problems import stocks

AT_ONCE = 10
CIRCUITS = ("qaoa-x", "qaoa-xy", "vqe")


def agreement() -> None:
    """State vectors against Qiskit's."""
    from qiskit.quantum_info import Statevector  # noqa: PLC0415

    sizes = (4, 8) if SHORT else (2, 5, 8, 11, 14)
    for circuit in CIRCUITS:
        worst = 0.0
        for assets in sizes:
            encoding = encode(stocks(assets), circuit)
            states = encoding.states()
            simulator = encoding.simulator(3, states, encoding.costs(states))
            angles = np.random.default_rng(assets).normal(size=simulator.angles)
            simulator.probabilities(angles)
            found = np.zeros(1 << assets, dtype=np.complex128)
            found[states] = simulator.amplitudes()
            expected = Statevector(circuit_of(encoding, 3).assign_parameters(angles)).data
            overlap = np.vdot(expected, found)
            worst = max(worst, float(np.abs(found - expected * overlap / abs(overlap)).max()))
        how = f"largest difference to Qiskit's Statevector, p = 3, n in {sizes}, up to a phase"
        reach = None if SHORT else 1e-10  # asked of every size up to 14
        figure(f"statevector_difference_{circuit}", worst, "amplitude", reach, how, at_most=True)


def calls_of(circuit: str, assets: int, layers: int) -> dict[str, Callable[[], object]]:
    """An energy and a gradient of a circuit on the stocks."""
    encoding = encode(stocks(assets), circuit)
    states = encoding.states()
    costs = encoding.costs(states)
    simulator = encoding.simulator(layers, states, costs)
    angles = np.random.default_rng(assets).normal(size=simulator.angles)
    mean = TailObjective(costs, 1.0)
    return {
        "energy": lambda: mean(simulator.probabilities(angles)),
        "gradient": lambda: simulator.gradient(mean(simulator.probabilities(angles))[1]),
    }


def run_of(name: str, assets: int, layers: int) -> Callable[[], object]:
    """The same circuit, sampled by a backend of Qiskit."""
    circuit = circuit_of(encode(stocks(assets), "qaoa-x"), layers)
    circuit.measure_all()
    opened = backend(name)()
    ready = opened.pass_manager.run(circuit)
    angles = np.random.default_rng(assets).normal(size=circuit.num_parameters)
    return lambda: opened.sampler.run([(ready, angles)], shots=1024).result()[0].data.meas


def speed() -> None:
    """One p = 3 energy of the X mixer's circuit against Qiskit's samplers."""
    others = ["statevector"] + ["aer"] * (importlib.util.find_spec("qiskit_aer") is not None)
    for assets in (6, 10) if SHORT else (6, 8, 10, 12, 14, 16):
        calls = {name: run_of(name, assets, 3) for name in others}
        taken = medians(
            {"energy": calls_of("qaoa-x", assets, 3)["energy"], **calls}, at_once=AT_ONCE
        )
        for name in others:
            reach = 100.0 if name == "statevector" else 50.0 if assets <= 14 else 10.0
            how = (
                f"p = 3 X mixer, 1024 shots: {1e3 * taken[name]:.3g} ms against "
                f"{1e3 * taken['energy']:.3g} ms, medians of {REPEATS} interleaved; {MACHINE}"
            )
            times = taken[name] / taken["energy"]
            figure(f"energy_speedup_{name}_n{assets}", times, "times", reach, how)


def gradients() -> None:
    """A gradient in units of energies."""
    sizes = [(n, p) for n in ((6, 10) if SHORT else (6, 10, 14, 16)) for p in (1, 3, 8)]
    for circuit in CIRCUITS:
        taken = {
            size: medians(calls_of(circuit, *size), 5 * REPEATS, at_once=AT_ONCE) for size in sizes
        }
        ratios = {size: found["gradient"] / found["energy"] for size, found in taken.items()}
        worst = max(ratios, key=lambda size: ratios[size])
        how = f"worst of (n, p) in {sizes}: {worst}; all angles at once"
        name, reach = f"gradient_in_energies_{circuit}", None if SHORT else 5.0
        figure(name, ratios[worst], "energies", reach, how, at_most=True)
