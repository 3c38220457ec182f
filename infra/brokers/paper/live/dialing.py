"""Calling a paper exchange, never for longer than one is willing to wait."""

from __future__ import annotations

from multiprocessing import AuthenticationError

from infra.deadlines import DeadlineLine
from infra.dialing import call
from infra.transport import Address
from market.errors import InvalidError, TransientError


def dial(address: Address, key: bytes, purpose: str, timeout_s: float) -> DeadlineLine:
    """A line to the exchange; both sides have proved the key.

    purpose: REQUESTS or STREAM. Raises TransientError where nobody answers in time, InvalidError
    where the key is another.
    """
    try:
        connection = call(address, key, purpose, timeout_s)
    except AuthenticationError:
        raise InvalidError(
            f"the paper exchange at {address} has another key; give both the same key file"
        ) from None
    except FileNotFoundError:
        raise TransientError(
            f"the paper exchange at {address} cannot be reached: it is not there; is it running?"
        ) from None
    except (OSError, EOFError) as error:
        raise TransientError(
            f"the paper exchange at {address} cannot be reached: {error or 'it hung up'}; "
            "is it running?"
        ) from None
    return DeadlineLine("the paper exchange", connection)
