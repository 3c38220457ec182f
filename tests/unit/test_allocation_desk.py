"""The allocation desk: from strategy returns to sizing multipliers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from agents.optimizer.allocate import Optimizer
from agents.optimizer.desk import AllocationDesk
from agents.optimizer.exact import ExactSolver
from agents.optimizer.primitives import Primitives, PrimitiveSolver
from agents.optimizer.settings import VariationalSettings
from market.bars import Floats
from market.errors import DataError, FatalError
from market.messages import Allocate, Allocated

ROWS = 80


def desk(*, budget_share: float = 0.5, min_observations: int = 20) -> AllocationDesk:
    return AllocationDesk(
        partial(Optimizer, method="exact"),
        budget_share=budget_share,
        min_observations=min_observations,
    )


def earned(columns: int, *, best: tuple[int, ...] = ()) -> Floats:
    """Strategy returns of equal risk; the best columns earn, the others lose."""
    rng = np.random.default_rng(3)
    returns = 0.001 * rng.standard_normal((ROWS, columns))
    drift = np.full(columns, -0.002)
    drift[list(best)] = 0.002
    returns += drift
    return returns


def unreachable() -> Primitives:
    raise ConnectionError("the device does not answer")


def ask(member: AllocationDesk, returns: Floats) -> Allocated:
    answered = member.answer(Allocate(sequence=7, strategy_returns=returns))
    assert isinstance(answered, Allocated)
    return answered


@pytest.mark.parametrize(
    ("columns", "share", "selected"),
    [(4, 0.5, 2), (5, 0.5, 3), (3, 0.4, 2), (4, 1.0, 4), (1, 0.5, 1)],
)
def test_the_budget_is_its_share_of_the_instruments_rounded_up(
    columns: int, share: float, selected: int
) -> None:
    found = ask(desk(budget_share=share), earned(columns, best=(0,)))
    assert np.count_nonzero(found.weights) == selected
    assert found.weights.sum() == pytest.approx(1.0)
    assert found.multiplier.sum() == pytest.approx(columns)
    np.testing.assert_allclose(found.multiplier, columns * found.weights)


@pytest.mark.parametrize("bits", [1, 2, 3])
@pytest.mark.parametrize("method", ["exact", "qaoa-x", "vqe"])
def test_in_steps_the_budget_is_its_share_of_all_lots_and_no_multiplier_passes_its_inverse(
    method: str, bits: int
) -> None:
    member = AllocationDesk(
        partial(
            Optimizer,
            method=method,
            bits_per_asset=bits,
            settings=VariationalSettings(layers=1, shots=4096),
        ),
        budget_share=0.5,
        min_observations=20,
    )
    found = ask(member, earned(3, best=(1,)))
    most = 2**bits - 1
    budget = int(np.ceil(0.5 * 3 * most))
    lots = budget * found.weights
    assert found.fallback is None
    np.testing.assert_allclose(lots, np.round(lots))
    assert lots.sum() == pytest.approx(budget)
    assert lots.max() <= most
    assert lots[1] == pytest.approx(most), "what earns most takes all it may"
    np.testing.assert_allclose(found.multiplier, 3 * found.weights)
    assert found.multiplier.max() <= 1.0 / 0.5


def test_a_share_is_not_rounded_up_by_the_rounding_of_its_product() -> None:
    assert 0.07 * 100 > 7.0
    found = ask(desk(budget_share=0.07), earned(100, best=tuple(range(7))))
    assert np.count_nonzero(found.weights) == 7


def test_a_backend_that_is_down_is_a_marked_fallback_that_trains_nothing() -> None:
    member = AllocationDesk(
        partial(Optimizer, method="qaoa-xy", solver=PrimitiveSolver(
            "qaoa-xy", VariationalSettings(layers=1), ExactSolver(), unreachable
        )),
        budget_share=0.5,
        min_observations=20,
    )  # fmt: skip
    found = ask(member, earned(4, best=(1, 3)))
    assert found.fallback == "qaoa-xy: ConnectionError: the device does not answer"
    assert found.method == "exact"
    np.testing.assert_array_equal(np.flatnonzero(found.weights), [1, 3])
    assert found.warm_starts.shape == (0,)


def test_a_repaired_covariance_is_told_beside_the_other_warnings() -> None:
    returns = earned(4, best=(1,))
    assert ask(desk(), returns).repaired is None
    gaps = returns - returns.mean(axis=0)
    gaps[:, 1] = gaps[:, 0]
    gaps[:, 2] = gaps[:, 0]
    gaps[:40, 1] = np.nan
    gaps[40:60, 2] = np.nan
    gaps[60:, 0] = np.nan
    found = ask(desk(), gaps)
    assert found.repaired is not None
    assert found.repaired.startswith("covariance repaired to the nearest positive semidefinite")
    assert found.repaired in found.note


def test_what_earned_is_chosen_and_the_answer_is_proven() -> None:
    found = ask(desk(), earned(4, best=(1, 3)))
    np.testing.assert_array_equal(np.flatnonzero(found.weights), [1, 3])
    assert found.sequence == 7
    assert found.proven_optimal
    assert found.fallback is None


def test_an_instrument_that_cannot_be_judged_stays_neutral_beside_the_others() -> None:
    returns = earned(4, best=(1,))
    returns[: ROWS - 10, 0] = np.nan
    returns[:, 2] = 0.0
    found = ask(desk(), returns)
    assert found.weights[0] == found.weights[2] == 0.0
    assert found.multiplier[0] == found.multiplier[2] == 1.0
    np.testing.assert_array_equal(found.multiplier[[1, 3]], [2.0, 0.0])
    assert "column 0 left out" in found.note
    assert "column 2 left out: its returns never vary" in found.note


@pytest.mark.parametrize("returns", [np.full((ROWS, 3), np.nan), np.zeros((ROWS, 3))])
def test_where_nothing_can_be_judged_there_is_no_answer(returns: Floats) -> None:
    with pytest.raises(DataError, match="no instrument has 20 returns that vary"):
        ask(desk(), returns)


def test_the_same_question_has_the_same_answer_and_warming_up_changes_none() -> None:
    returns = earned(6, best=(0, 5))
    fresh, warmed = desk(), desk()
    warmed.warm_up()
    first = ask(fresh, returns)
    for found in (ask(fresh, returns), ask(warmed, returns)):
        assert repr(found) == repr(first)


@pytest.mark.parametrize(("bits", "most"), [(1, 2), (2, 4), (6, 18), (8, 9)])
def test_warming_up_keeps_within_the_qubits_of_one_circuit(bits: int, most: int) -> None:
    settings = VariationalSettings(layers=1, max_qubits=most, starts=1)
    method = "qaoa-xy" if bits == 1 else "vqe"
    built: list[Optimizer] = []

    def build() -> Optimizer:
        built.append(Optimizer(method=method, bits_per_asset=bits, settings=settings))
        return built[-1]

    AllocationDesk(build, budget_share=0.5, min_observations=20).warm_up()
    own, thrown_away = built
    assert not own.warm_starts
    assert thrown_away is not own


def test_the_answer_is_made_of_what_a_journal_can_hold() -> None:
    found = ask(desk(), earned(4, best=(1,)))
    assert type(found.proven_optimal) is bool
    for figure in (found.objective, found.expected_return, found.variance, found.gap):
        assert type(figure) is float
    assert found.weights.dtype == found.multiplier.dtype == np.float64


def test_an_unknown_message_is_refused() -> None:
    with pytest.raises(FatalError, match="does not know messages of type str"):
        desk().answer("allocate")
