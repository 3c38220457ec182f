"""`Record`: a value that is made thousands of times a second."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, TypeVar

import msgspec

Value = TypeVar("Value", bound="Record")


class RecordType(msgspec.StructMeta):
    """Makes a class that `dataclasses` takes for one of its own: `fields`, `replace`, `asdict` and
    `is_dataclass` do with it what they do elsewhere.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __new__(
        mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **config: Any
    ) -> RecordType:
        """As `class` does."""
        annotations = body.get("__annotations__", {})
        if annotations and any(getattr(base, "__struct_fields__", ()) for base in bases):
            raise TypeError(f"{name} adds fields to those of a record; give it all of them itself")
        defaults = {field: _default(body[field]) for field in annotations if field in body}
        kind = super().__new__(mcs, name, bases, body, **config)
        told = {"__annotations__": annotations, "__module__": kind.__module__, **defaults}
        twin: Any = dataclasses.dataclass(kw_only=True)(type(name, (), told))
        type.__setattr__(kind, "__dataclass_fields__", twin.__dataclass_fields__)
        return kind


class Record(msgspec.Struct, frozen=True, kw_only=True, metaclass=RecordType):
    """What a frozen, slotted, keyword-only dataclass is, made, compared and written down in a
    fraction of the time: one of thirteen fields takes some microseconds to make, and an order is
    fifty fields in every process that it goes through.

    As bytes it is what the dataclass of the same fields is. A subclass says `frozen=True,
    kw_only=True`, for msgspec takes over the first alone; one of a subclass adds no fields.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its values in their order, which takes half of what their names would."""
        return _made, (type(self), msgspec.structs.astuple(self))


def _default(given: Any) -> Any:
    """A default as `dataclasses` has it."""
    factory: Any = getattr(given, "default_factory", msgspec.NODEFAULT)
    made = type(given) is _FIELD and factory is not msgspec.NODEFAULT
    return dataclasses.field(default_factory=factory) if made else given


_FIELD = type(msgspec.field())


def _made(kind: type[Value], values: tuple[Any, ...]) -> Value:
    return kind(**dict(zip(kind.__struct_fields__, values, strict=True)))
