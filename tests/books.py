"""Random books, marks and proposals for the laws of sizing and review, and plain sums over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from agents.guardian.codes import Limit
from agents.guardian.exposure import empty_book
from agents.guardian.limits import PaceLimits, RiskLimits, StressLimits
from agents.guardian.pace import Pace, unhurried
from agents.guardian.proposals import (
    Exposed,
    Proposals,
    Verdicts,
    no_proposals,
    no_verdicts,
)
from agents.guardian.review import review
from agents.guardian.tail import empty_tail
from agents.guardian.traits import Traits, traits_of
from market.bars import Floats
from market.conversion import Conversion, conversion, quote_rate
from market.instruments import Instrument, Registry
from market.marks import Marks

SYMBOLS = ("EUR_USD", "USD_JPY", "EUR_GBP", "GBP_USD", "AUD_USD")
LEVELS = np.array([1.10, 150.0, 0.85, 1.25, 0.65])
INSTRUMENTS: tuple[Instrument, ...] = tuple(Registry()[symbol] for symbol in SYMBOLS)
PATHS: Conversion = conversion(INSTRUMENTS, "USD")
COLUMNS = len(SYMBOLS)
COLLARS = {"fx": 0.005, "metal": 0.01, "equity": 0.03, "crypto": 0.05}
TRAITS: Traits = traits_of(INSTRUMENTS, collars=COLLARS, restricted=())
NOW = 19_000 * 86_400_000_000_000
"""UTC nanoseconds of a review."""
AGENTS = 2
FREE = 1e9
"""A limit that nothing reaches."""

WINDOW = 20
UNRELATED: Floats = 0.01 * np.cos(
    2.0 * np.pi / WINDOW * np.outer(np.arange(WINDOW), 1.0 + np.arange(COLUMNS))
)
"""Returns (WINDOW, COLUMNS) of no correlation at all: a cosine each, of its own frequency."""

WIDE = RiskLimits(
    max_price_age=0.0,
    jump_sigmas=FREE,
    max_drawdown=0.10,
    flatten_drawdown=0.15,
    max_daily_loss=0.02,
    max_order_value=FREE,
    max_order_units=FREE,
    max_open_positions=8.0,
    max_position=0.9,
    max_position_loss=FREE,
    max_asset_class=float("inf"),
    max_gross_leverage=3.0,
    max_currency_exposure=1.2,
    max_open_risk=0.15,
    correlation_threshold=0.7,
    correlation_window=WINDOW,
    margin_reserve=0.10,
    max_daily_var=FREE,
    max_portfolio_var=FREE,
    var_window=WINDOW,
    var_decay=0.94,
    day_bars=1.0,
    collar_sigmas=6.0,
    stress=StressLimits(FREE, FREE, FREE, FREE, FREE),
    pace=PaceLimits(
        duplicate_ns=10e9, per_second=1000, per_minute=1000, max_fills=20, fills_ns=300e9,
        collar_ns=60e9, reductions_per_second=1000.0, reductions_per_minute=1000.0,
    ),
)  # fmt: skip
"""The limits that hold a desk by default where they are sums; the others out of the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything a review looks at."""

    exposed: Exposed
    marks: Marks
    proposals: Proposals
    limits: RiskLimits = WIDE

    def with_exposed(self, **changed: Any) -> Case:
        return replace(self, exposed=self.exposed._replace(**changed))

    def with_limits(self, **changed: Any) -> Case:
        return replace(self, limits=self.limits._replace(**changed))

    def verdicts(self, pace: Pace | None = None) -> Verdicts:
        """The guardian's verdicts. pace: what was ordered before, nothing by default."""
        found = no_verdicts(COLUMNS)
        review(
            self.proposals, self.exposed, self.marks, PATHS, self.limits,
            empty_book(COLUMNS, PATHS.currencies), empty_tail(COLUMNS, self.limits),
            unhurried(COLUMNS, AGENTS, self.limits.pace) if pace is None else pace, found,
        )  # fmt: skip
        return found

    def order_of_review(self) -> list[int]:
        """Columns proposed: what reduces, what reverses, what opens; then the strongest score."""
        proposed = np.flatnonzero(self.proposals.units)
        return sorted((int(c) for c in proposed), key=self._precedence)

    def _precedence(self, column: int) -> tuple[int, float]:
        bare, order = self.exposed.units[column], self.proposals.units[column]
        total = bare + self.exposed.working[column]
        score = abs(self.proposals.score[column])
        shrinks = [
            one * (one + order) >= 0.0 and abs(one + order) <= abs(one) for one in (bare, total)
        ]
        kind = 0 if all(shrinks) else 1 if total * (total + order) < 0.0 else 2
        return kind, 0.0 if kind == 0 else 1.0 if np.isnan(score) else -score


def marks_at(mid: Floats, spread: Floats | None = None) -> Marks:
    """Fresh marks with the rates that the mids imply."""
    rate = np.array([quote_rate(PATHS, mid, column, mid[column]) for column in range(COLUMNS)])
    return Marks(
        mid=mid.copy(),
        spread=1e-4 * mid if spread is None else spread,
        rate=rate,
        age=np.zeros(COLUMNS),
    )


def case(
    orders: dict[str, float],
    *,
    held: dict[str, float] | None = None,
    scores: dict[str, float] | None = None,
    equity: float = 100_000.0,
    stop: float = 0.03,
    halt: int = 0,
) -> Case:
    """A hand-made case at LEVELS. stop: distance of stops as a fraction of price."""
    proposals = no_proposals(COLUMNS)
    units = np.zeros(COLUMNS)
    for symbol, size in (held or {}).items():
        units[SYMBOLS.index(symbol)] = size
    for symbol, size in orders.items():
        proposals.units[SYMBOLS.index(symbol)] = size
    proposals.score[:] = 0.5
    for symbol, score in (scores or {}).items():
        proposals.score[SYMBOLS.index(symbol)] = score
    proposals.stop_distance[:] = stop * LEVELS
    proposals.take_profit_distance[:] = 2.5 * stop * LEVELS
    proposals.group[:] = 0
    exposed = Exposed(
        units=units,
        working=np.zeros(COLUMNS),
        stop_price=LEVELS * (1.0 - 0.03 * np.sign(units)),
        traits=TRAITS,
        equity=equity,
        halt=halt,
        returns=UNRELATED,
        row=WINDOW - 1,
        sigma=np.full(COLUMNS, 0.01),
        sigma_before=np.full(COLUMNS, 0.01),
        time=float(NOW),
    )
    return Case(exposed=exposed, marks=marks_at(LEVELS), proposals=proposals)


def _limits(rng: np.random.Generator) -> RiskLimits:
    """Limits around those of the desk, wide and narrow."""
    return WIDE._replace(
        max_open_positions=float(rng.choice([1, 3, 5, 8, 8])),
        max_position=rng.uniform(0.05, 2.0),
        max_gross_leverage=rng.uniform(0.1, 6.0),
        max_currency_exposure=rng.uniform(0.05, 4.0),
        max_open_risk=rng.uniform(0.005, 0.5),
        margin_reserve=float(rng.choice([0.0, 0.1, 0.8, 0.95])),
    )


@st.composite
def cases(draw: st.DrawFn, *, most: int = 400_000) -> Case:
    """Positions with and without stops, proposals of every kind, limits that bind or do not."""
    size = st.just(0.0) | st.integers(-most, most).map(float)
    sizes = st.lists(size, min_size=COLUMNS, max_size=COLUMNS).map(np.array)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    units, orders = np.trunc(draw(sizes) / 8.0), draw(sizes)
    mid = LEVELS * rng.uniform(0.5, 2.0, COLUMNS)
    stop_price = mid * (1.0 - np.sign(units) * rng.uniform(-0.02, 0.1, COLUMNS))
    distance = rng.uniform(0.001, 0.2, COLUMNS)
    proposals = no_proposals(COLUMNS)
    proposals.units[:] = orders
    proposals.score[:] = rng.uniform(0.25, 1.0, COLUMNS)
    proposals.stop_distance[:] = distance * mid
    proposals.take_profit_distance[:] = 2.5 * distance * mid
    proposals.group[:] = 0
    exposed = Exposed(
        units=units,
        working=np.zeros(COLUMNS),
        stop_price=np.where(rng.random(COLUMNS) < 0.15, np.nan, stop_price),
        traits=TRAITS,
        equity=10.0 ** rng.uniform(3.0, 6.0),
        halt=0,
        returns=UNRELATED,
        row=WINDOW - 1,
        sigma=distance / 3.0,
        sigma_before=distance / 3.0,
        time=float(NOW),
    )
    return Case(exposed=exposed, marks=marks_at(mid), proposals=proposals, limits=_limits(rng))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a book uses of each limit, summed up plainly."""

    notional: dict[int, float]
    margin: float
    currencies: dict[str, float]

    @property
    def gross(self) -> float:
        return sum(self.notional.values())


def measured(units: Floats, marks: Marks) -> Measured:
    """Notionals, margin and net exposure by currency of a book; an independent sum."""
    notional: dict[int, float] = {}
    currencies: dict[str, float] = {}
    margin = 0.0
    for column, instrument in enumerate(INSTRUMENTS):
        if units[column] == 0.0:
            continue
        value = float(units[column] * marks.mid[column] * marks.rate[column])
        notional[column] = abs(value)
        margin += abs(value) * instrument.margin_rate
        currencies[instrument.base] = currencies.get(instrument.base, 0.0) + value
        currencies[instrument.quote] = currencies.get(instrument.quote, 0.0) - value
    currencies.pop("USD", None)
    return Measured(notional=notional, margin=margin, currencies=currencies)


def stop_losses(checked: Case) -> Floats:
    """(M,) loss of each position at its stop; its whole notional without one."""
    losses = np.zeros(COLUMNS)
    marks, exposed = checked.marks, checked.exposed
    for column in np.flatnonzero(exposed.units):
        units = exposed.units[column]
        per_unit = marks.mid[column]
        if np.isfinite(exposed.stop_price[column]):
            closing = marks.mid[column] - np.sign(units) * marks.spread[column] / 2.0
            per_unit = np.sign(units) * (closing - exposed.stop_price[column])
        losses[column] = max(0.0, abs(units) * per_unit * marks.rate[column])
    return losses


def limit_names(codes: Any) -> list[str]:
    """The limits of verdicts by name."""
    return [Limit(int(code)).name for code in codes]
