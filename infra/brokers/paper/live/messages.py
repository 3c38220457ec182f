"""What passes between a paper exchange and its clients, after both have proved the key.

A client says at first what its line is for: REQUESTS are answered one by one under their numbers;
a STREAM begins with `Subscribe` and brings `Update`s, each taken before the next but one is sent.
"""

from __future__ import annotations

from dataclasses import dataclass

REQUESTS = "requests"
STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request. number: of the client's choice, never used twice on a line."""

    number: int
    verb: str
    payload: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to the request of that number; a `Failure` where it was refused."""

    number: int
    payload: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Quotes from now on, and every transaction with an id above `after`."""

    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The reader has taken so many updates."""

    updates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A `StreamUpdate` on its way; quotes and transactions as their records."""

    time: int
    quotes: bytes
    transactions: tuple[bytes, ...]
    skipped: int
