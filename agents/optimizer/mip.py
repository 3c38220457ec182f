"""The allocation as a mixed-integer linear programme, solved to a certificate by HiGHS.

HiGHS takes no quadratic objective with integers, but a product of bits is linear once it has a
variable of its own: z_ij = x_i·x_j. The budget, multiplied by each bit, ties the products to the
bits tightly (reformulation-linearisation: Adams and Sherali 1986, Management Science 32, 1274).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agents.optimizer.ising import binary_form
from agents.optimizer.problem import PortfolioProblem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

RELATIVE_GAP = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """bits: the best string found, None where none was. proven: it is optimal to within 1e-6 of
    the largest coefficient, HiGHS's absolute gap, which SciPy does not expose."""

    bits: tuple[int, ...] | None
    proven: bool


def certify(
    problem: PortfolioProblem, *, nodes: int = 200, within_s: float | None = None
) -> Certificate:
    """Branch and bound over at most `nodes` nodes; without `within_s` no clock has a say.

    within_s: seconds after which it stops with what it has, unproven.

    Measured: portfolios of 50 assets are proven within 0.1 s. Where returns vanish and three
    factors carry all risk (then it is number partitioning) 200 nodes take 15 s at 50 assets and
    prove nothing.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415

    form = binary_form(problem)
    qubits = problem.qubits
    first, second = np.triu_indices(qubits, 1)
    cost = np.concatenate(
        [form.quadratic.diagonal() + form.linear, 2.0 * form.quadratic[first, second]]
    )
    size = float(np.abs(cost).max()) or 1.0
    spent = np.concatenate([[float(problem.budget)], np.zeros(qubits)])
    highest = np.repeat([0.0, 0.0, 1.0], first.shape[0])
    answer = milp(
        cost / size,
        integrality=np.concatenate([np.ones(qubits), np.zeros(first.shape[0])]),
        bounds=Bounds(0.0, 1.0),
        constraints=[
            LinearConstraint(_budget_rows(problem), spent, spent),
            LinearConstraint(_product_rows(qubits), -np.inf, highest),
        ],
        options={
            "node_limit": nodes,
            "mip_rel_gap": RELATIVE_GAP,
            "time_limit": np.inf if within_s is None else within_s,
        },
    )
    bits = None if answer.x is None else tuple(round(float(bit)) for bit in answer.x[:qubits])
    return Certificate(bits=bits, proven=answer.status == 0)


def _budget_rows(problem: PortfolioProblem) -> csr_array:
    """Σ_j a_j x_j = K, and that times each x_i: Σ_{j≠i} a_j z_ij + (a_i − K) x_i = 0."""
    from scipy.sparse import csr_array, diags_array, hstack, vstack  # noqa: PLC0415

    qubits = problem.qubits
    first, second = np.triu_indices(qubits, 1)
    lots = np.tile(2.0 ** np.arange(problem.bits_per_asset), problem.assets)
    pair = np.arange(first.shape[0])
    products = csr_array(
        (
            np.concatenate([lots[second], lots[first]]),
            (np.concatenate([first, second]), np.concatenate([pair, pair])),
        ),
        shape=(qubits, first.shape[0]),
    )
    total = csr_array(np.concatenate([lots, np.zeros(first.shape[0])])[None, :])
    return csr_array(vstack([total, hstack([diags_array(lots - problem.budget), products])]))


def _product_rows(qubits: int) -> csr_array:
    """z − x_i ≤ 0, z − x_j ≤ 0 and x_i + x_j − z ≤ 1, stacked in that order."""
    from scipy.sparse import csr_array, eye_array, hstack, vstack  # noqa: PLC0415

    first, second = np.triu_indices(qubits, 1)
    count = first.shape[0]
    pair = np.arange(count)
    one = csr_array((np.ones(count), (pair, first)), shape=(count, qubits))
    other = csr_array((np.ones(count), (pair, second)), shape=(count, qubits))
    z = eye_array(count)
    return csr_array(vstack([hstack([-one, z]), hstack([-other, z]), hstack([one + other, -z])]))
