"""Messages of every decision as they travel: their numbers, as they lie in memory.

A pickle is a dozen objects on either side, and the code that makes them. In a loop of its own that
is nothing; among processes that take turns on two cores, each with cold caches, it took longer than
an agent takes to vote. All other messages are pickled; a pickle is told by its first byte.

A flat message is its kind, three bytes without meaning, whole numbers, then float64 and int64 in
the order of the processor, last what is neither, as msgpack. Its arrays begin at a multiple of
eight bytes behind the length of its frame: they are aligned.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterable, Sized
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from market.account_shown import AccountShown, Proposed
from market.bar_window import BarSlice
from market.bars import VALUE_FIELDS, Floats
from market.messages import BallotCast, Reviewed, VoteOn
from market.overrides import Override
from market.verdicts import RiskRefused, SignedApprovals

Payload = bytes | memoryview
PICKLED = 0x80
"""What a pickle of any protocol since 2 begins with."""
VOTE_ON, BALLOT_CAST, ACCOUNT_SHOWN, PROPOSED, REVIEWED = range(1, 6)

_ONE_COUNT = struct.Struct("=B3xqq")
_ACCOUNT = struct.Struct("=B3xqqqqdqqq")
_FIELDS = len(VALUE_FIELDS)
_HELD = ("units", "working", "stop_price", "mid", "spread", "rate", "age", "filled")
"""Of an account, what is an array (M,)."""
_WISHES = ("order_units", "score", "stop_distance", "take_profit_distance", "trailing_distance")
_held_of, _wishes_of = attrgetter(*_HELD), attrgetter(*_WISHES)
_encode = msgspec.msgpack.Encoder().encode
_standing_of = msgspec.msgpack.Decoder(tuple[str, str, tuple[Override, ...]]).decode
_verdicts_of = msgspec.msgpack.Decoder(tuple[SignedApprovals, tuple[RiskRefused, ...], str]).decode


def encoded(message: object) -> bytes:
    """A message as bytes."""
    write = _WRITERS.get(type(message))
    flat = None if write is None else write(message)
    return pickle.dumps(message, protocol=5) if flat is None else flat


def decoded(payload: Payload) -> object:
    """The message. Raises whatever its bytes lead to, where they are none.

    Its arrays are aligned where the payload lies behind four bytes, as `Frames` gives it.
    """
    kind = payload[0]
    return pickle.loads(payload) if kind == PICKLED else _READERS[kind](payload)


def _vote_on(message: VoteOn) -> bytes:
    bar = message.bar
    head = _ONE_COUNT.pack(VOTE_ON, message.sequence, bar.time)
    return head + np.asarray(bar.values, dtype=np.float64).tobytes()


def _vote_on_of(payload: Payload) -> VoteOn:
    """Its bar is read-only."""
    _, sequence, time = _ONE_COUNT.unpack_from(payload)
    values = np.frombuffer(payload, offset=_ONE_COUNT.size).reshape(_FIELDS, -1)
    return VoteOn(sequence=sequence, bar=BarSlice(time=time, values=values))


def _ballot_cast(message: BallotCast) -> bytes | None:
    layers = message.layers
    plain = layers.ndim == 2 and layers.dtype == np.float64 and len(layers)
    if message.failure is not None or not plain:
        return None
    return _ONE_COUNT.pack(BALLOT_CAST, message.sequence, len(layers)) + layers.tobytes()


def _ballot_cast_of(payload: Payload) -> BallotCast:
    """Its layers are read-only."""
    _, sequence, rows = _ONE_COUNT.unpack_from(payload)
    layers = np.frombuffer(payload, offset=_ONE_COUNT.size).reshape(rows, -1)
    return BallotCast(sequence=sequence, layers=layers)


def _account(shown: AccountShown) -> bytes | None:
    held, (rows, traded) = _held_of(shown), shown.returns.shape
    if not _each_of(held, count := len(shown.units)):
        return None
    if not _each_of((shown.sigma, shown.sigma_before), traded):
        return None
    head = _ACCOUNT.pack(
        ACCOUNT_SHOWN,
        shown.epoch,
        shown.sequence,
        shown.time,
        shown.expires,
        shown.equity,
        count,
        traded,
        rows,
    )
    of_returns = shown.sigma, shown.sigma_before, shown.returns.ravel()
    numbers = np.concatenate((*held, *of_returns), dtype=np.float64)
    return head + numbers.tobytes() + _encode((shown.session, shown.stage, shown.overrides))


def _account_of(payload: Payload) -> AccountShown:
    _, epoch, sequence, time, expires, equity, columns, traded, rows = _ACCOUNT.unpack_from(payload)
    at = columns * len(_HELD)
    count = at + (2 + rows) * traded
    numbers = _own(payload, _ACCOUNT.size, count)
    of_returns = numbers[at:].reshape(2 + rows, traded)
    session, stage, overrides = _standing_of(payload[_ACCOUNT.size + 8 * count :])
    return AccountShown(
        session=session,
        epoch=epoch,
        sequence=sequence,
        time=time,
        expires=expires,
        equity=equity,
        returns=of_returns[2:],
        sigma=of_returns[0],
        sigma_before=of_returns[1],
        stage=stage,
        overrides=overrides,
        **dict(zip(_HELD, numbers[:at].reshape(len(_HELD), columns), strict=True)),
    )


def _proposed(message: Proposed) -> bytes | None:
    wishes, whole = _wishes_of(message), (message.bound, message.group)
    if not _each_of((*wishes, *whole), count := len(message.order_units)):
        return None
    head = _ONE_COUNT.pack(PROPOSED, message.sequence, count)
    sizes = np.concatenate(wishes, dtype=np.float64).tobytes()
    return head + sizes + np.concatenate(whole, dtype=np.int64).tobytes()


def _proposed_of(payload: Payload) -> Proposed:
    _, sequence, columns = _ONE_COUNT.unpack_from(payload)
    rows = len(_WISHES) + 2
    numbers = _own(payload, _ONE_COUNT.size, rows * columns).reshape(rows, columns)
    bound, group = numbers[-2:].view(np.int64)
    wishes = dict(zip(_WISHES, numbers[:-2], strict=True))
    return Proposed(sequence=sequence, bound=bound, group=group, **wishes)


def _reviewed(message: Reviewed) -> bytes | None:
    if message.notices:
        return None
    memory = np.asarray(message.memory, dtype=np.float64)
    head = _ONE_COUNT.pack(REVIEWED, message.sequence, len(memory))
    return head + memory.tobytes() + _encode((message.signed, message.refused, message.halt))


def _reviewed_of(payload: Payload) -> Reviewed:
    _, sequence, length = _ONE_COUNT.unpack_from(payload)
    signed, refused, halt = _verdicts_of(payload[_ONE_COUNT.size + 8 * length :])
    return Reviewed(
        sequence=sequence,
        signed=signed,
        refused=refused,
        notices=(),
        memory=_own(payload, _ONE_COUNT.size, length),
        halt=halt,
    )


def _each_of(arrays: Iterable[Sized], count: int) -> bool:
    """Whether all are so long; others are pickled, for here one would run into the next."""
    return all(len(array) == count for array in arrays)


def _own(payload: Payload, offset: int, count: int) -> Floats:
    """So many numbers, not read-only: for numba those are of another type. Raises ValueError where
    they are not all there.
    """
    if not 0 <= 8 * count <= len(payload) - offset:
        raise ValueError(f"expected {count} numbers, found {len(payload) - offset} bytes")
    return np.frombuffer(bytearray(payload[offset : offset + 8 * count]))


_WRITERS: dict[type, Callable[[Any], bytes | None]] = {
    VoteOn: _vote_on,
    BallotCast: _ballot_cast,
    AccountShown: _account,
    Proposed: _proposed,
    Reviewed: _reviewed,
}
_READERS: dict[int, Callable[[Payload], object]] = {
    VOTE_ON: _vote_on_of,
    BALLOT_CAST: _ballot_cast_of,
    ACCOUNT_SHOWN: _account_of,
    PROPOSED: _proposed_of,
    REVIEWED: _reviewed_of,
}
