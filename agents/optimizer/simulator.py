"""What every state vector simulator of a variational circuit offers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats


class Simulator(Protocol):
    """A circuit of few angles, simulated exactly on one thread with preallocated buffers.

    The arrays it returns are views of its buffers, valid until its next call.
    """

    @property
    def angles(self) -> int:
        """How many angles the circuit has."""
        ...

    def probabilities(self, angles: Floats) -> Floats:
        """Run the circuit; (D,) probabilities of its final state."""
        ...

    def gradient(self, observable: Floats) -> Floats:
        """Slopes of Σ p·observable along each angle, at the angles of the last run.

        observable: (D,) a diagonal operator. Adjoint differentiation (Jones and Gacon 2020,
        arXiv 2009.02823): one pass backwards, whatever the number of angles.
        """
        ...

    def amplitudes(self) -> NDArray[np.complex128]:
        """(D,) the final state of the last run."""
        ...
