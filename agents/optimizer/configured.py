"""What contradicts itself in the optimizer's configuration, found before anything is started."""

from __future__ import annotations

from agents.optimizer.settings import SIMULATOR
from market.errors import ConfigError


def check_configuration(
    *, method: str, bits_per_asset: int, assets: int, max_qubits: int, backend_name: str
) -> None:
    """Refuse a method that cannot give weights in steps, too many qubits, an unknown backend.

    assets: how many instruments the desk trades, so that an allocation may have to hold them all.
    Raises ConfigError; also for a backend whose package is not installed. One that is down is
    found when it answers.
    """
    check_steps(method=method, bits_per_asset=bits_per_asset, assets=assets, max_qubits=max_qubits)
    check_backend(backend_name)


def check_steps(*, method: str, bits_per_asset: int, assets: int, max_qubits: int) -> None:
    """Raise ConfigError for weights in steps that the method, or one circuit, cannot hold.

    Weights in steps are not split into clusters: one circuit holds every bit.
    """
    if bits_per_asset > 1 and method == "qaoa-xy":
        raise ConfigError(
            f"optimizer.bits_per_asset is {bits_per_asset} but optimizer.method is qaoa-xy, which "
            "selects instruments (1 bit each); for weights in steps choose qaoa-x, vqe or exact"
        )
    qubits = assets * bits_per_asset
    if bits_per_asset > 1 and method != "exact" and qubits > max_qubits:
        raise ConfigError(
            f"optimizer.bits_per_asset: {assets} instruments of {bits_per_asset} bits need "
            f"{qubits} qubits, optimizer.max_qubits is {max_qubits}; trade fewer instruments, "
            "take fewer bits, raise max_qubits (at most 24), or choose the exact method"
        )


def check_backend(name: str) -> None:
    """Raise ConfigError for a backend that is not known or not installed; nothing is connected."""
    if name != SIMULATOR:
        from agents.optimizer.backends import backend  # noqa: PLC0415 backends need the solvers

        backend(name)
