"""`VariationalSettings`: how circuits are built, trained and measured."""

from __future__ import annotations

from dataclasses import dataclass

from agents.optimizer.training import TRAINERS
from market.errors import ConfigError, nearest

MOST_QUBITS = 24
SIMULATOR = "simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationalSettings:
    """How circuits are built, trained and measured.

    layers: p of QAOA; repetitions of VQE's ansatz. cvar_alpha: fraction of the distribution that
    is trained on; 1 is the expectation. trainer: one of TRAINERS. starts: random starts of VQE.
    shots: measurements of the trained state. seed: of starts and shots. polish: whether swap
    descent follows the measured answer; both are reported.

    max_qubits: beyond it a problem is split into clusters; at most 24, since simulation takes
    2ⁿ numbers several times over.

    Raises ConfigError for values out of range.
    """

    layers: int = 3
    cvar_alpha: float = 0.1
    trainer: str = "gradient"
    starts: int = 4
    shots: int = 1024
    seed: int = 0
    max_qubits: int = 20
    polish: bool = True

    def __post_init__(self) -> None:
        for name in ("layers", "starts", "shots", "max_qubits"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"optimizer: {name} must be at least 1, found {getattr(self, name)}"
                )
        if self.max_qubits > MOST_QUBITS:
            raise ConfigError(
                f"optimizer: max_qubits must be at most {MOST_QUBITS}, found {self.max_qubits}; "
                "larger problems are split into clusters"
            )
        if not 0.0 < self.cvar_alpha <= 1.0:
            raise ConfigError(f"optimizer: cvar_alpha must lie in (0, 1], found {self.cvar_alpha}")
        if self.trainer not in TRAINERS:
            raise ConfigError(
                f"optimizer: unknown trainer {self.trainer!r}{nearest(self.trainer, TRAINERS)} "
                f"(expected one of {', '.join(TRAINERS)})"
            )
