"""The states that keep a selection budget: bit strings of fixed weight, in increasing order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.compiled import kernel

States = NDArray[np.int64]
Pairs = NDArray[np.int32]


@kernel
def binomials(size: int) -> States:
    """Pascal's triangle up to C(size, size)."""
    table = np.zeros((size + 1, size + 1), dtype=np.int64)
    for n in range(size + 1):
        table[n, 0] = 1
        for k in range(1, n + 1):
            table[n, k] = table[n - 1, k - 1] + table[n - 1, k]
    return table


@kernel
def fixed_weight_states(qubits: int, weight: int) -> States:
    """Every integer below 2^qubits with `weight` ones, increasing (Gosper's successor)."""
    count = binomials(qubits)[qubits, weight]
    states = np.empty(count, dtype=np.int64)
    state = (1 << weight) - 1
    for index in range(count):
        states[index] = state
        if state > 0:
            lowest = state & -state
            ripple = state + lowest
            state = ripple | (((state ^ ripple) // lowest) >> 2)
    return states


@kernel
def rank(state: int, table: States) -> int:
    """Position of a state among those of its weight: Σ C(position of the k-th one, k)."""
    total, ones, position = 0, 0, 0
    while state >> position:
        if (state >> position) & 1:
            ones += 1
            total += table[position, ones]
        position += 1
    return total


@kernel
def swap_pairs(states: States, first: States, second: States, table: States) -> Pairs:
    """(E, 2, P) positions joined by moving a one from first[e] to second[e].

    Of the states with a one at first[e] and none at second[e], and of their images. Every edge
    joins P = C(n − 2, B − 1) pairs.
    """
    edges = first.shape[0]
    count = 0
    for state in states:
        count += (state >> first[0]) & ~(state >> second[0]) & 1
    pairs = np.empty((edges, 2, count), dtype=np.int32)
    for edge in range(edges):
        found = 0
        source, target = first[edge], second[edge]
        for position in range(states.shape[0]):
            state = states[position]
            if (state >> source) & ~(state >> target) & 1:
                pairs[edge, 0, found] = position
                pairs[edge, 1, found] = rank(state ^ (1 << source) ^ (1 << target), table)
                found += 1
    return pairs


@kernel
def costs_of_states(states: States, quadratic: Floats, linear: Floats) -> Floats:
    """xᵀAx + bᵀx of each state, summed over its ones from the lowest."""
    qubits = linear.shape[0]
    costs = np.empty(states.shape[0])
    ones = np.empty(qubits, dtype=np.int64)
    for index in range(states.shape[0]):
        count = 0
        total = 0.0
        for j in range(qubits):
            if (states[index] >> j) & 1:
                marginal = linear[j] + quadratic[j, j]
                for k in range(count):
                    marginal += 2.0 * quadratic[ones[k], j]
                total += marginal
                ones[count] = j
                count += 1
        costs[index] = total
    return costs


@kernel
def costs_of_all(quadratic: Floats, linear: Floats, constant: float) -> Floats:
    """xᵀAx + bᵀx + constant for every x below 2ⁿ, by doubling: two additions a state."""
    qubits = linear.shape[0]
    costs = np.empty(1 << qubits)
    marginal = np.empty(1 << max(0, qubits - 1))
    costs[0] = constant
    for j in range(qubits):
        marginal[0] = linear[j] + quadratic[j, j]
        for i in range(j):
            step = 2.0 * quadratic[i, j]
            for x in range(1 << i):
                marginal[(1 << i) + x] = marginal[x] + step
        for x in range(1 << j):
            costs[(1 << j) + x] = costs[x] + marginal[x]
    return costs


def bits_of(state: int, qubits: int) -> tuple[int, ...]:
    """The bit string of a state, qubit 0 first."""
    return tuple((state >> qubit) & 1 for qubit in range(qubits))
