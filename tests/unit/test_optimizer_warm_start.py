"""What one training hands to the next: rounded, laid out as an array, and resumed from it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.optimizer.allocate import Optimizer
from agents.optimizer.desk import AllocationDesk
from agents.optimizer.encoding import CIRCUITS
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.warm_start import (
    WarmStart,
    packed,
    to_bits,
    unpacked,
    warm_start_of,
)
from infra.journal.codec import decode, encode
from market.bars import Floats
from market.errors import ConfigError, DataError
from market.events import AllocationApplied
from market.messages import Allocate, Allocated, OptimizerResumed, ResumeOptimizer

RNG = np.random.default_rng(8)
ROWS, COLUMNS = 90, 5


def curved(count: int, seed: int = 0) -> WarmStart:
    """A warm start with a curvature."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(count, count))
    return warm_start_of(rng.normal(size=count), root @ root.T + np.eye(count), 1.25)


def windows(count: int) -> list[Floats]:
    """Strategy returns of successive rebalances, a few bars apart."""
    earned = 0.004 * np.random.default_rng(3).standard_normal((ROWS + 5 * count, COLUMNS))
    earned += np.linspace(-0.001, 0.001, COLUMNS)
    return [earned[5 * k : 5 * k + ROWS].copy() for k in range(count)]


def desk(method: str, *, alpha: float = 0.1, max_qubits: int = 20) -> AllocationDesk:
    circuit = VariationalSettings(
        layers=2, cvar_alpha=alpha, shots=64, starts=2, max_qubits=max_qubits
    )
    return AllocationDesk(
        partial(Optimizer, method=method, settings=circuit), budget_share=0.5, min_observations=20
    )


def ask(member: AllocationDesk, sequence: int, returns: Floats) -> Allocated:
    answered = member.answer(Allocate(sequence=sequence, strategy_returns=returns))
    assert isinstance(answered, Allocated)
    return answered


def journaled(answered: Allocated) -> AllocationApplied:
    """The event of an answer, as it comes back from the bytes of the journal."""
    event = decode(
        *encode(
            AllocationApplied(
                sequence=answered.sequence + 1,
                time=0,
                requested=answered.sequence,
                method=answered.method,
                proven_optimal=answered.proven_optimal,
                objective=answered.objective,
                expected_return=answered.expected_return,
                variance=answered.variance,
                approximation_ratio=answered.approximation_ratio,
                uniform_gain=answered.uniform_gain,
                gap=answered.gap,
                weights=answered.weights,
                multiplier=answered.multiplier,
                fallback=answered.fallback,
                note=answered.note,
                repaired=answered.repaired,
                warm_starts=answered.warm_starts,
            )
        )
    )
    assert isinstance(event, AllocationApplied)
    return event


@pytest.mark.parametrize("alpha", [0.1, 1.0])
@pytest.mark.parametrize("method", CIRCUITS)
def test_an_optimizer_restarted_from_the_journal_gives_the_same_bits_as_one_never_stopped(
    method: str, alpha: float
) -> None:
    asked = windows(4)
    through = desk(method, alpha=alpha)
    expected = [ask(through, k, returns) for k, returns in enumerate(asked)]
    for last in range(3):
        restarted = desk(method, alpha=alpha)
        resume = ResumeOptimizer(warm_starts=journaled(expected[last]).warm_starts)
        assert restarted.answer(resume) == OptimizerResumed(circuits=1)
        for k in range(last + 1, 4):
            found = ask(restarted, k, asked[k])
            assert encode(journaled(found)) == encode(journaled(expected[k]))


def test_without_its_warm_start_a_restarted_optimizer_would_answer_otherwise() -> None:
    first, second = windows(2)
    through, cold = desk("qaoa-xy", alpha=1.0), desk("qaoa-xy", alpha=1.0)
    ask(through, 0, first)
    warm_answer, cold_answer = ask(through, 1, second), ask(cold, 1, second)
    assert not np.array_equal(warm_answer.warm_starts, cold_answer.warm_starts)


def test_clusters_of_several_sizes_resume_with_every_circuit_of_theirs() -> None:
    asked = windows(2)
    through = desk("vqe", max_qubits=3)
    first, expected = (ask(through, k, returns) for k, returns in enumerate(asked))
    restarted = desk("vqe", max_qubits=3)
    resumed = restarted.answer(ResumeOptimizer(warm_starts=journaled(first).warm_starts))
    assert resumed == OptimizerResumed(circuits=len(unpacked(first.warm_starts)))
    assert encode(journaled(ask(restarted, 1, asked[1]))) == encode(journaled(expected))


def test_the_classical_method_has_nothing_to_resume() -> None:
    member = desk("exact")
    answered = ask(member, 0, windows(1)[0])
    assert answered.warm_starts.shape == (0,)
    assert member.answer(ResumeOptimizer(warm_starts=answered.warm_starts)) == OptimizerResumed(
        circuits=0
    )


def test_what_fails_leaves_the_warm_start_of_the_last_answer() -> None:
    optimizer = Optimizer(method="qaoa-xy", settings=VariationalSettings(layers=2, max_qubits=2))
    means, covariance = 1e-3 * np.arange(4.0), 1e-4 * np.eye(4)
    optimizer.allocate(means, covariance, 2)
    before = packed(optimizer.warm_starts)
    with pytest.raises(ConfigError, match="budget must lie in"):
        optimizer.allocate(means, covariance, 5)
    np.testing.assert_array_equal(packed(optimizer.warm_starts), before)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(1, 7), st.tuples(st.booleans(), st.integers(0, 99)), max_size=4))
def test_what_was_packed_is_unpacked_bit_for_bit(chosen: dict[int, tuple[bool, int]]) -> None:
    given_starts = {
        count: curved(count, seed)
        if with_factor
        else warm_start_of(np.random.default_rng(seed).normal(size=count), None, 0.5)
        for count, (with_factor, seed) in chosen.items()
    }
    found = unpacked(packed(given_starts))
    assert list(found) == sorted(given_starts)
    for count, expected in given_starts.items():
        assert found[count].angles.tobytes() == expected.angles.tobytes()
        assert found[count].depth == expected.depth
        for mine, theirs in (
            (found[count].factor, expected.factor),
            (found[count].curvature, expected.curvature),
        ):
            assert (mine is None) == (theirs is None)
            if mine is not None and theirs is not None:
                assert mine.tobytes() == theirs.tobytes()


@given(st.floats(-1e300, 1e300), st.integers(2, 40))
def test_rounding_keeps_so_many_binary_digits_and_rounding_again_changes_nothing(
    value: float, bits: int
) -> None:
    once = to_bits(np.array([value]), bits)
    assert abs(once[0] - value) <= 2.0**-bits * abs(value) or abs(value) < 1e-300
    np.testing.assert_array_equal(to_bits(once, bits), once)


def test_the_noise_of_a_processor_is_rounded_away() -> None:
    angles = np.array([0.1, -1.7, 2.9])
    curvature = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 0.7]])
    plain = packed({3: warm_start_of(angles, curvature, 1.3)})
    noisy = packed(
        {3: warm_start_of(angles * (1.0 + 4e-12), curvature * (1.0 - 3e-9), 1.3 + 1e-12)}
    )
    assert plain.tobytes() == noisy.tobytes()


def test_the_kept_curvature_is_near_the_trained_one_and_positive_definite() -> None:
    root = RNG.normal(size=(6, 6))
    curvature = root @ root.T + 1e-3 * np.eye(6)
    kept = warm_start_of(np.zeros(6), curvature, 0.0).curvature
    assert kept is not None
    np.testing.assert_array_equal(kept, kept.T)
    assert np.linalg.eigvalsh(kept).min() > 0.0
    assert np.linalg.norm(kept - curvature) < 0.01 * np.linalg.norm(curvature)


@pytest.mark.parametrize(
    "curvature",
    [np.diag([1.0, -1.0]), np.array([[1.0, np.nan], [np.nan, 1.0]]), np.diag([1.0, 1e-14])],
)
def test_a_curvature_that_is_not_clearly_positive_definite_is_left_out(curvature: Floats) -> None:
    assert warm_start_of(np.zeros(2), curvature, 0.0).factor is None
    assert warm_start_of(np.zeros(2), curvature, 0.0).curvature is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([[1.0]]), r"one row of finite numbers"),
        (np.array([1.0, 0.0, np.nan, 0.5]), r"one row of finite numbers"),
        (np.array([2.0, 0.0, 0.5, 0.1]), "was cut short"),
        (np.array([1.0, 1.0, 0.5, 0.1]), "was cut short"),
        (np.array([1.5, 0.0, 0.5, 0.1]), "at the head of a warm start"),
        (np.array([1.0, 2.0, 0.5, 0.1]), "at the head of a warm start"),
        (np.array([0.0, 0.0, 0.5]), "at the head of a warm start"),
        (np.array([1.0, 0.0]), "at the head of a warm start"),
        (np.array([1.0, 1.0, 0.5, 0.1, -2.0]), "a positive diagonal"),
    ],
)
def test_an_array_that_is_no_warm_start_is_refused(values: Floats, said: str) -> None:
    with pytest.raises(DataError, match=said):
        unpacked(values)
    with pytest.raises(DataError, match=said):
        desk("qaoa-xy").answer(ResumeOptimizer(warm_starts=values))
