"""What the guardian answers, by type, and the signature that the gateway asks for."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from market.errors import ApprovalRejected
from market.keyed_hash import keyed_hash
from market.legs import Leg, beyond
from market.orders import Bracket, OrderRequest, client_order_id
from market.overrides import Override
from market.record import Record

_NUMBERS = struct.Struct("<11d")


class RiskApproved(Record, frozen=True, kw_only=True):
    """An order that may be sent, possibly smaller than proposed.

    units, proposed_units: signed. limit: the name of the limit that shrank it, NONE when whole;
    allowed, measured: that limit's value and what was found, NaN when whole.
    lowest_price, highest_price: the collar.
    """

    symbol: str
    units: float
    proposed_units: float
    score: float
    bracket: Bracket
    reference_price: float
    lowest_price: float
    highest_price: float
    bound: str
    limit: str
    allowed: float
    measured: float

    def order(self, session: str, sequence: int) -> OrderRequest:
        """The order that this approval of a decision becomes."""
        return OrderRequest(
            client_order_id=client_order_id(session, sequence, self.symbol),
            sequence=sequence,
            symbol=self.symbol,
            units=self.units,
            bracket=self.bracket,
            lowest_price=self.lowest_price,
            highest_price=self.highest_price,
            reference_price=self.reference_price,
        )


class RiskRefused(Record, frozen=True, kw_only=True):
    """An order that may not be sent: the limit, its value and what was measured."""

    symbol: str
    proposed_units: float
    score: float
    bound: str
    limit: str
    allowed: float
    measured: float


Verdict = RiskApproved | RiskRefused


class SignedApprovals(Record, frozen=True, kw_only=True):
    """The approved orders of one decision, signed for one use.

    epoch: of the coordinator that asked. sequence: of the decision; a gateway takes each once
    and in rising order. expires: UTC nanoseconds of market time. stage: whose limits were kept,
    under these overrides. legs: the orders that an approval becomes, signed with it; one market
    order where it has none.
    """

    session: str
    epoch: int
    sequence: int
    expires: int
    approved: tuple[RiskApproved, ...]
    signature: bytes
    stage: str = ""
    overrides: tuple[Override, ...] = ()
    legs: tuple[Leg, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """As one piece: pickled one by one, its approvals take several times as long."""
        return _signed_of, (_encode(self),)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SignedApprovals).decode
_as_sent = msgspec.msgpack.Decoder(tuple[tuple[Override, ...], tuple[Leg, ...]]).decode


def _signed_of(told: bytes) -> SignedApprovals:
    return _decode(told)


def _digest(
    key: bytes,
    session: str,
    epoch: int,
    sequence: int,
    expires: int,
    stage: str,
    overrides: tuple[Override, ...],
    approved: tuple[RiskApproved, ...],
    legs: tuple[Leg, ...],
) -> bytes:
    """HMAC-SHA256 over all of it. Words as their `repr`, in which no zero byte stands; behind one,
    the numbers of each approval as their bits: no two decisions give the same message.
    """
    words = [(one.symbol, one.bound, one.limit, one.bracket.trailing is None) for one in approved]
    told = repr((session, epoch, sequence, expires, stage, overrides, legs, words))
    message = b"".join((told.encode(), b"\0", *map(_numbers, approved)))
    return keyed_hash(key)(message)


def _numbers(approved: RiskApproved) -> bytes:
    bracket = approved.bracket
    return _NUMBERS.pack(
        approved.units,
        approved.proposed_units,
        approved.score,
        bracket.stop,
        bracket.take_profit,
        0.0 if bracket.trailing is None else bracket.trailing,
        approved.reference_price,
        approved.lowest_price,
        approved.highest_price,
        approved.allowed,
        approved.measured,
    )


def sign(
    key: bytes,
    *,
    session: str,
    epoch: int,
    sequence: int,
    expires: int,
    approved: Sequence[RiskApproved],
    stage: str = "",
    overrides: tuple[Override, ...] = (),
    legs: tuple[Leg, ...] = (),
) -> SignedApprovals:
    """Put the guardian's name to approvals, and to how they are executed (HMAC-SHA256).

    Their numbers are Python's own: numpy's cannot be sent.
    """
    orders = tuple(approved)
    if overrides or legs:  # a number that was whole arrives as a float, and is written otherwise
        overrides, legs = _as_sent(_encode((overrides, legs)))
    return SignedApprovals(
        session=session,
        epoch=epoch,
        sequence=sequence,
        expires=expires,
        approved=orders,
        signature=_digest(key, session, epoch, sequence, expires, stage, overrides, orders, legs),
        stage=stage,
        overrides=overrides,
        legs=legs,
    )


def verify(
    key: bytes, signed: SignedApprovals, *, session: str, epoch: int, used: int, now: int
) -> None:
    """Raise ApprovalRejected unless the signature, session, epoch, expiry and one use hold, and
    the approvals cover the legs.

    used: the highest decision sequence whose approvals were taken. now: market time, ns.
    """
    try:
        expected = _digest(
            key,
            signed.session,
            signed.epoch,
            signed.sequence,
            signed.expires,
            signed.stage,
            signed.overrides,
            signed.approved,
            signed.legs,
        )
    except (struct.error, OverflowError) as error:
        raise ApprovalRejected(
            f"approvals of decision {signed.sequence} refused: expected numbers, found what is "
            f"none ({error}). No order was sent; ask the guardian for a new review."
        ) from None
    uncovered = beyond(signed.approved, signed.legs, now) if signed.legs else ""
    problems = {
        "the signature is not the guardian's": not hmac.compare_digest(expected, signed.signature),
        f"session {signed.session} is not {session}": signed.session != session,
        f"epoch {signed.epoch} is not {epoch}": signed.epoch != epoch,
        f"decision {signed.sequence} was taken before": signed.sequence <= used,
        f"it expired at {signed.expires}": now > signed.expires,
        uncovered: bool(uncovered),
    }
    broken = [problem for problem, holds in problems.items() if holds]
    if broken:
        raise ApprovalRejected(
            f"approvals of decision {signed.sequence} refused: {'; '.join(broken)}. "
            "No order was sent; ask the guardian for a new review."
        )
