"""The problem as a quadratic form in bits, as an Ising Hamiltonian, and at unit size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.optimizer.problem import PortfolioProblem
from market.bars import Floats

PENALTY_MARGIN = 1.01


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryForm:
    """xᵀMx + lᵀx + constant over x ∈ {0, 1}ⁿ; M (n, n) symmetric, l (n,)."""

    quadratic: Floats
    linear: Floats
    constant: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IsingForm:
    """Σ_{i<j} J_ij Z_i Z_j + Σ_i h_i Z_i + constant.

    couplings: (n, n) upper triangle J. fields: (n,) h. Z_i is +1 where bit i is 0.
    """

    couplings: Floats
    fields: Floats
    constant: float

    def size(self) -> float:
        """Root of the mean square coupling plus the mean square field.

        Dividing by it makes angles transferable between problems (Sureshbabu et al. 2024,
        arXiv 2305.15201, the rescaling rule for objectives of mixed order). Zero only for a
        constant objective.
        """
        qubits = self.fields.shape[0]
        edges = max(1, qubits * (qubits - 1) // 2)
        square = float((self.couplings**2).sum()) / edges + float((self.fields**2).sum()) / qubits
        return float(np.sqrt(square))


def penalty_weight(problem: PortfolioProblem) -> float:
    """A, just above the least that is known to make every minimum keep the budget.

    One lot more or less of asset i changes f by at most
    |μ_i| + q·((2m − 1)·Σ_ii + 2m·Σ_{j≠i}|Σ_ij|), m the most lots of an asset, while a budget that
    is missed by d lots costs A·d² ≥ A·d. So A above the largest of these lets every state that
    misses the budget be improved towards it. For m = 1 this is the bound for a selection.
    """
    magnitude = np.abs(problem.covariance)
    own = magnitude.diagonal()
    others = magnitude.sum(axis=1) - own
    most = problem.max_lots
    change = np.abs(problem.expected_returns) + problem.q * (
        (2 * most - 1) * own + 2 * most * others
    )
    return PENALTY_MARGIN * float(change.max())


def binary_form(problem: PortfolioProblem, penalty: float = 0.0) -> BinaryForm:
    """f(G·x) + A·(aᵀx − K)² with a = Gᵀ1: M = Q + A·aaᵀ, l = c − 2AK·a, constant A·K²."""
    lots_of_bit = np.tile(2.0 ** np.arange(problem.bits_per_asset), problem.assets)
    spread = np.kron(problem.covariance, np.ones((problem.bits_per_asset,) * 2))
    outer = np.outer(lots_of_bit, lots_of_bit)
    returns = np.repeat(problem.expected_returns, problem.bits_per_asset)
    return BinaryForm(
        quadratic=problem.q * spread * outer + penalty * outer,
        linear=-(returns + 2.0 * penalty * problem.budget) * lots_of_bit,
        constant=penalty * problem.budget**2,
    )


def ising_form(form: BinaryForm) -> IsingForm:
    """The same function of Z with x = (1 − Z) / 2.

    J_ij = M_ij / 2 for i < j, h_i = −(l_i + Σ_j M_ij) / 2,
    constant + Σl / 2 + (ΣM + tr M) / 4 (Lucas 2014, Frontiers in Physics 2:5, for the mapping).
    """
    matrix = form.quadratic
    return IsingForm(
        couplings=np.triu(0.5 * matrix, 1),
        fields=-0.5 * (form.linear + matrix.sum(axis=1)),
        constant=form.constant
        + 0.5 * float(form.linear.sum())
        + 0.25 * float(matrix.sum() + matrix.trace()),
    )
