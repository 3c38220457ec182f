"""Where training starts: an annealing schedule cut into layers, or a near-uniform ansatz."""

from __future__ import annotations

import itertools

import numpy as np

from market.bars import Floats

PHASE_TURNS = (1.0, 2.0, 3.0)
MIXER_ANGLES = (0.4, 0.55, 0.7)


def linear_ramp(layers: int, phase: float, mixer: float) -> Floats:
    """γ_l rising to `phase`, β_l falling from −`mixer`: angles γ_1 … γ_p, β_1 … β_p.

    |+⟩ (and, nearly, the Dicke state) is the ground state of −ΣX (−Σ(XX + YY)/2), so the ramp
    follows its ground state into that of C: H(s) = −(1 − s)·mixer + s·C, which makes β negative
    in exp(−iβ·mixer). With β positive the state climbs towards the maximum instead (Sack and
    Serbyn 2021, Quantum 5, 491, for the ramp; the sign is tested).
    """
    middle = (np.arange(layers) + 0.5) / layers
    return np.concatenate([phase * middle, -mixer * (1.0 - middle)])


def ramps(layers: int, spread: float) -> tuple[Floats, ...]:
    """Nine ramps of different speed. `spread`: standard deviation of the cost at the start."""
    unit = 1.0 / spread if spread > 0.0 else 1.0
    return tuple(
        linear_ramp(layers, phase * unit, mixer)
        for phase, mixer in itertools.product(PHASE_TURNS, MIXER_ANGLES)
    )


def near_uniform(qubits: int, reps: int, starts: int, rng: np.random.Generator) -> list[Floats]:
    """Random angles about those that make VQE's ansatz a uniform superposition.

    All zero but a last layer of π/2 is uniform, where every slope is known and none vanishes by
    symmetry; noise of 0.1 lets each start find its own valley.
    """
    found = []
    for _ in range(starts):
        angles = np.zeros((reps + 1, qubits))
        angles[-1] = 0.5 * np.pi
        found.append((angles + 0.1 * rng.standard_normal(angles.shape)).reshape(-1))
    return found
