"""What came of a request, as an error of the desk. One table; a row counts before those below it.

| heard | a question | a request that trades |
| --- | --- | --- |
| no connection: refused, unresolved, TLS, timed out | TransientError | TransientError |
| no answer: timed out, cut, or not whole | TransientError | OutcomeUnknown |
| 3xx: redirected, and not followed | TransientError | OutcomeUnknown |
| 401, 403: the token | InvalidError | InvalidError |
| 429: too many requests | TransientError | TransientError |
| 408, 5xx | TransientError | OutcomeUnknown |
| any other 4xx with an answer of OANDA | `Refused`, an InvalidError | `Refused` |
| 4xx without one: a page of something between | TransientError | OutcomeUnknown |
| 2xx of another number, or unreadable | TransientError | OutcomeUnknown |
| an answer about another account | FatalError | FatalError |

What trades and is unknown must be looked up. Nothing that trades is ever repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra.brokers.oanda.codes import in_words
from infra.brokers.oanda.transport import Heard
from market.errors import InvalidError, OutcomeUnknown, QuorumError, TransientError

_SHOWN = 300


class Refused(InvalidError):
    """OANDA said no. code: its errorCode or rejectReason, "" without one; status: of HTTP."""

    def __init__(
        self, message: str, code: str = "", status: int = 0, body: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, code, status, body)
        self.code = code
        self.status = status
        self.body: Mapping[str, Any] = body or {}

    def __str__(self) -> str:
        return str(self.args[0])


def error_of(heard: Heard, what: str, *, trades: bool) -> QuorumError:
    """The error that a request without its expected answer ended in. what: it, in words."""
    if not heard.status and heard.unsent:
        return TransientError(f"{what} was not sent: {heard.broken}")
    body = None if heard.broken else body_of(heard)
    if heard.status in (401, 403) and not heard.broken:
        return _denied(what, heard.status, body)
    if heard.status == 429 and not heard.broken:
        return TransientError(f"{what} was not done: too many requests (429)")
    if 400 <= heard.status < 500 and heard.status != 408 and body is not None:
        return _refused(what, heard.status, body)
    why = _doubt(heard, body)
    if trades:
        return OutcomeUnknown(f"{what} was sent: {why}. Whether it was done must be looked up")
    return TransientError(f"{what} was not answered: {why}")


def _doubt(heard: Heard, body: Mapping[str, Any] | None) -> str:
    """Why nobody knows what became of a request."""
    status = heard.status
    if not status:
        return heard.broken
    if heard.broken:
        why = f"its answer did not come whole: {heard.broken}"
    elif 300 <= status < 400:
        why = (
            f"redirected to {heard.location[:_SHOWN] or 'nowhere'} ({status}), which is never "
            "followed; check the environment and what stands between it and this machine"
        )
    elif status >= 500 or status == 408:
        why = f"OANDA's side failed ({status}{_told(body)})"
    elif status >= 400:
        why = f"refused by what is not OANDA ({status}, no JSON)"
    elif body is None:
        why = f"answered {status} with what is no JSON"
    else:
        why = f"answered with an unexpected status {status}"
    return why


def body_of(heard: Heard) -> dict[str, Any] | None:
    """The object that an answer holds; None where it is none."""
    try:
        found = json.loads(heard.body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _denied(what: str, status: int, body: Mapping[str, Any] | None) -> QuorumError:
    code, said = _code(body or {}), _told(body)
    if status == 401:
        mend = "the token is not accepted; make a new one and put it in the token's place"
    else:
        mend = (
            "the token may not do this; check that it belongs to this environment (practice and "
            "live have their own) and to the user of this account"
        )
    return Refused(f"{what} was refused ({status}{said}): {mend}", code, status, body)


def _refused(what: str, status: int, body: Mapping[str, Any]) -> QuorumError:
    code = _code(body)
    said = str(body.get("errorMessage", ""))[:_SHOWN]
    plain = in_words(code)
    told = "; ".join(part for part in (plain, said) if part) or "no reason was given"
    return Refused(f"{what} was refused: {code or status}: {told}", code, status, body)


def _code(body: Mapping[str, Any]) -> str:
    """The most exact that it names: a transaction's own reason before the request's code."""
    for name, told in body.items():
        if name.endswith("RejectTransaction") and isinstance(told, dict):
            reason = told.get("rejectReason")
            if isinstance(reason, str) and reason:
                return reason
    code = body.get("errorCode") or body.get("rejectReason")
    return code if isinstance(code, str) else ""


def _told(body: Mapping[str, Any] | None) -> str:
    said = "" if body is None else str(body.get("errorMessage", ""))[:_SHOWN]
    return f": {said}" if said else ""
