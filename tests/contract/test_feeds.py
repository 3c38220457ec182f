"""What every feed owes its caller, whatever it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from infra.feeds.ecb import EcbFeed
from infra.feeds.files import FileFeed
from infra.feeds.selection import open_feed
from market.bars import VALUE_FIELDS, check_bars, utc
from market.errors import DataError
from market.ports import Feed

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
HOURS = [f"2014-05-05 {hour:02}:00" for hour in range(24)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A way to open a feed for chosen instruments, and two that it has, not in sorted order."""

    opened: Callable[[tuple[str, ...]], EcbFeed | FileFeed]
    symbols: tuple[str, str]


def bar_rows(scale: float) -> str:
    rows = [f"{time},{scale},{scale * 1.01},{scale * 0.99},{scale}" for time in HOURS]
    return "\n".join(("time,open,high,low,close", *rows))


def quote_rows(scale: float) -> str:
    header = "time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close"
    prices = ",".join(str(scale * part) for part in (1, 1.01, 0.99, 1, 1.001, 1.02, 0.995, 1.001))
    return "\n".join((header, *(f"{time},{prices}" for time in HOURS)))


def tick_rows(scale: float) -> str:
    return "\n".join(("time,bid,ask", *(f"{time}:01.5,{scale},{scale * 1.01}" for time in HOURS)))


def folder_of(folder: Path, rows: Callable[[float], str]) -> Adapter:
    for symbol, scale in (("EUR_USD", 1.1), ("GBP_USD", 1.6), ("AUD_USD", 0.9)):
        (folder / f"{symbol}.csv").write_text(rows(scale))
    return Adapter(
        opened=lambda symbols: FileFeed(folder, symbols, clock="UTC", interval_s=3600),
        symbols=("GBP_USD", "AUD_USD"),
    )


def one_file(folder: Path) -> Adapter:
    rows = [
        f"{time},{symbol},{price}"
        for time in HOURS
        for symbol, price in (("AUD_USD", 0.9), ("GBP_USD", 1.6), ("EUR_USD", 1.1))
    ]
    path = folder / "prices.csv"
    path.write_text("\n".join(("time,symbol,close", *rows)))
    return Adapter(
        opened=lambda symbols: FileFeed(path, symbols, clock="UTC"), symbols=("GBP_USD", "AUD_USD")
    )


def shared(name: str, clock: str, symbols: tuple[str, str]) -> Adapter:
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared/data is not here")
    return Adapter(
        opened=lambda chosen: open_feed(
            SHARED / name, symbols=chosen, clock=clock, interval_s=3600
        ),
        symbols=symbols,
    )


ADAPTERS: dict[str, Callable[[Path], Adapter]] = {
    "ecb": lambda _: Adapter(opened=EcbFeed, symbols=("USD_JPY", "EUR_USD")),
    "bars": lambda folder: folder_of(folder, bar_rows),
    "quotes": lambda folder: folder_of(folder, quote_rows),
    "ticks": lambda folder: folder_of(folder, tick_rows),
    "symbol_column": one_file,
    "real_bars": lambda _: shared("fx_hourly", "+02:00", ("XAU_USD", "USD_JPY")),
    "real_quotes": lambda _: shared("fx_hourly_quotes", "UTC", ("NZD_USD", "EUR_USD")),
    "real_ticks": lambda _: shared("fx_ticks", "UTC", ("NZD_USD", "EUR_USD")),
}


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> Adapter:
    return ADAPTERS[request.param](tmp_path)


def test_a_feed_gives_checked_bars_of_the_chosen_instruments_in_their_order(
    adapter: Adapter,
) -> None:
    feed: Feed = adapter.opened(adapter.symbols)
    bars = feed.load()
    assert bars.symbols == adapter.symbols
    check_bars(bars, "contract")


def test_a_feed_gives_the_same_bars_every_time(adapter: Adapter) -> None:
    feed = adapter.opened(adapter.symbols)
    digest = feed.load().digest()
    assert feed.load().digest() == digest
    assert adapter.opened(adapter.symbols).load().digest() == digest


def test_an_instrument_does_not_depend_on_what_else_is_loaded(adapter: Adapter) -> None:
    both = adapter.opened(adapter.symbols).load()
    alone = adapter.opened(adapter.symbols[:1]).load()
    there = ~np.isnan(both.close[:, 0])
    np.testing.assert_array_equal(both.time[there], alone.time)
    for name in VALUE_FIELDS:
        np.testing.assert_array_equal(getattr(both, name)[there, 0], getattr(alone, name)[:, 0])


def test_no_row_is_without_any_price_and_no_instrument_is_empty(adapter: Adapter) -> None:
    there = ~np.isnan(adapter.opened(adapter.symbols).load().close)
    assert there.any(axis=1).all()
    assert there.any(axis=0).all()


def test_high_and_low_are_copies_exactly_where_the_feed_says_so(adapter: Adapter) -> None:
    bars = adapter.opened(adapter.symbols).load()
    if bars.has_extremes:
        assert bool((bars.high >= bars.low)[~np.isnan(bars.close)].all())
    else:
        np.testing.assert_array_equal(bars.high, bars.low)
        np.testing.assert_array_equal(bars.open, bars.close)


def test_bars_cannot_be_changed_by_who_loads_them(adapter: Adapter) -> None:
    bars = adapter.opened(adapter.symbols).load()
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0, 0] = 1.0


def test_the_description_names_source_span_and_instruments(adapter: Adapter) -> None:
    feed = adapter.opened(adapter.symbols)
    bars, facts = feed.load(), feed.facts
    assert (facts.first, facts.last) == (utc(bars.time[0]), utc(bars.time[-1]))
    assert (facts.rows, facts.interval_s, facts.symbols) == (
        len(bars), bars.interval_s, bars.symbols
    )  # fmt: skip
    for part in (facts.name, facts.version, facts.terms, f"{facts.first:%Y-%m-%d}", *bars.symbols):
        assert part in feed.description


def test_every_available_instrument_can_be_loaded(adapter: Adapter) -> None:
    available = adapter.opened(adapter.symbols).available
    assert set(adapter.symbols) <= set(available)
    last = available[-1:]
    assert adapter.opened(last).load().symbols == last


def test_an_instrument_that_the_feed_does_not_have_is_refused(adapter: Adapter) -> None:
    with pytest.raises(DataError, match=r"no prices for .*EUR_QQQ"):
        adapter.opened(("EUR_QQQ",)).load()


def test_no_instrument_and_the_same_one_twice_are_refused(adapter: Adapter) -> None:
    for symbols in ((), (adapter.symbols[0], adapter.symbols[0])):
        with pytest.raises(DataError):
            adapter.opened(symbols).load()
