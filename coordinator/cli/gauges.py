"""Scores as small pictures for a terminal."""

from __future__ import annotations

import math

from rich.text import Text

BUYS, SELLS, DIM = "green", "red", "bright_black"
HALF = 8
SCALE = 24


def score_bar(score: float, *, counted: bool = True) -> Text:
    """A bar from the middle: to the right a buy, to the left a sell; a dot for an abstention."""
    if math.isnan(score):
        return Text("·".center(2 * HALF + 1), style=DIM)
    length = min(HALF, round(abs(score) * HALF))
    style = (BUYS if score > 0.0 else SELLS) if counted else DIM
    left = ("█" * length or "▕") if score < 0.0 else ""
    right = ("█" * length or "▏") if score > 0.0 else ""
    return Text.assemble((left.rjust(HALF), style), ("│", DIM), (right.ljust(HALF), style))


def score_scale(score: float, threshold: float) -> Text:
    """−1 to +1 with the two thresholds, and where the score stands on it."""
    marks = ["─"] * (2 * SCALE + 1)
    styles = [DIM] * len(marks)
    edge = min(SCALE, round(threshold * SCALE))
    for place in range(SCALE - edge + 1):
        styles[place], styles[-1 - place] = SELLS, BUYS
    for place, mark in ((SCALE, "┼"), (SCALE - edge, "┤"), (SCALE + edge, "├")):
        marks[place] = mark
    if not math.isnan(score):
        at = SCALE + round(max(-1.0, min(1.0, score)) * SCALE)
        marks[at], styles[at] = "◆", "bold"
    scale = Text.assemble(*zip(marks, styles, strict=True))
    return Text.assemble(("sell −1 ", SELLS), scale, (" +1 buy", BUYS))
