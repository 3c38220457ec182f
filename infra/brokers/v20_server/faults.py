"""Faults on demand: what a broker does to its clients on a bad day, said beforehand and counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

import msgspec
import numpy as np

from market.errors import InvalidError, nearest


class FaultKind(StrEnum):
    """What goes wrong. BEFORE: the request has no effect. AFTER: it has, and nobody is told."""

    LATENCY = "LATENCY"
    TIMEOUT_BEFORE = "TIMEOUT_BEFORE"
    TIMEOUT_AFTER = "TIMEOUT_AFTER"
    DISCONNECT_BEFORE = "DISCONNECT_BEFORE"
    DISCONNECT_AFTER = "DISCONNECT_AFTER"
    SERVER_ERROR = "SERVER_ERROR"
    HTML_ERROR = "HTML_ERROR"
    NOT_UTF8 = "NOT_UTF8"
    WRONG_STATUS = "WRONG_STATUS"
    REDIRECT = "REDIRECT"
    RATE_LIMITED = "RATE_LIMITED"
    STREAM_DROP = "STREAM_DROP"
    STREAM_STALL = "STREAM_STALL"
    NO_HEARTBEATS = "NO_HEARTBEATS"
    DUPLICATE_TRANSACTIONS = "DUPLICATE_TRANSACTIONS"
    REORDERED_TRANSACTIONS = "REORDERED_TRANSACTIONS"
    PARTIAL_FILL = "PARTIAL_FILL"
    REJECT = "REJECT"
    CANCEL_IN_201 = "CANCEL_IN_201"
    MARKET_HALT = "MARKET_HALT"
    MARGIN_CLOSEOUT = "MARGIN_CLOSEOUT"
    WEEKEND_GAP = "WEEKEND_GAP"
    CLOCK_SKEW = "CLOCK_SKEW"
    NO_SUCH_ORDER = "NO_SUCH_ORDER"


STREAM_KINDS = frozenset(
    {
        FaultKind.STREAM_DROP,
        FaultKind.STREAM_STALL,
        FaultKind.NO_HEARTBEATS,
        FaultKind.DUPLICATE_TRANSACTIONS,
        FaultKind.REORDERED_TRANSACTIONS,
    }
)
TRANSACTION_STREAM_KINDS = frozenset(
    {FaultKind.DUPLICATE_TRANSACTIONS, FaultKind.REORDERED_TRANSACTIONS}
)
ORDER_KINDS = frozenset(
    {
        FaultKind.PARTIAL_FILL,
        FaultKind.REJECT,
        FaultKind.CANCEL_IN_201,
        FaultKind.WRONG_STATUS,
        FaultKind.NO_SUCH_ORDER,
    }
)
MARKET_KINDS = frozenset(
    {
        FaultKind.MARKET_HALT,
        FaultKind.WEEKEND_GAP,
        FaultKind.MARGIN_CLOSEOUT,
        FaultKind.CLOCK_SKEW,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, and with which requests.

    on: a part of "METHOD /path"; empty: any. Only requests that the kind can strike are counted:
    streams for those of streams; for PARTIAL_FILL, REJECT, CANCEL_IN_201, WRONG_STATUS and
    NO_SUCH_ORDER the ones that create an order. MARKET_HALT, WEEKEND_GAP, MARGIN_CLOSEOUT and
    CLOCK_SKEW without `on` strike at once, else before the request.
    first, every, times: the requests that are struck, counted from 1 among those that match: the
    first, then every so many, so often; times None: without end. chance: that one which is due is
    struck indeed, drawn by the plan's seed.
    seconds: real time. Of LATENCY how late the answer is; of TIMEOUT how long the socket is held, 0
    until the client hangs up; of STREAM_DROP and STREAM_STALL how long after the stream's
    beginning; of MARKET_HALT and WEEKEND_GAP how long, 0 until it is taken back; of NO_SUCH_ORDER
    how long a new order is unknown; of CLOCK_SKEW how far ahead the server's clock is, or behind
    where negative.
    done: of SERVER_ERROR, HTML_ERROR, NOT_UTF8 and REDIRECT: whether the request has its effect.
    status: of HTML_ERROR, 502 or 200. share: of PARTIAL_FILL, how much of the order the market
    gives; of WEEKEND_GAP by how much of their price the instruments reopen away, for good: below 0
    where they fall. reason: of REJECT and CANCEL_IN_201. symbols: of MARKET_HALT and WEEKEND_GAP;
    empty: all.
    Raises InvalidError for what cannot be struck.
    """

    kind: FaultKind
    on: str = ""
    first: int = 1
    every: int = 1
    times: int | None = 1
    chance: float = 1.0
    seconds: float = 0.0
    done: bool = False
    status: int = 502
    share: float = 0.5
    reason: str = ""
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.first, self.every, 1 if self.times is None else self.times) < 1:
            raise InvalidError(
                f"{self.kind}: first, every and times count from 1, found {self.first}, "
                f"{self.every} and {self.times}"
            )
        either_way = self.kind is FaultKind.WEEKEND_GAP
        share = abs(self.share) if either_way else self.share
        if not 0.0 < self.chance <= 1.0 or not 0.0 < share < 1.0:
            raise InvalidError(
                f"{self.kind}: expected a chance above 0 up to 1 and a share between them"
                f"{', or below 0,' if either_way else ','} found {self.chance} and {self.share}"
            )
        signed = self.kind is FaultKind.CLOCK_SKEW
        if not (-1e6 if signed else 0.0) <= self.seconds <= 1e6:
            raise InvalidError(
                f"{self.kind}: expected seconds from {'-1e6' if signed else '0'} to 1e6, "
                f"found {self.seconds}"
            )
        if self.status not in (200, 502):
            raise InvalidError(f"{self.kind}: expected status 502 or 200, found {self.status}")

    def matches(self, method: str, path: str) -> bool:
        """Whether it counts a request."""
        if self.on not in f"{method} {path}":
            return False
        if self.kind in TRANSACTION_STREAM_KINDS:
            return path.endswith("/transactions/stream")
        if self.kind in STREAM_KINDS:
            return path.endswith("/stream")
        if self.kind in ORDER_KINDS:
            return creates_order(method, path)
        return self.kind not in MARKET_KINDS or self.on != ""

    def strikes(self, number: int) -> bool:
        """Whether the matching request of that number is due to be struck."""
        passed, rest = divmod(number - self.first, self.every)
        return rest == 0 and passed >= 0 and (self.times is None or passed < self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """What goes wrong. seed: of every `chance`."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """A fault, how many requests matched it and how many of them it struck."""

    fault: Fault
    matched: int
    struck: int


class Faults:
    """Counts requests and says which are struck. The same requests are struck at every run."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._matched = [0] * len(plan.faults)
        self._struck = [0] * len(plan.faults)
        self._random = np.random.default_rng(plan.seed)

    def at_once(self) -> tuple[Fault, ...]:
        """Those that wait for no request; to be asked for once."""
        found = []
        for number, fault in enumerate(self.plan.faults):
            if fault.kind in MARKET_KINDS and not fault.on:
                self._struck[number] += 1
                found.append(fault)
        return tuple(found)

    def strike(self, method: str, path: str) -> tuple[Fault, ...]:
        """The faults of this request, in the plan's order."""
        found = []
        for number, fault in enumerate(self.plan.faults):
            if not fault.matches(method, path):
                continue
            self._matched[number] += 1
            if fault.strikes(self._matched[number]) and (
                fault.chance == 1.0 or float(self._random.random()) < fault.chance
            ):
                self._struck[number] += 1
                found.append(fault)
        return tuple(found)

    def again(self, struck: Fault) -> None:
        """Take note that a fault struck something that is no request."""
        for number, fault in enumerate(self.plan.faults):
            if fault is struck:
                self._struck[number] += 1

    @property
    def struck(self) -> tuple[Struck, ...]:
        """How often each struck so far."""
        counts = zip(self.plan.faults, self._matched, self._struck, strict=True)
        return tuple(
            Struck(fault=fault, matched=matched, struck=struck) for fault, matched, struck in counts
        )


def creates_order(method: str, path: str) -> bool:
    """Whether a request of the protocol makes a new order."""
    last = path.rsplit("/", 1)[-1]
    if method == "POST":
        return last == "orders"
    return method == "PUT" and (last == "close" or path.rsplit("/", 2)[-2] == "orders")


def plan_of(text: str | bytes) -> FaultPlan:
    """The plan that JSON holds: `{"seed": 0, "faults": [{"kind": "LATENCY", "seconds": 1}]}`.

    Raises InvalidError, naming what is not understood.
    """
    try:
        found = json.loads(text)
        _check_names(found)
        return msgspec.convert(found, FaultPlan)
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidError(f"the plan of faults is not understood: {error}") from None


def told(faults: Faults) -> dict[str, object]:
    """A plan and what it struck so far, as JSON has it."""
    return {
        "seed": faults.plan.seed,
        "faults": [
            {**asdict(one.fault), "matched": one.matched, "struck": one.struck}
            for one in faults.struck
        ],
    }


def _check_names(found: object) -> None:
    """A misspelt name would be a fault that never strikes."""
    if not isinstance(found, Mapping) or not isinstance(found.get("faults", []), list):
        raise InvalidError(
            'the plan of faults: expected {"faults": [{"kind": ...}, ...]}, '
            f"found {type(found).__name__}"
        )
    _check_keys(found, FaultPlan.__dataclass_fields__, "the plan of faults")
    for number, fault in enumerate(found.get("faults", []), 1):
        if not isinstance(fault, Mapping):
            raise InvalidError(f"fault {number}: expected an object, found {fault!r}")
        _check_keys(fault, Fault.__dataclass_fields__, f"fault {number}")
        kind = fault.get("kind")
        if kind not in tuple(FaultKind):
            raise InvalidError(
                f"fault {number}: unknown kind {kind!r}{nearest(str(kind), map(str, FaultKind))} "
                f"Known are {', '.join(FaultKind)}"
            )


def _check_keys(found: Mapping[str, object], known: Mapping[str, object], where: str) -> None:
    for key in found:
        if key not in known:
            raise InvalidError(
                f"{where}: unknown {key!r}{nearest(key, known)} Known are {', '.join(known)}"
            )
