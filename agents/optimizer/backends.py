"""Backends by name: what circuits can run on."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial

from agents.optimizer.primitives import Primitives
from market.errors import ConfigError, nearest

BACKENDS = ("statevector", "aer", "ibm")
PACKAGES = {"aer": "qiskit_aer", "ibm": "qiskit_ibm_runtime"}


def backend(
    name: str, *, shots: int = 1024, seed: int = 0, depolarizing: float = 0.0
) -> Callable[[], Primitives]:
    """How to open a backend; nothing is connected before the returned function is called.

    name: "statevector" (Qiskit's reference sampler), "aer" (Qiskit Aer; `depolarizing` is the
    error probability of each one- and two-qubit gate), "ibm" (the least busy device of the saved
    IBM Quantum account) or "ibm:<device>".

    Raises ConfigError for an unknown name, noise out of range or elsewhere than on Aer, or a
    package that is not installed.
    """
    kind, _, device = name.partition(":")
    if kind not in BACKENDS or (device and kind != "ibm"):
        raise ConfigError(
            f"optimizer: unknown backend {name!r}{nearest(name, ('simulator', *BACKENDS))} "
            f"(expected simulator, {', '.join(BACKENDS)} or ibm:<device>)"
        )
    if not 0.0 <= depolarizing < 1.0 or (depolarizing and kind != "aer"):
        raise ConfigError(
            "optimizer: depolarizing noise must lie in [0, 1) and needs the aer backend, found "
            f"{depolarizing} on {name}"
        )
    if kind in PACKAGES and importlib.util.find_spec(PACKAGES[kind]) is None:
        package = PACKAGES[kind].replace("_", "-")
        raise ConfigError(
            f"optimizer: backend {name!r} needs a package that is not installed. "
            f"Install it with: pip install {package}"
        )
    if kind == "statevector":
        return partial(_statevector, shots, seed)
    if kind == "aer":
        return partial(_aer, shots, seed, depolarizing)
    return partial(_ibm, device, shots)


def _statevector(shots: int, seed: int) -> Primitives:
    from qiskit.primitives import StatevectorEstimator, StatevectorSampler  # noqa: PLC0415
    from qiskit.transpiler import generate_preset_pass_manager  # noqa: PLC0415

    return Primitives(
        sampler=StatevectorSampler(default_shots=shots, seed=seed),
        pass_manager=generate_preset_pass_manager(optimization_level=1, seed_transpiler=seed),
        estimator=StatevectorEstimator(seed=seed),
    )


def _aer(shots: int, seed: int, depolarizing: float) -> Primitives:
    from qiskit.transpiler import generate_preset_pass_manager  # noqa: PLC0415
    from qiskit_aer import AerSimulator  # noqa: PLC0415
    from qiskit_aer.noise import NoiseModel, depolarizing_error  # noqa: PLC0415
    from qiskit_aer.primitives import SamplerV2  # noqa: PLC0415

    # With noise the gates must be of the kind that the noise is attached to.
    one, two = ["rz", "sx", "x", "ry", "rx"], ["cx"]
    noise = None
    if depolarizing:
        noise = NoiseModel(basis_gates=one + two)
        noise.add_all_qubit_quantum_error(depolarizing_error(depolarizing, 1), one[1:])
        noise.add_all_qubit_quantum_error(depolarizing_error(depolarizing, 2), two)
    simulator = AerSimulator(noise_model=noise)
    return Primitives(
        sampler=SamplerV2.from_backend(simulator, seed=seed, default_shots=shots),
        pass_manager=generate_preset_pass_manager(
            optimization_level=1,
            seed_transpiler=seed,
            **({"basis_gates": one + two} if depolarizing else {"backend": simulator}),
        ),
    )


def _ibm(device: str, shots: int) -> Primitives:
    from qiskit.transpiler import generate_preset_pass_manager  # noqa: PLC0415
    from qiskit_ibm_runtime import EstimatorV2, QiskitRuntimeService, SamplerV2  # noqa: PLC0415

    service = QiskitRuntimeService()
    chosen = service.backend(device) if device else service.least_busy(simulator=False)
    sampler = SamplerV2(mode=chosen)
    sampler.options.default_shots = shots
    return Primitives(
        sampler=sampler,
        pass_manager=generate_preset_pass_manager(optimization_level=3, backend=chosen),
        estimator=EstimatorV2(mode=chosen),
    )
