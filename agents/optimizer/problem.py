"""`PortfolioProblem`: cardinality-constrained mean-variance, in zeros and ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.estimates.psd import is_psd, is_symmetric
from market.bars import Floats
from market.compiled import kernel
from market.errors import ConfigError, DataError

MAX_BITS_PER_ASSET = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioProblem:
    """Minimise f(y) = q·yᵀΣy − μᵀy over whole lots y with Σy = budget.

    expected_returns, covariance: μ (N,) and Σ (N, N) per period, any period: f scales with both.
    q: risk aversion. With weights w = y / budget, f = budget · (q·budget·wᵀΣw − μᵀw), which is
        Markowitz's objective at the relative risk aversion 2·q·budget: 5 for the defaults of a
        desk that takes 5 of 9 instruments. Since mean and variance grow alike with the length of
        the period, daily and hourly estimates need no rescaling.
    budget: number of lots. With one bit an asset, y = x ∈ {0, 1}ᴺ and the budget is the number
        of assets chosen.
    bits_per_asset: k; an asset holds 0 … 2ᵏ − 1 lots, y = G·x with x ∈ {0, 1}ᴺᵏ.

    Raises ConfigError for a budget that cannot be spent, or another setting out of range;
    DataError for estimates that are not finite, of unfit shape, not symmetric or indefinite.
    """

    expected_returns: Floats
    covariance: Floats
    budget: int
    q: float = 0.5
    bits_per_asset: int = 1

    def __post_init__(self) -> None:
        check_estimates(self.expected_returns, self.covariance)
        check_symmetric(self.covariance)
        if not (math.isfinite(self.q) and self.q >= 0.0):
            raise ConfigError(f"optimizer: q must be finite and not negative, found {self.q}")
        if not 1 <= self.bits_per_asset <= MAX_BITS_PER_ASSET:
            raise ConfigError(
                f"optimizer: bits_per_asset must lie in 1 … {MAX_BITS_PER_ASSET}, "
                f"found {self.bits_per_asset}"
            )
        most = self.assets * self.max_lots
        if not 1 <= self.budget <= most:
            raise ConfigError(
                f"optimizer: budget must lie in 1 … {most} ({self.assets} assets of at most "
                f"{self.max_lots} lots), found {self.budget}"
            )
        if not is_psd(self.covariance):
            raise DataError(
                "optimizer: the covariance has negative eigenvalues; expected a positive "
                "semidefinite matrix. Repair it with agents.estimates.psd.nearest_psd."
            )
        self.expected_returns.flags.writeable = False
        self.covariance.flags.writeable = False

    @property
    def assets(self) -> int:
        """N."""
        return int(self.expected_returns.shape[0])

    @property
    def max_lots(self) -> int:
        """The most lots that one asset can hold."""
        return (1 << self.bits_per_asset) - 1

    @property
    def qubits(self) -> int:
        """Length of the bit string x."""
        return self.assets * self.bits_per_asset

    def feasible_states(self) -> int:
        """How many lot vectors keep the budget; C(N, budget) with one bit an asset."""
        if self.bits_per_asset == 1:
            return math.comb(self.assets, self.budget)
        ways = [1] + [0] * self.budget
        for _ in range(self.assets):
            ways = [
                sum(ways[max(0, total - self.max_lots) : total + 1])
                for total in range(self.budget + 1)
            ]
        return ways[self.budget]

    def lots(self, bits: Sequence[int]) -> Floats:
        """y = G·x, (N,)."""
        grid = np.asarray(bits, dtype=np.float64).reshape(self.assets, self.bits_per_asset)
        lots: Floats = (grid * (1 << np.arange(self.bits_per_asset))).sum(axis=1)
        return lots

    def bits(self, lots: Sequence[int] | Floats) -> tuple[int, ...]:
        """The bit string of whole lots, lowest bit of the first asset first."""
        return tuple((int(held) >> bit) & 1 for held in lots for bit in range(self.bits_per_asset))

    def holds_budget(self, bits: Sequence[int]) -> bool:
        """True where the bit string spends the budget exactly."""
        return int(self.lots(bits).sum()) == self.budget

    def weights(self, bits: Sequence[int]) -> Floats:
        """w = G·x / budget, (N,)."""
        return self.lots(bits) / self.budget

    def objective(self, bits: Sequence[int]) -> float:
        """f at a bit string, whether or not it keeps the budget."""
        return self.objective_of_lots(self.lots(bits))

    def objective_of_lots(self, lots: Floats) -> float:
        """f at a lot vector (N,)."""
        return float(mean_variance(lots, self.expected_returns, self.covariance, self.q))

    def expected_return(self, weights: Floats) -> float:
        """μᵀw, per period."""
        return float(-mean_variance(weights, self.expected_returns, self.covariance, 0.0))

    def variance(self, weights: Floats) -> float:
        """wᵀΣw, per period."""
        zeros = np.zeros_like(self.expected_returns)
        return float(mean_variance(weights, zeros, self.covariance, 1.0))


def check_estimates(expected_returns: Floats, covariance: Floats) -> None:
    """Refuse estimates of unfit shape, or not finite."""
    if expected_returns.ndim != 1 or not expected_returns.shape[0]:
        raise DataError(
            "optimizer: expected returns must be a vector of at least one asset, found shape "
            f"{expected_returns.shape}"
        )
    assets = expected_returns.shape[0]
    if covariance.shape != (assets, assets):
        raise DataError(
            f"optimizer: the covariance must have shape {(assets, assets)} as there are {assets} "
            f"expected returns, found {covariance.shape}"
        )
    for name, values in (("expected returns", expected_returns), ("covariance", covariance)):
        if not np.isfinite(values).all():
            where = ", ".join(str(int(index)) for index in np.argwhere(~np.isfinite(values))[0])
            raise DataError(
                f"optimizer: the {name} must be finite, found {values[~np.isfinite(values)][0]} "
                f"at [{where}]. Leave out assets without estimates."
            )


def check_symmetric(covariance: Floats) -> None:
    """Refuse a covariance that is not symmetric, up to rounding."""
    if not is_symmetric(covariance):
        asymmetry = np.abs(covariance - covariance.T)
        row, column = (int(index) for index in np.argwhere(asymmetry == asymmetry.max())[0])
        raise DataError(
            f"optimizer: the covariance must be symmetric, found {covariance[row, column]:g} at "
            f"[{row}, {column}] but {covariance[column, row]:g} at [{column}, {row}]"
        )


@kernel
def mean_variance(lots: Floats, expected_returns: Floats, covariance: Floats, q: float) -> float:
    """q·yᵀΣy − μᵀy, summed in a fixed order."""
    total = 0.0
    for i in range(lots.shape[0]):
        row = 0.0
        for j in range(lots.shape[0]):
            row += covariance[i, j] * lots[j]
        total += lots[i] * (q * row - expected_returns[i])
    return total
