"""QAOA with the X mixer on all 2ⁿ states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.feasible import States
from agents.optimizer.phases import apply_phases, multiply, phase_slope, squared_moduli
from agents.optimizer.rotations import rotate, rotation_slopes
from market.bars import Floats
from market.compiled import kernel


class XSimulator:
    """Π_l [exp(−iβ_l·ΣX) · exp(−iγ_l·C)] on |+⟩ (Farhi, Goldstone and Gutmann 2014).

    It works in the frame W = diag(1, −i)^⊗n, where the mixer is real (see `rotations`). Angles
    are γ_1 … γ_p, β_1 … β_p. The states before each mixer are kept for the gradient.
    """

    def __init__(self, cost: Floats, layers: int) -> None:
        size = cost.shape[0]
        self._qubits = size.bit_length() - 1
        self._cost = cost
        self._layers = layers
        ones = _popcounts(self._qubits) % 4
        self._start = np.array([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]])[:, ones]
        self._start /= np.sqrt(size)
        self._ones = ones
        self._state = np.empty((2, size))
        self._left = np.empty((2, size))
        self._before_mixer = np.empty((layers, 2, size))
        self._probabilities = np.empty(size)
        self._angles = np.zeros(2 * layers)

    @property
    def angles(self) -> int:
        return 2 * self._layers

    def probabilities(self, angles: Floats) -> Floats:
        self._angles[:] = angles
        self._state[:] = self._start
        run_layers(self._state, self._before_mixer, self._cost, self._qubits, self._angles)
        squared_moduli(self._state, self._probabilities)
        return self._probabilities

    def gradient(self, observable: Floats) -> Floats:
        multiply(self._state, observable, self._left)
        slopes = np.empty(2 * self._layers)
        undo_layers(self._left, self._before_mixer, self._cost, self._qubits, self._angles, slopes)
        return slopes

    def amplitudes(self) -> NDArray[np.complex128]:
        frame = np.array([1.0, -1j, -1.0, 1j])[self._ones]
        amplitudes: NDArray[np.complex128] = frame * (self._state[0] + 1j * self._state[1])
        return amplitudes


def _popcounts(qubits: int) -> States:
    counts = np.zeros(1, dtype=np.int64)
    for _ in range(qubits):
        counts = np.concatenate([counts, counts + 1])
    return counts


@kernel
def run_layers(
    state: Floats, before_mixer: Floats, cost: Floats, qubits: int, angles: Floats
) -> None:
    """Every layer of the circuit on `state` (2, 2ⁿ); before_mixer (p, 2, 2ⁿ) is filled."""
    layers = angles.shape[0] // 2
    for layer in range(layers):
        apply_phases(state, cost, angles[layer])
        before_mixer[layer] = state
        beta = angles[layers + layer]
        rotate(state, np.full(qubits, np.cos(beta)), np.full(qubits, np.sin(beta)))


@kernel
def undo_layers(
    left: Floats,
    before_mixer: Floats,
    cost: Floats,
    qubits: int,
    angles: Floats,
    slopes: Floats,
) -> None:
    """The pass backwards on `left` alone: the other state was kept at each mixer."""
    layers = angles.shape[0] // 2
    for step in range(layers):
        layer = layers - 1 - step
        beta = angles[layers + layer]
        rotate(left, np.full(qubits, np.cos(beta)), np.full(qubits, -np.sin(beta)))
        right = before_mixer[layer]
        by_qubit = np.zeros(qubits)
        rotation_slopes(left, right, by_qubit)
        slopes[layers + layer] = 2.0 * by_qubit.sum()
        slopes[layer] = phase_slope(left, right, cost)
        apply_phases(left, cost, -angles[layer])
