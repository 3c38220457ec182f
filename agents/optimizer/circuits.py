"""The circuits that the simulators simulate, as Qiskit circuits, and the cost as an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.optimizer.dicke import dicke_circuit
from agents.optimizer.encoding import Encoding
from agents.optimizer.ising import IsingForm, ising_form
from agents.optimizer.xy_mixer import ring_edges

if TYPE_CHECKING:
    from qiskit.circuit import ParameterVector, QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp


def circuit_of(encoding: Encoding, layers: int) -> QuantumCircuit:
    """The ansatz without measurements; its parameters are one vector, in the simulators' order.

    Its state equals the simulator's up to a global phase (the cost's constant is left out).
    """
    from qiskit.circuit import ParameterVector, QuantumCircuit  # noqa: PLC0415

    qubits = encoding.qubits
    if encoding.circuit == "vqe":
        angles = ParameterVector("angle", (layers + 1) * qubits)
        return _hardware_efficient(QuantumCircuit(qubits), angles, layers)
    angles = ParameterVector("angle", 2 * layers)
    if encoding.circuit == "qaoa-xy":
        circuit = dicke_circuit(qubits, encoding.problem.budget)
    else:
        circuit = QuantumCircuit(qubits)
        circuit.h(range(qubits))
    cost = ising_form(encoding.form)
    for layer in range(layers):
        _phase_layer(circuit, cost, angles[layer])
        beta = angles[layers + layer]
        if encoding.circuit == "qaoa-xy":
            _ring_mixer(circuit, beta)
        else:
            circuit.rx(2.0 * beta, range(qubits))
    return circuit


def _phase_layer(circuit: QuantumCircuit, cost: IsingForm, gamma: ParameterVector) -> None:
    for i, j in zip(*np.nonzero(cost.couplings), strict=True):
        circuit.rzz(2.0 * float(cost.couplings[i, j]) * gamma, int(i), int(j))
    for i, field in enumerate(cost.fields):
        circuit.rz(2.0 * float(field) * gamma, i)


def _ring_mixer(circuit: QuantumCircuit, beta: ParameterVector) -> None:
    from qiskit.circuit.library import XXPlusYYGate  # noqa: PLC0415

    for i, j in ring_edges(circuit.num_qubits):
        circuit.append(XXPlusYYGate(2.0 * beta), [i, j])


def _hardware_efficient(
    circuit: QuantumCircuit, angles: ParameterVector, reps: int
) -> QuantumCircuit:
    qubits = circuit.num_qubits
    for layer in range(reps + 1):
        if layer:
            for qubit in range(qubits - 1):
                circuit.cz(qubit, qubit + 1)
        for qubit in range(qubits):
            circuit.ry(angles[layer * qubits + qubit], qubit)
    return circuit


def cost_operator(encoding: Encoding) -> SparsePauliOp:
    """The cost at unit size, constant included, as a sum of Z and ZZ."""
    from qiskit.quantum_info import SparsePauliOp  # noqa: PLC0415

    cost = ising_form(encoding.form)
    terms: list[tuple[str, list[int], float]] = [("", [], cost.constant)]
    terms += [("Z", [i], float(field)) for i, field in enumerate(cost.fields)]
    terms += [
        ("ZZ", [int(i), int(j)], float(cost.couplings[i, j]))
        for i, j in zip(*np.nonzero(cost.couplings), strict=True)
    ]
    return SparsePauliOp.from_sparse_list(terms, encoding.qubits)
