"""The chain of hashes, and the seals over it."""

from __future__ import annotations

import hashlib
import struct

from market.keyed_hash import KeyedHash

GENESIS = bytes(32)
"""What the first event, and the first seal, follow."""
_WALL_TIME = struct.Struct("<d")


def chain(previous: bytes, sequence: int, kind: str, payload: bytes) -> bytes:
    """SHA-256 over the predecessor's hash and everything that is recorded of an event."""
    told = f"{sequence}:{kind}:".encode()
    return hashlib.sha256(b"".join((previous, told, payload))).digest()


class Sealer:
    """HMAC-SHA256 over the previous seal, the chain's hash and the wall time of writing.

    Who does not hold the key can rewrite the chain, which has no secret, but not the seals; and
    wall times, which the chain leaves out so that a replay's digest does not depend on them, are
    in the seals.
    """

    def __init__(self, key: bytes) -> None:
        self._hash = KeyedHash(key)

    def __call__(self, previous: bytes | None, head: bytes, written_at: float) -> bytes:
        """The seal after `previous`, None before the first. written_at: seconds since 1970, UTC."""
        return self._hash((previous or GENESIS) + head + _WALL_TIME.pack(written_at))
