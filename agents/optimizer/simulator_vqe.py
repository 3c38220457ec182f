"""VQE's hardware-efficient ansatz: RY on every qubit, CZ along a line, repeated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.phases import multiply, squared_moduli
from agents.optimizer.rotations import rotate, rotation_slopes
from market.bars import Floats
from market.compiled import kernel


class VQESimulator:
    """RY layer, then `reps` times CZ between neighbours and a further RY layer, on |0⟩.

    All amplitudes are real. Angles: (reps + 1)·n, layer by layer, qubit 0 first; the order of
    Qiskit's `n_local(n, "ry", "cz", "linear", reps)` (Kandala et al. 2017, Nature 549, 242, for
    hardware-efficient circuits).
    """

    def __init__(self, qubits: int, reps: int) -> None:
        self._qubits = qubits
        self._reps = reps
        self._signs = _line_signs(qubits)
        self._state = np.empty((1, 1 << qubits))
        self._left = np.empty((1, 1 << qubits))
        self._before = np.empty((reps + 1, 1, 1 << qubits))
        self._probabilities = np.empty(1 << qubits)
        self._angles = np.zeros((reps + 1, qubits))

    @property
    def angles(self) -> int:
        return (self._reps + 1) * self._qubits

    def probabilities(self, angles: Floats) -> Floats:
        self._angles[:] = angles.reshape(self._angles.shape)
        run_layers(self._state, self._before, self._signs, self._angles)
        squared_moduli(self._state, self._probabilities)
        return self._probabilities

    def gradient(self, observable: Floats) -> Floats:
        multiply(self._state, observable, self._left)
        slopes = np.zeros(self._angles.shape)
        undo_layers(self._left, self._before, self._signs, self._angles, slopes)
        return slopes.reshape(-1)

    def amplitudes(self) -> NDArray[np.complex128]:
        amplitudes: NDArray[np.complex128] = self._state[0].astype(np.complex128)
        return amplitudes


def _line_signs(qubits: int) -> Floats:
    states = np.arange(1 << qubits)
    signs: Floats = 1.0 - 2.0 * (np.bitwise_count(states & (states >> 1)) % 2)
    return signs


@kernel
def run_layers(state: Floats, before: Floats, signs: Floats, angles: Floats) -> None:
    """The circuit on |0⟩; before (reps + 1, 1, 2ⁿ) keeps the state before each RY layer."""
    state[:] = 0.0
    state[0, 0] = 1.0
    for layer in range(angles.shape[0]):
        if layer:
            multiply(state, signs, state)
        before[layer] = state
        rotate(state, np.cos(0.5 * angles[layer]), np.sin(0.5 * angles[layer]))


@kernel
def undo_layers(
    left: Floats, before: Floats, signs: Floats, angles: Floats, slopes: Floats
) -> None:
    """The pass backwards; slopes (reps + 1, n). d RY(θ)/dθ is half the rotation's generator."""
    for step in range(angles.shape[0]):
        layer = angles.shape[0] - 1 - step
        rotate(left, np.cos(0.5 * angles[layer]), -np.sin(0.5 * angles[layer]))
        rotation_slopes(left, before[layer], slopes[layer])
        multiply(left, signs, left)
