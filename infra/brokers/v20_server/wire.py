"""Shapes that every part of the server speaks of."""

from __future__ import annotations

from typing import Any

import msgspec

from market.errors import InvalidError

Json = dict[str, Any]
Answer = tuple[int, Json]
"""HTTP status and body."""

encode_json = msgspec.json.Encoder().encode
decode_json = msgspec.json.Decoder().decode


class Malformed(InvalidError):
    """A request that is not of the protocol: answered 400, and no transaction tells of it."""


class NotFound(InvalidError):
    """What was asked for is not there: answered 404. code: v20's name of it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
