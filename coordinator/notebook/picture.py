"""`Picture`: a figure that a notebook shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from coordinator.report.pictures import png_of, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Picture:
    """A matplotlib figure, drawn as the report's pictures are. figure: to change or to save."""

    def __init__(self, title: str, figure: Figure) -> None:
        self.title = title
        self.figure = figure

    def __repr__(self) -> str:
        width, height = self.figure.get_size_inches()
        return f"<Picture {self.title}: {width:g} × {height:g} inches>"

    def _repr_png_(self) -> bytes:
        return png_of(self.figure)


def picture(title: str, draw: Callable[[], Figure]) -> Picture:
    """Draw a figure. Raises InvalidError without matplotlib, saying how to get it."""
    require_matplotlib()
    return Picture(title, draw())
