"""Events to bytes and back: canonical, typed, compact.

MessagePack with fields by name in their declared order; an array is an extension of its kind,
shape and little-endian values. The same event always gives the same bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from market.errors import JournalError
from market.events import EVENT_TYPES, Event

ARRAY = 1
DTYPES = {"f": np.dtype("<f8"), "i": np.dtype("<i8")}


def _encode_array(value: Any) -> msgspec.msgpack.Ext:
    if not isinstance(value, np.ndarray) or value.dtype != DTYPES.get(value.dtype.kind):
        raise TypeError(f"the journal holds float64 and int64 arrays, found {type(value)}")
    header = bytes([ord(value.dtype.kind), value.ndim]) + np.array(value.shape, "<u4").tobytes()
    return msgspec.msgpack.Ext(ARRAY, header + value.tobytes())


def _decode_array(code: int, data: memoryview) -> Any:
    if code != ARRAY:
        raise JournalError(f"unknown extension {code} in a journal event")
    dtype, dimensions = DTYPES[chr(data[0])], data[1]
    start = 2 + 4 * dimensions
    shape = np.frombuffer(data[2:start], "<u4")
    return np.frombuffer(data[start:], dtype).reshape(shape)


def _as_is(_type: type, value: Any) -> Any:
    return value


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind, dec_hook=_as_is, ext_hook=_decode_array)
    for kind in EVENT_TYPES
}


def encode(event: Event) -> tuple[str, bytes]:
    """The event's type name and its canonical bytes."""
    return type(event).__name__, _encoder.encode(event)


def decode(kind: str, payload: bytes) -> Event:
    """The event; JournalError when the type is unknown or the bytes do not fit it."""
    decoder = _decoders.get(kind)
    if decoder is None:
        raise JournalError(
            f"the journal holds an event of type {kind!r}, which this version does not know; "
            "read it with the version that wrote it"
        )
    try:
        event: Event = decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, LookupError) as error:
        raise JournalError(f"a {kind} event cannot be read: {error}") from None
    return event
