"""QAOA with the XY ring mixer from a Dicke state, in the subspace that keeps the budget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.feasible import Pairs, States
from agents.optimizer.phases import (
    apply_phases,
    multiply,
    phase_slope,
    squared_moduli,
)
from agents.optimizer.xy_mixer import mix, ring_pairs, unmix
from market.bars import Floats
from market.compiled import kernel


class XYSimulator:
    """Π_l [mixer(β_l) · exp(−iγ_l·C)] on the uniform superposition of the states of weight B.

    The other 2ⁿ − C(n, B) amplitudes are zero throughout and are not stored. Angles are
    γ_1 … γ_p, β_1 … β_p. (Hadfield et al. 2019, Algorithms 12:34.)
    """

    def __init__(self, states: States, cost: Floats, qubits: int, layers: int) -> None:
        self._cost = cost
        self._layers = layers
        self._pairs = ring_pairs(states, qubits)
        self._state = np.empty((2, cost.shape[0]))
        self._left = np.empty((2, cost.shape[0]))
        self._right = np.empty((2, cost.shape[0]))
        self._probabilities = np.empty(cost.shape[0])
        self._angles = np.zeros(2 * layers)

    @property
    def angles(self) -> int:
        return 2 * self._layers

    def probabilities(self, angles: Floats) -> Floats:
        self._angles[:] = angles
        run_layers(self._state, self._cost, self._pairs, self._angles)
        squared_moduli(self._state, self._probabilities)
        return self._probabilities

    def gradient(self, observable: Floats) -> Floats:
        self._right[:] = self._state
        multiply(self._state, observable, self._left)
        slopes = np.empty(2 * self._layers)
        undo_layers(self._left, self._right, self._cost, self._pairs, self._angles, slopes)
        return slopes

    def amplitudes(self) -> NDArray[np.complex128]:
        amplitudes: NDArray[np.complex128] = self._state[0] + 1j * self._state[1]
        return amplitudes


@kernel
def run_layers(state: Floats, cost: Floats, pairs: Pairs, angles: Floats) -> None:
    """Every layer of the circuit, from the uniform superposition; `state` (2, D) is filled."""
    layers = angles.shape[0] // 2
    state[0] = 1.0 / np.sqrt(cost.shape[0])
    state[1] = 0.0
    for layer in range(layers):
        apply_phases(state, cost, angles[layer])
        mix(state, pairs, angles[layers + layer])


@kernel
def undo_layers(
    left: Floats, right: Floats, cost: Floats, pairs: Pairs, angles: Floats, slopes: Floats
) -> None:
    """The pass backwards: both states are undone layer by layer, the slopes read between."""
    layers = angles.shape[0] // 2
    for step in range(layers):
        layer = layers - 1 - step
        slopes[layers + layer] = unmix(left, right, pairs, angles[layers + layer])
        slopes[layer] = phase_slope(left, right, cost)
        apply_phases(left, cost, -angles[layer])
        apply_phases(right, cost, -angles[layer])
