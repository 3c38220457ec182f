"""Walk-forward: rows to choose on, a gap, and rows to judge the choice by."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from coordinator.configuration.durations import UNITS_S
from coordinator.results.calendar import DAY_S, YEAR_DAYS
from market.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class Span:
    """Rows `start` up to, not including, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One step of a walk forward: choose on `train`, judge on `test`."""

    train: Span
    test: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """Lengths in bars.

    train: rows that a choice is made on; with `expanding`, the fewest. test: rows that it is
    judged by. purge: rows dropped from the end of what could be trained on, because what was
    decided there still runs. embargo: rows waited after that, because neighbouring bars are
    alike (López de Prado, Advances in Financial Machine Learning, 2018, sections 7.4.1 and
    7.4.2; here training always comes before the test, so both lie between the two).
    """

    train: int
    test: int
    purge: int
    embargo: int
    expanding: bool = False

    @property
    def gap(self) -> int:
        """Rows between train and test."""
        return self.purge + self.embargo


def walk_forward(rows: Span, rules: WalkForward) -> tuple[Window, ...]:
    """Windows whose tests touch, do not overlap, and end with the last row.

    Rows at the beginning that fill no test are left to the first training when it expands, else
    left out. Raises ConfigError for lengths that are none, DataError for too few rows.
    """
    if rules.train < 2 or rules.test < 2 or rules.purge < 0 or rules.embargo < 0:
        raise ConfigError(
            "walk-forward: expected at least 2 bars to train and to test, and no negative purge "
            f"or embargo, found train {rules.train}, test {rules.test}, purge {rules.purge}, "
            f"embargo {rules.embargo}"
        )
    spare = len(rows) - rules.train - rules.gap
    count = spare // rules.test
    if count < 1:
        raise DataError(
            f"walk-forward: {rules.train} bars to train, {rules.gap} between and {rules.test} to "
            f"test are more than the {len(rows)} bars at hand. Load more history, or shorten "
            "--train and --test."
        )
    first = rows.stop - count * rules.test
    windows = []
    for number in range(count):
        test = Span(first + number * rules.test, first + (number + 1) * rules.test)
        until = test.start - rules.gap
        began = rows.start if rules.expanding else until - rules.train
        windows.append(Window(train=Span(began, until), test=test))
    return tuple(windows)


def bars_in(text: str, bars_per_year: float, flag: str) -> int:
    """Bars of a length: `250` is bars; `500d`, `12h`, `30m`, `10s` are time on the calendar.

    Raises ConfigError for anything else.
    """
    found = re.fullmatch(r"(\d+)([smhd]?)", text.strip())
    if found is None:
        raise ConfigError(
            f"{flag}: expected bars such as 250, or a time such as 500d or 12h, found {text!r}"
        )
    count = int(found[1])
    if not found[2]:
        return count
    days = count * UNITS_S[found[2]] / DAY_S
    return math.ceil(days * bars_per_year / YEAR_DAYS)


def usual_lengths(rows: int) -> WalkForward:
    """A third to train, tests of a twelfth: eight windows or so. One bar is purged, because a
    choice made after a bar can act on the next; the embargo is a hundredth of the training.
    """
    train = rows // 3
    embargo = math.ceil(train / 100)
    test = max((rows - train - 1 - embargo) // 8, 2)
    return WalkForward(train=train, test=test, purge=1, embargo=embargo)
