"""The entry point of `quorum`: Ctrl-C ends it without a traceback from its first moment on."""

from __future__ import annotations

INTERRUPTED = 130


def main() -> None:
    """`quorum`, whose commands take a second to import."""
    try:
        from coordinator.cli.app import main as quorum  # noqa: PLC0415

        quorum()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
