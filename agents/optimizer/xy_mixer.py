"""The XY ring mixer on states of fixed weight: what it joins, and how it moves them.

exp(−iβ(XX + YY)/2) on two qubits leaves |00⟩ and |11⟩ alone and turns |01⟩, |10⟩ by
[[cos β, −i sin β], [−i sin β, cos β]]. The mixer is the product over the ring's edges, even
edges first, then odd ones, then the closing edge: the parity-ordered ring mixer of Wang, Rubin,
Dominy and Rieffel (2020, Physical Review A 101, 012320), as a circuit of that depth applies it.
"""

from __future__ import annotations

import numpy as np

from agents.optimizer.feasible import Pairs, States, binomials, swap_pairs
from market.bars import Floats
from market.compiled import kernel


def ring_edges(qubits: int) -> tuple[tuple[int, int], ...]:
    """The edges of a ring, in the order in which the mixer applies them."""
    if qubits < 2:
        return ()
    even = [(i, i + 1) for i in range(0, qubits - 1, 2)]
    odd = [(i, i + 1) for i in range(1, qubits - 1, 2)]
    closing = [(qubits - 1, 0)] if qubits > 2 else []
    return (*even, *odd, *closing)


def ring_pairs(states: States, qubits: int) -> Pairs:
    """(E, 2, P): which positions of `states` each edge of the ring joins."""
    edges = np.array(ring_edges(qubits), dtype=np.int64).reshape(-1, 2)
    if not edges.shape[0]:
        return np.zeros((0, 2, 0), dtype=np.int32)
    return swap_pairs(states, edges[:, 0].copy(), edges[:, 1].copy(), binomials(qubits))


@kernel
def mix(state: Floats, pairs: Pairs, angle: float) -> None:
    """The mixer with one angle on every edge, in place on (2, D)."""
    c, s = np.cos(angle), np.sin(angle)
    real, imaginary = state[0], state[1]
    for edge in range(pairs.shape[0]):
        first, second = pairs[edge, 0], pairs[edge, 1]
        for k in range(first.shape[0]):
            i, j = np.uint32(first[k]), np.uint32(second[k])
            ar, ai, br, bi = real[i], imaginary[i], real[j], imaginary[j]
            real[i] = c * ar + s * bi
            imaginary[i] = c * ai - s * br
            real[j] = c * br + s * ai
            imaginary[j] = c * bi - s * ar


@kernel
def unmix(left: Floats, right: Floats, pairs: Pairs, angle: float) -> float:
    """Undo the mixer on both states, and return 2·Re⟨left| d/d angle |right⟩ on the way.

    An edge's generator commutes with its own rotation, so that its share of the slope is read
    just before it is undone, while the four amplitudes are at hand.
    """
    c, s = np.cos(angle), np.sin(angle)
    lr, li, rr, ri = left[0], left[1], right[0], right[1]
    slope = 0.0
    for step in range(pairs.shape[0]):
        edge = pairs.shape[0] - 1 - step
        first, second = pairs[edge, 0], pairs[edge, 1]
        for k in range(first.shape[0]):
            i, j = np.uint32(first[k]), np.uint32(second[k])
            ar, ai, br, bi = lr[i], li[i], lr[j], li[j]
            pr, pi, qr, qi = rr[i], ri[i], rr[j], ri[j]
            slope += (ar * qi - ai * qr) + (br * pi - bi * pr)
            lr[i] = c * ar - s * bi
            li[i] = c * ai + s * br
            lr[j] = c * br - s * ai
            li[j] = c * bi + s * ar
            rr[i] = c * pr - s * qi
            ri[i] = c * pi + s * qr
            rr[j] = c * qr - s * pi
            ri[j] = c * qi + s * pr
    return 2.0 * slope
