"""`V20Terms`: what account the v20 server keeps, and how it fills."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from infra.brokers.paper.live.terms import ExchangeTerms
from market.errors import InvalidError

Hours = Literal["always", "market"]
Fills = Literal["at once", "next quote"]
_ACCOUNT = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class V20Terms:
    """exchange: the account behind the wire. account: `site-division-user-number`. token: the
    bearer's, never shown. fills: "at once", as OANDA: an order meets the standing quote and its
    answer tells the fill; "next quote", as the paper exchange: the answer tells the order alone.
    heartbeat_s: of the streams, real seconds. hedging: what the account says of itself; positions
    are netted whatever it says. minimum_units: of one order, by instrument, where it is more than
    one unit increment. hours: "market": an instrument is tradeable, and its price moves, while its
    market is open as `infra/feeds/live/hours.py` knows it; "always": it is at any time.

    Raises InvalidError for an account of another form or an empty token.
    """

    exchange: ExchangeTerms
    account: str = "001-001-0000001-001"
    token: str = field(repr=False)
    fills: Fills = "at once"
    heartbeat_s: float = 5.0
    hedging: bool = False
    minimum_units: Mapping[str, float] = field(default_factory=dict)
    hours: Hours = "always"

    def __post_init__(self) -> None:
        if _ACCOUNT.fullmatch(self.account) is None:
            raise InvalidError(
                f"expected an account such as 001-001-0000001-001, found {self.account!r}"
            )
        if not self.token:
            raise InvalidError("a v20 server needs a token that its clients must show; it is empty")

    @property
    def account_parts(self) -> tuple[int, int, int, int]:
        """Site, division, user and number."""
        site, division, user, number = self.account.split("-")
        return int(site), int(division), int(user), int(number)
