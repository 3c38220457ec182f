"""Why a request failed, in words: by the types of errors alone, for their texts hold URLs and
headers.
"""

from __future__ import annotations

from collections.abc import Iterator

import requests

MOST_BYTES = 64 * 2**20
"""Of an answer's body."""
_KINDS = {
    "ConnectionRefused": "the connection was refused",
    "gaierror": "its name could not be resolved",
    "SSL": "no encrypted connection could be made or kept (TLS)",
    "TooMuch": f"an answer above {MOST_BYTES // 2**20} MiB",
}


class TooMuch(Exception):
    """A body that no answer of OANDA has."""


def in_words(error: BaseException, timeout: tuple[float, float]) -> str:
    """timeout: to connect and to read, seconds."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {timeout[0]:g} s"
    for one in _chain(error):
        name = type(one).__name__
        if isinstance(one, TimeoutError) or "Timeout" in name:
            return f"no answer within {timeout[1]:g} s"
        for known, words in _KINDS.items():
            if known in name:
                return words
    if isinstance(error, ValueError) and not isinstance(error, requests.RequestException):
        return "an answer that is no JSON"
    return "the connection was cut"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it was made from."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
