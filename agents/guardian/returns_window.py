"""The newest returns that a guardian reviews against, one row more with each bar."""

from __future__ import annotations

import numpy as np

from market.bars import Floats


class ReturnsWindow:
    """The newest T rows of returns (N,), in one array without a gap."""

    def __init__(self) -> None:
        self._rows: Floats = np.empty((0, 0))
        self._length = 0
        self._stop = 0

    def take(self, returns: Floats) -> Floats:
        """The window after these: all of it, where more than one row is given or none was before;
        else the one before with this row as its newest. (T, N), not to be changed; it stays as it
        is: rows are only added behind it.
        """
        if len(returns) != 1 or self._length <= 1:
            self._length = self._stop = len(returns)
            self._rows = np.concatenate([returns, np.empty_like(returns)])
            return self._rows[: self._stop]
        if self._stop == len(self._rows):
            kept = self._rows[self._stop - self._length :]
            self._rows = np.empty_like(self._rows)  # what was given before may still be looked at
            self._rows[: self._length] = kept
            self._stop = self._length
        self._rows[self._stop] = returns[0]
        self._stop += 1
        return self._rows[self._stop - self._length : self._stop]
