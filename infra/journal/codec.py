"""Events to bytes and back: canonical, typed, compact.

MessagePack with fields by name in their declared order; an array is an extension of its kind,
shape and little-endian values. The same event always gives the same bytes.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from market.errors import JournalError
from market.events import EVENT_TYPES, Event

Value = TypeVar("Value")
ARRAY = 1
MOST_SHAPES = 256
DTYPES = {"f": np.dtype("<f8"), "i": np.dtype("<i8")}


_headers: dict[tuple[str, tuple[int, ...]], bytes] = {}
_layouts: dict[bytes, tuple[np.dtype[Any], tuple[int, ...]]] = {}
"""What has been worked out before: a journal has few shapes, and many arrays of each."""


def _encode_array(value: Any) -> msgspec.msgpack.Ext:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"the journal holds float64 and int64 arrays, found {type(value)}")
    header = _headers.get((value.dtype.str, value.shape))
    if header is None:
        header = _header_of(value)
    return msgspec.msgpack.Ext(ARRAY, header + value.tobytes())


def _header_of(value: NDArray[Any]) -> bytes:
    kind, shape = value.dtype.kind, value.shape
    if value.dtype != DTYPES.get(kind):
        raise TypeError(f"the journal holds float64 and int64 arrays, found {value.dtype}")
    header = bytes([ord(kind), value.ndim]) + np.array(shape, "<u4").tobytes()
    if len(_headers) < MOST_SHAPES:
        _headers[value.dtype.str, shape] = header
    return header


def _decode_array(code: int, data: memoryview) -> Any:
    if code != ARRAY:
        raise JournalError(f"unknown extension {code} in a journal event")
    start = 2 + 4 * data[1]
    header = bytes(data[:start])
    layout = _layouts.get(header)
    if layout is None:
        layout = _layout_of(header)
    dtype, shape = layout
    values = np.frombuffer(data, dtype, offset=start)
    if len(shape) == 1 and len(values) == shape[0]:
        return values
    return values.reshape(shape)


def _layout_of(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    shape = tuple(int(size) for size in np.frombuffer(header[2:], "<u4"))
    layout = DTYPES[chr(header[0])], shape
    if len(_layouts) < MOST_SHAPES:
        _layouts[header] = layout
    return layout


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


def encode_value(value: object) -> bytes:
    """Any frozen value of the desk, as canonical bytes."""
    return _encoder.encode(value)


def decode_value(payload: bytes, kind: type[Value]) -> Value:
    """The value; JournalError where the bytes do not fit its type."""
    decoder = msgspec.msgpack.Decoder(kind, dec_hook=_as_is, ext_hook=_decode_array)
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, LookupError) as error:
        raise JournalError(f"a {kind.__name__} cannot be read: {error}") from None
