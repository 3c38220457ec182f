"""`FileFeed`: prices from CSV and Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from infra.feeds.clocks import clock_named
from infra.feeds.columns import Keep
from infra.feeds.extracts import Extract, extracts_of
from infra.feeds.facts import SourceFacts, facts_of
from infra.feeds.layouts import TEXT_NAMES, layout_of
from infra.feeds.needs import needed_by
from infra.feeds.panels import panel_of
from infra.feeds.room import Room
from infra.feeds.series import BarStamp, Reading, Series, Ticks, series_of, ticks_of
from infra.feeds.symbols import symbol_of_name, symbols_of
from infra.feeds.table_files import open_table
from infra.feeds.tables import SUFFIXES, is_table
from market.bars import Bars, check_bars
from market.errors import DataError, nearest


class FileFeed:
    """Bars, quoted bars, ticks or fixings from one file or from the files of a folder.

    path: a `.csv`, `.csv.gz` or `.parquet` file, or a folder of them (not its subfolders).
    symbols: the instruments to load, in that order; by default all, sorted.
    clock: by which the files' times were written: `UTC`, a fixed offset (`+02:00`) or an IANA
        zone (`Europe/Athens`). Needed unless the files state the zone themselves.
    stamps: whether a bar's time in the file is its start or its end; in `Bars` it is the end.
    interval_s: the length in seconds of the bars to make from ticks. Bars tell their own length
        and are never resampled.
    room: where the prices are kept; the same bars come out of either. Parquet is read some rows
        at a time, a CSV whole, one file after the other.

    `infra.feeds.layouts` lists the columns that are understood. The instrument of a file is
    that of its symbol column or of its name (`EUR_USD.csv`, `EURUSD_2014.parquet`); several
    files of one instrument follow each other in time. Instruments are aligned on the union of
    their times, NaN where one has no bar. A row without a price is left out and counted.
    `load` raises DataError for anything that cannot be trusted, naming file and row.
    """

    def __init__(
        self,
        path: str | Path,
        symbols: Sequence[str] | None = None,
        *,
        clock: str | None = None,
        stamps: BarStamp = "start",
        interval_s: int | None = None,
        room: Room | None = None,
    ) -> None:
        self._path = Path(path)
        self._room = room or Room()
        self._symbols = tuple(symbols) if symbols is not None else None
        self._reading = Reading(
            clock=clock_named(clock) if clock is not None else None,
            stamps=stamps,
            interval_s=interval_s,
        )

    def load(self) -> Bars:
        """The checked panel; read once, then the same (immutable) object."""
        return self._loaded[0]

    def ticks(self) -> tuple[Ticks, ...]:
        """The ticks of every instrument as they stand in the files, read anew at each call.

        Raises DataError where the files hold anything else.
        """
        keep = self._keeper()
        extracts = self._extracts(keep)
        return tuple(
            ticks_of(extracts[symbol], self._reading, keep) for symbol in self._chosen(extracts)
        )

    @property
    def facts(self) -> SourceFacts:
        """Source, conventions, and what was left out."""
        return self._loaded[1]

    @property
    def description(self) -> str:
        """The facts in sentences."""
        return str(self.facts)

    @cached_property
    def available(self) -> tuple[str, ...]:
        """Every instrument that the files hold, sorted."""
        found: set[str] = set()
        for path in self._files():
            named = self._named(path)
            if named is None:
                file = open_table(path, TEXT_NAMES, batch_rows=self._room.batch_rows)
                found.update(symbols_of(file, layout_of(file), None, self._assumed).symbols)
            else:
                found.add(named)
        return tuple(sorted(found))

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        try:
            inside = sorted(self._path.iterdir())
        except OSError as error:
            raise DataError(
                f"{self._path}: expected a folder that can be read; {error.strerror}"
            ) from None
        files = [path for path in inside if path.is_file() and is_table(path)]
        if not files:
            raise DataError(
                f"{self._path}: no price files in this folder; expected files ending in one of "
                f"{', '.join(SUFFIXES)}"
            )
        return files

    def _named(self, path: Path) -> str | None:
        return symbol_of_name(path.name, self._symbols or ())

    @property
    def _assumed(self) -> str | None:
        """What a single file that does not say is about: the one instrument asked for."""
        lone = self._path.is_file() and self._symbols is not None and len(self._symbols) == 1
        return self._symbols[0] if lone and self._symbols else None

    def _chosen_files(self) -> Iterator[tuple[Path, str | None]]:
        """The files that can hold a chosen instrument, and the one that their name tells."""
        for path in self._files():
            named = self._named(path)
            if self._symbols is None or named is None or named in self._symbols:
                yield path, named

    def _keeper(self) -> Keep:
        return self._room.keeper(
            needed_by(path, whole=named is not None or self._symbols is None)
            for path, named in self._chosen_files()
        )

    def _extracts(self, keep: Keep) -> dict[str, list[Extract]]:
        """What the files that can hold a chosen instrument hold."""
        extracts: dict[str, list[Extract]] = {}
        for path, named in self._chosen_files():
            for extract in extracts_of(
                open_table(path, TEXT_NAMES, batch_rows=self._room.batch_rows),
                named=named,
                assumed=self._assumed,
                wanted=self._symbols,
                keep=keep,
            ):
                extracts.setdefault(extract.symbol, []).append(extract)
        return extracts

    @cached_property
    def _loaded(self) -> tuple[Bars, SourceFacts]:
        keep = self._keeper()
        extracts = self._extracts(keep)
        wanted = self._chosen(extracts)
        series = [series_of(extracts[symbol], self._reading, keep) for symbol in wanted]
        bars = panel_of(series, self._room)
        check_bars(bars, str(self._path))
        used = [extract for symbol in wanted for extract in extracts[symbol]]
        facts = facts_of(
            bars,
            name=self._path.resolve().name,
            version=f"{len({extract.path for extract in used})} file(s)",
            terms="those of the files' owner",
            notes=tuple(self._notes(used, series, bars)),
        )
        return bars, facts

    def _chosen(self, extracts: dict[str, list[Extract]]) -> tuple[str, ...]:
        if self._symbols is None:
            return tuple(sorted(extracts))
        if not self._symbols or len(set(self._symbols)) < len(self._symbols):
            raise DataError(
                f"{self._path}: expected at least one instrument, each named once; "
                f"found {' '.join(self._symbols) or 'none'}"
            )
        missing = [symbol for symbol in self._symbols if symbol not in extracts]
        if missing:
            known = self.available
            hint = nearest(missing[0], known)
            raise DataError(
                f"{self._path}: no prices for {', '.join(missing)}{hint} "
                f"The data holds {', '.join(known)}"
            )
        return self._symbols

    def _notes(
        self, used: Sequence[Extract], series: Sequence[Series], bars: Bars
    ) -> Iterable[str]:
        reading = self._reading
        kinds = " and ".join(sorted({extract.kind for extract in used}))
        zoned = all(extract.zoned for extract in used)
        clock = "stated by the files" if zoned or reading.clock is None else reading.clock.name
        yield f"Read as {kinds}; clock {clock}; bars stamped at their {reading.stamps}."
        missing = bars.close.size - sum(len(one.time) for one in series)
        yield f"{missing:,} of {bars.close.size:,} prices missing (NaN) after alignment."
        irregular = sum(one.irregular for one in series)
        yield f"{irregular:,} steps longer or shorter than a bar (weekends, gaps)."
        yield f"{sum(extract.left_out for extract in used):,} rows without a price left out."
        ignored = sorted({name for extract in used for name in extract.ignored})
        if ignored:
            yield f"Columns ignored: {', '.join(ignored)}."
