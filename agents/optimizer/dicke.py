"""Dicke states: the uniform superposition of all bit strings of one weight, as a circuit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


def dicke_circuit(qubits: int, weight: int) -> QuantumCircuit:
    """O(n·k) gates from |0⟩, without ancillas (Bärtschi and Eidenbenz 2019, arXiv 1904.07358).

    Their unitary spreads |0ⁿ⁻ᵏ1ᵏ⟩ over all strings of weight k by "split and cyclic shift"
    blocks of growing size, largest first. Above half filling the complement is prepared and every
    qubit flipped.
    """
    from qiskit.circuit import QuantumCircuit  # noqa: PLC0415

    circuit = QuantumCircuit(qubits)
    ones = min(weight, qubits - weight)
    for qubit in range(qubits - ones, qubits):
        circuit.x(qubit)
    for size in range(qubits, 1, -1):
        _split_and_shift(circuit, size, min(ones, size - 1))
    if ones != weight:
        circuit.x(range(qubits))
    return circuit


def _split_and_shift(circuit: QuantumCircuit, size: int, ones: int) -> None:
    """|0 1^l⟩ → √(l/n)|0 1^l⟩ + √((n−l)/n)|1^l 0⟩ on the last l + 1 of `size` qubits, l ≤ ones."""
    from qiskit.circuit.library import RYGate  # noqa: PLC0415

    last = size - 1
    for count in range(1, ones + 1):
        angle = 2.0 * math.acos(math.sqrt(count / size))
        first = last - count
        circuit.cx(first, last)
        if count == 1:
            circuit.cry(angle, last, first)
        else:
            circuit.append(RYGate(angle).control(2, annotated=False), [last, first + 1, first])
        circuit.cx(first, last)
