"""What people call a decision or an order by, and what they mean when it is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from market.errors import InvalidError
from market.orders import client_order_id

NAMED = re.compile(r"(?:(?P<session>.+)-)?(?P<sequence>\d+)(?:-(?P<symbol>[^-]+)-(?P<leg>[^-]+))?")
NEAREST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionName:
    """A decision by its sequence, of any session where `session` is None.

    symbol, leg: of the order where an order is named, else None.
    """

    session: str | None
    sequence: int
    symbol: str | None = None
    leg: str | None = None

    @property
    def names_order(self) -> bool:
        """Whether one order is meant, not the whole decision."""
        return self.symbol is not None

    def order_id(self, session: str) -> str:
        """The client order id that is named, in a session; empty where no order is."""
        if self.symbol is None or self.leg is None:
            return ""
        return client_order_id(session, self.sequence, self.symbol, self.leg)


def parse_name(text: str) -> DecisionName:
    """`123`, `SESSION-123`, or the client order id `SESSION-123-EUR_USD-m`.

    Raises InvalidError for anything else.
    """
    found = NAMED.fullmatch(text.strip())
    if found is None:
        raise InvalidError(
            f"expected a decision such as 123 or SESSION-123, or an order such as "
            f"SESSION-123-EUR_USD-m, found {text!r}"
        )
    return DecisionName(
        session=found["session"],
        sequence=int(found["sequence"]),
        symbol=found["symbol"],
        leg=found["leg"],
    )


def refuse_other_session(name: DecisionName, session: str) -> None:
    """Raise InvalidError where the name is of another session than the journal's."""
    if name.session is not None and name.session != session:
        raise InvalidError(
            f"{name.session}-{name.sequence} is of session {name.session}; this journal is of "
            f"{session}. Name the run of that session with --run."
        )


def no_decision(sequence: int, taken: Sequence[int]) -> InvalidError:
    """The error for a decision that was not taken; it names the nearest ones that were."""
    if not taken:
        return InvalidError(f"no decision {sequence}; the run took none at all")
    nearest = sorted(sorted(taken, key=lambda known: abs(known - sequence))[:NEAREST])
    return InvalidError(
        f"no decision {sequence}; the run took those from {min(taken)} to {max(taken)}, the "
        f"nearest {', '.join(map(str, nearest))}"
    )


def no_order(name: DecisionName, session: str, orders: Iterable[str]) -> InvalidError:
    """The error for an order that was never intended; it names the nearest ones that were."""
    asked = name.order_id(session)
    known = [(parse_name(order), order) for order in orders if NAMED.fullmatch(order)]
    known.sort(
        key=lambda pair: (
            pair[0].symbol != name.symbol,
            abs(pair[0].sequence - name.sequence),
            pair[0].sequence,
        )
    )
    nearest = ", ".join(order for _, order in known[:NEAREST])
    found = f"the nearest are {nearest}" if nearest else "it sent no order at all"
    return InvalidError(
        f"no order {asked} in this run; {found}. What the decision came to in another way, such "
        f"as a refusal: quorum why {name.sequence} --instrument {name.symbol}"
    )
