"""RY rotations of every qubit of a state, and the slopes along their angles.

A state is an array (R, 2ⁿ) whose rows are rotated alike: one row where all amplitudes are real
(VQE), two (real and imaginary parts) for QAOA. Bit j of an index is qubit j, as in Qiskit.

The X mixer is made of the same rotations. With W = diag(1, −i)^⊗n,
W†·exp(−iβX)^⊗n·W = RY(2β)^⊗n, and W commutes with phases, so W appears only before the first
and after the last layer: the frame that `simulator_x` works in.
"""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import kernel

TILE_QUBITS = 5
TILE = 1 << TILE_QUBITS
CHUNK_QUBITS = 11


@kernel
def rotate(state: Floats, cosines: Floats, sines: Floats) -> None:
    """Qubit j by [[c_j, −s_j], [s_j, c_j]], all qubits, in place.

    The lowest eleven qubits are rotated chunk by chunk, each chunk (16 kB) staying in L1 cache;
    of these the lowest five, whose pairs lie too close for vector registers, on transposed tiles.
    Two qubits go in one pass.
    """
    qubits = cosines.shape[0]
    inner = min(qubits, CHUNK_QUBITS)
    for row in range(state.shape[0]):
        part = state[row]
        for base in range(0, part.shape[0], 1 << inner):
            chunk = part[base : base + (1 << inner)]
            low = 0
            if inner >= 2 * TILE_QUBITS:
                _rotate_tiles(chunk, cosines, sines)
                low = TILE_QUBITS
            _rotate_from(chunk, low, inner, 1, cosines, sines)
        _rotate_from(part, inner, qubits, 1, cosines, sines)


@kernel
def _rotate_from(
    part: Floats, first: int, stop: int, unit: int, cosines: Floats, sines: Floats
) -> None:
    """Qubits first … stop − 1, where neighbours along qubit j are unit·2ʲ apart."""
    size = part.shape[0]
    qubit = first
    while qubit + 1 < stop:
        stride = unit << qubit
        # Scalars, not slices: a slice could overlap the state and would be read again each time.
        c, s, d, t = cosines[qubit], sines[qubit], cosines[qubit + 1], sines[qubit + 1]
        for base in range(0, size, 4 * stride):
            _rotate_two(part, base, stride, c, s, d, t)
        qubit += 2
    if qubit < stop:
        stride = unit << qubit
        for base in range(0, size, 2 * stride):
            _rotate_one(part, base, stride, cosines[qubit], sines[qubit])


@kernel
def _rotate_tiles(part: Floats, cosines: Floats, sines: Floats) -> None:
    tile = np.empty((TILE, TILE))
    flat = tile.reshape(TILE * TILE)
    for base in range(0, part.shape[0], TILE * TILE):
        chunk = part[base : base + TILE * TILE]
        transpose(chunk, flat)
        _rotate_from(flat, 0, TILE_QUBITS, TILE, cosines, sines)
        transpose(flat, chunk)


@kernel
def transpose(source: Floats, target: Floats) -> None:
    """A tile of TILE × TILE numbers with rows and columns exchanged."""
    for i in range(TILE):
        for j in range(TILE):
            target[TILE * j + i] = source[TILE * i + j]


@kernel
def _rotate_one(part: Floats, base: int, stride: int, c: float, s: float) -> None:
    low, high = part[base : base + stride], part[base + stride : base + 2 * stride]
    for k in range(stride):
        a, b = low[k], high[k]
        low[k] = c * a - s * b
        high[k] = s * a + c * b


@kernel
def _rotate_two(
    part: Floats, base: int, stride: int, c: float, s: float, d: float, t: float
) -> None:
    first, second = part[base : base + stride], part[base + stride : base + 2 * stride]
    base += 2 * stride
    third, fourth = part[base : base + stride], part[base + stride : base + 2 * stride]
    for k in range(stride):
        p, q, r, u = first[k], second[k], third[k], fourth[k]
        p1, q1 = c * p - s * q, s * p + c * q
        r1, u1 = c * r - s * u, s * r + c * u
        first[k] = d * p1 - t * r1
        third[k] = t * p1 + d * r1
        second[k] = d * q1 - t * u1
        fourth[k] = t * q1 + d * u1


@kernel
def rotation_slopes(left: Floats, right: Floats, slopes: Floats) -> None:
    """slopes_j += Re⟨left| J_j |right⟩ with J = [[0, −1], [1, 0]], the generator of a rotation.

    Chunked and tiled as `rotate` is.
    """
    qubits = slopes.shape[0]
    inner = min(qubits, CHUNK_QUBITS)
    lanes = np.empty(TILE)
    tiles = np.empty((2, TILE * TILE))
    for row in range(left.shape[0]):
        bra, ket = left[row], right[row]
        for base in range(0, bra.shape[0], 1 << inner):
            a, b = bra[base : base + (1 << inner)], ket[base : base + (1 << inner)]
            low = 0
            if inner >= 2 * TILE_QUBITS:
                low = TILE_QUBITS
                for start in range(0, 1 << inner, TILE * TILE):
                    transpose(a[start : start + TILE * TILE], tiles[0])
                    transpose(b[start : start + TILE * TILE], tiles[1])
                    for qubit in range(low):
                        slopes[qubit] += _slope(tiles[0], tiles[1], TILE << qubit, lanes)
            for qubit in range(low, inner):
                slopes[qubit] += _slope(a, b, 1 << qubit, lanes)
        for qubit in range(inner, qubits):
            slopes[qubit] += _slope(bra, ket, 1 << qubit, lanes)


@kernel
def _slope(left: Floats, right: Floats, stride: int, lanes: Floats) -> float:
    if stride < TILE:
        return _slope_near(left, right, stride)
    lanes[:] = 0.0
    for base in range(0, left.shape[0], 2 * stride):
        for start in range(base, base + stride, TILE):
            other = start + stride
            la, lb = left[start : start + TILE], left[other : other + TILE]
            ra, rb = right[start : start + TILE], right[other : other + TILE]
            for lane in range(TILE):
                lanes[lane] += lb[lane] * ra[lane] - la[lane] * rb[lane]
    return float(lanes.sum())


@kernel
def _slope_near(left: Floats, right: Floats, stride: int) -> float:
    total = 0.0
    for base in range(0, left.shape[0], 2 * stride):
        for k in range(base, base + stride):
            total += left[k + stride] * right[k] - left[k] * right[k + stride]
    return total
