"""A record is what the frozen dataclass of its fields is, and is made in a fraction of its time."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass, replace

import msgspec
import pytest

from infra.journal.codec import encode_value
from market.record import Record


class Point(Record, frozen=True, kw_only=True):
    """Somewhere."""

    x: float
    y: float = 0.0
    names: list[str] = msgspec.field(default_factory=list)

    @property
    def far(self) -> bool:
        """Whether it is not near."""
        return self.x > 1.0


class Line(Record, frozen=True, kw_only=True):
    """Two of them."""

    begin: Point
    end: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPoint:
    """The same as a dataclass."""

    x: float
    y: float
    names: list[str]


HERE = Point(x=2.0)


def test_dataclasses_takes_it_for_one_of_its_own() -> None:
    assert is_dataclass(HERE)
    assert [one.name for one in fields(HERE)] == ["x", "y", "names"]
    assert [one.default for one in fields(Point)] == [MISSING, 0.0, MISSING]
    assert fields(Point)[2].default_factory is list
    assert replace(HERE, y=3.0) == Point(x=2.0, y=3.0)
    assert asdict(Line(begin=HERE)) == {
        "begin": {"x": 2.0, "y": 0.0, "names": []},
        "end": None,
    }


def test_it_is_frozen_and_takes_its_fields_by_name_alone() -> None:
    with pytest.raises(AttributeError):
        HERE.x = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        Point(1.0)  # type: ignore[misc, call-arg]
    with pytest.raises(TypeError, match="x"):
        Point()  # type: ignore[call-arg]
    assert HERE.far


def test_it_equals_what_has_the_same_values_and_is_found_by_them() -> None:
    assert Line(begin=HERE) == Line(begin=Point(x=2.0))
    assert Point(x=2.0, y=1.0) != HERE
    assert Point(x=float("nan")) != Point(x=float("nan"))
    found = {Entrance(number=3): "third"}
    assert found[Entrance(number=3)] == "third"


class Entrance(Record, frozen=True, kw_only=True):
    """One of several."""

    number: int


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_it_travels_and_is_copied_whole(protocol: int) -> None:
    line = Line(begin=Point(x=-0.0, y=math.inf, names=["a"]), end=HERE)
    assert repr(pickle.loads(pickle.dumps(line, protocol=protocol))) == repr(line)
    assert copy.deepcopy(line) == line
    assert copy.copy(line) == line


def test_it_is_written_as_the_dataclass_of_its_fields_is() -> None:
    values = {"x": math.nan, "y": 5e-324, "names": ["ä", ""]}
    assert encode_value(Point(**values)) == encode_value(PlainPoint(**values))


def test_one_of_a_record_cannot_add_fields_that_dataclasses_would_not_see() -> None:
    with pytest.raises(TypeError, match="give it all of them itself"):

        class Higher(Point, frozen=True, kw_only=True):
            z: float
