"""A server of a live desk that stands by itself, whoever else is dead."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from market.errors import QuorumError
from market.shell import DEFECT

Serve = Callable[[threading.Event], None]
"""Serves until the event is set, or until what it serves has ended; raises what stopped it."""


class StandingServer:
    """Runs `serve` in a thread from its construction on.

    name, about: for people. die: ends the process after a defect, so that Ray starts it again.
    """

    def __init__(
        self, name: str, serve: Serve, about: str, die: Callable[[int], object] = os._exit
    ) -> None:
        self._name = name
        self._about = about
        self._serve = serve
        self._die = die
        self._leaving = threading.Event()
        self._failure = ""
        self._ended = False
        self._standing = threading.Thread(target=self._stand, name=name, daemon=True)
        self._standing.start()

    def status(self) -> dict[str, Any]:
        """Name, process, and whether and why it has ended."""
        return {
            "name": self._name,
            "pid": os.getpid(),
            "ended": self._ended,
            "failure": self._failure,
        }

    def leave(self) -> None:
        """End serving; returns once it has."""
        self._leaving.set()
        self._standing.join(timeout=10.0)

    def _stand(self) -> None:
        try:
            self._serve(self._leaving)
        except QuorumError as error:
            self._failure = str(error)
            logging.getLogger("quorum").error("%s: %s", self._name, error)
        except Exception as error:
            self._failure = f"a defect: {type(error).__name__}: {error}"
            logging.getLogger("quorum").exception("%s ended by a defect", self._name)
            self._die(DEFECT)
        finally:
            self._ended = True

    def __repr__(self) -> str:
        return f"{self._name} ({self._about})"
