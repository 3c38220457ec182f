"""Small tables that read well as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, RenderableType
from rich.table import Table

from coordinator.report.markup import Column, Html, table

TEXT_WIDTH = 100
STYLE = (
    "<style>.quorum table{border-collapse:collapse;margin:.3em 0 .6em}"
    ".quorum td,.quorum th{padding:.15em .9em .15em 0;border:0;vertical-align:top}"
    ".quorum td.left,.quorum th.left{text-align:left}"
    ".quorum td.right,.quorum th.right{text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}"
    ".quorum h4{margin:.9em 0 .1em}.quorum p{margin:.1em 0}"
    ".quorum p.small{opacity:.7;font-size:.9em}</style>"
)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of words. columns: titles and alignment; rows: one cell a column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    def html(self) -> Html:
        """For a notebook; everything is escaped."""
        return table(self.columns, self.rows)

    def text(self) -> Table:
        """For a terminal."""
        titled = any(column.title.strip() for column in self.columns)
        shown = Table(
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
            header_style="italic",
            show_header=titled,
        )
        for column in self.columns:
            shown.add_column(column.title, justify=column.align)
        for row in self.rows:
            shown.add_row(*row)
        return shown


def columns(*titles: str, numbers: Sequence[str] = ()) -> tuple[Column, ...]:
    """Columns by title; those named in `numbers` are right-aligned."""
    return tuple(
        Column(title=title, align="right" if title in numbers else "left") for title in titles
    )


def framed(*parts: Html) -> str:
    """HTML with the style that a notebook's own tables lack."""
    return f'{STYLE}<div class="quorum">{"".join(part.text for part in parts)}</div>'


def plain_text(*parts: RenderableType) -> str:
    """The parts one below the other, without colours, at most TEXT_WIDTH wide."""
    page = StringIO()
    console = Console(
        file=page, width=TEXT_WIDTH, force_jupyter=False, force_terminal=False, color_system=None,
        markup=False, highlight=False,
    )  # fmt: skip
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())
