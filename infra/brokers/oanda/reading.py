"""Reading what OANDA tells: a message of another shape is an error that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from market.errors import DataError


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Within it, what is missing or of another kind raises DataError. what: is read, in words."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, DataError) as error:
        raise DataError(f"{what} of OANDA cannot be read: {type(error).__name__} {error}") from None
