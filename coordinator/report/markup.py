"""Small pieces of HTML; everything that comes from a journal is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Align = Literal["left", "right"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table. wide: shown only where there is room for it."""

    title: str
    align: Align = "right"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe as it stands; plain strings are escaped."""

    text: str


def safe(content: str | Html) -> str:
    """Markup as it is, anything else escaped."""
    return content.text if isinstance(content, Html) else escape(content)


def section(title: str, *content: Html, note: str | Html = "", anchor: str = "") -> Html:
    """A titled part of the page; the note says how to read it."""
    name = f' id="{escape(anchor)}"' if anchor else ""
    lead = f'<p class="note">{safe(note)}</p>' if safe(note) else ""
    body = "".join(part.text for part in content)
    return Html(f"<section{name}><h2>{escape(title)}</h2>{lead}{body}</section>")


def block(title: str, *content: Html, note: str | Html = "") -> Html:
    """A part of a section with a smaller title."""
    lead = f'<p class="note">{safe(note)}</p>' if safe(note) else ""
    return Html(
        f'<div class="block"><h3>{escape(title)}</h3>{lead}{"".join(c.text for c in content)}</div>'
    )


def side_by_side(*blocks: Html) -> Html:
    """Blocks next to each other where there is room."""
    return Html(f'<div class="pair">{"".join(b.text for b in blocks)}</div>')


def paragraph(content: str | Html) -> Html:
    """A paragraph."""
    return Html(f"<p>{safe(content)}</p>")


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str | Html]], *, kind: str = ""
) -> Html:
    """A table; numbers are right-aligned by their column."""
    classes = [f"{column.align}{' wide' if column.wide else ''}" for column in columns]
    head = "".join(
        f'<th scope="col" class="{name}">{escape(column.title)}</th>'
        for column, name in zip(columns, classes, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{name}">{safe(cell)}</td>' for cell, name in zip(row, classes, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return Html(
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def share_bar(share: float) -> Html:
    """A bar from the left; share in [0, 1]."""
    return Html(f'<span class="bar"><i style="width:{100.0 * share:.1f}%"></i></span>')


def signed_bar(value: float, largest: float) -> Html:
    """A bar to the right of the middle for a gain, to the left for a loss."""
    half = 50.0 * abs(value) / largest if largest > 0.0 and math.isfinite(value) else 0.0
    side, name = ("left:50%", "gain") if value >= 0.0 else ("right:50%", "loss")
    return Html(
        f'<span class="signed"><i class="{name}" style="{side};width:{half:.1f}%"></i></span>'
    )


def columns_of(heights: Sequence[float], labels: tuple[str, str, str], title: str) -> Html:
    """A histogram: heights relative to the largest; labels at its left, middle and right."""
    largest = max(heights, default=0.0)
    bars = "".join(
        f'<i style="height:{100.0 * height / largest if largest else 0.0:.1f}%"></i>'
        for height in heights
    )
    axis = "".join(f"<span>{escape(label)}</span>" for label in labels)
    return Html(
        f'<figure class="histogram" role="img" aria-label="{escape(title)}">'
        f'<div class="columns">{bars}</div><div class="axis">{axis}</div></figure>'
    )


def chart(name: str, *, height: int, compact: bool = False) -> Html:
    """Where the page's script draws the chart of this name."""
    kind = "chart compact" if compact else "chart"
    return Html(f'<div class="{kind}" data-chart="{escape(name)}" data-height="{height}"></div>')


def number(value: float, digits: int = 0, *, sign: bool = False) -> str:
    """With thousands separated and a true minus sign; a dash where it is unknown."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0.0:
        return text.lstrip("+-")
    return text.replace("-", "−")


def percent(value: float, digits: int = 1, *, sign: bool = False) -> str:
    """A fraction as a percentage."""
    return f"{number(100.0 * value, digits, sign=sign)}%" if math.isfinite(value) else "–"


def tinted(value: float, text: str) -> Html:
    """A number in the colour of a loss where it is negative."""
    return Html(f'<span class="loss">{escape(text)}</span>' if value < 0.0 else escape(text))


def in_words(code: str) -> str:
    """GROSS_LEVERAGE as 'gross leverage'."""
    return code.replace("_", " ").lower()
