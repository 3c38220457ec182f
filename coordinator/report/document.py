"""One self-contained page: markup, style, data and scripts in a single file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from coordinator.report.markup import Html, safe

STYLE = "page.css"


def document(title: str, body: Sequence[Html], data: dict[str, Any], scripts: Sequence[str]) -> str:
    """The whole page; it loads nothing from anywhere."""
    content = "".join(part.text for part in body)
    code = "\n".join(asset(script) for script in scripts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{safe(title)}</title><style>{asset(STYLE)}</style></head>"
        f"<body><main>{content}</main>"
        f'<script type="application/json" id="data">{embedded(data)}</script>'
        f"<script>{code}</script></body></html>\n"
    )


def embedded(data: dict[str, Any]) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def asset(name: str) -> str:
    """A file of this package's assets."""
    return (files("coordinator.report") / "assets" / name).read_text(encoding="utf-8")
