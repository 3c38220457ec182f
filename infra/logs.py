"""Structured logs of a live desk: one JSON object a line, in its home and in Ray's logs."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Protocol, TextIO

LARGEST_BYTES = 5_000_000
FILES_KEPT = 5
SECRETS = ("key", "token", "secret", "password", "signature", "credential")
MASKED = "***"


class Tell(Protocol):
    """Tells people and logs what happened. fields: what it was about: decision, orders, agent.

    level: info unless said otherwise; debug, warning, error, critical.
    """

    def __call__(self, text: str, /, *, level: str = "info", **fields: object) -> None: ...


def tell_nobody(text: str, /, *, level: str = "info", **fields: object) -> None:
    """For who need not hear."""


class DeskLog:
    """The log of one process of a desk: `FOLDER/SOURCE.jsonl`, begun anew at a size.

    source: whose it is, such as gateway. session: the trading session, on every line. beside: where
    the same lines go too; the standard error of an actor is what Ray keeps as its log. What cannot
    be written is not: a full disk must not stop the desk a second time.
    """

    def __init__(
        self,
        folder: Path,
        source: str,
        *,
        session: str,
        beside: TextIO | None = sys.stderr,
        largest_bytes: int = LARGEST_BYTES,
        files_kept: int = FILES_KEPT,
    ) -> None:
        self.path = folder / f"{source}.jsonl"
        self._logger = logging.Logger(f"quorum.{source}")
        handlers: list[logging.Handler] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handlers.append(_QuietFile(self.path, maxBytes=largest_bytes, backupCount=files_kept))
        except OSError as error:
            print(f"no log at {self.path}: {error.strerror}", file=sys.stderr)
        if beside is not None:
            handlers.append(_QuietStream(beside))
        for handler in handlers:
            handler.setFormatter(_JsonLines(source, session))
            self._logger.addHandler(handler)

    def tell(self, text: str, /, *, level: str = "info", **fields: object) -> None:
        """Write one line."""
        self._logger.log(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO),
            "%s",
            text,
            extra={"fields": fields},
        )

    def close(self) -> None:
        """Let go of the file."""
        for handler in tuple(self._logger.handlers):
            self._logger.removeHandler(handler)
            handler.close()


class _Quiet(logging.Handler):
    """Says nothing where it cannot write: the journal, which must be written, has told already."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing."""


class _QuietFile(_Quiet, RotatingFileHandler):
    """A file that is begun anew at a size."""


class _QuietStream(_Quiet, logging.StreamHandler[TextIO]):
    """A stream."""


class _JsonLines(logging.Formatter):
    """time, level, source, session and text of a record, then its fields."""

    def __init__(self, source: str, session: str) -> None:
        super().__init__()
        self._source = source
        self._session = session

    def format(self, record: logging.LogRecord) -> str:
        """One line; values that JSON does not know as text, secrets not at all."""
        at = datetime.fromtimestamp(record.created, tz=UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "source": self._source,
            "session": self._session,
            "text": record.getMessage(),
        }
        fields: dict[str, object] = getattr(record, "fields", {})
        line |= {name: _shown(name, value) for name, value in fields.items() if name not in line}
        return json.dumps(line, default=str, ensure_ascii=False)


def _shown(name: str, value: object) -> object:
    if isinstance(value, bytes) or any(word in name.lower() for word in SECRETS):
        return MASKED
    if isinstance(value, Mapping):
        return {str(key): _shown(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(name, item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no word for it
    return value
