"""`MemberShell`: what every member of the desk is as an actor, before Ray is told of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from market.errors import FatalError
from market.lines import Channel, Member, serve

LINE = "line"
"""Concurrency group of the thread that serves an actor's line, or runs the session; ordinary
calls (status, progress, stop) are answered beside it."""
Dial = Callable[[str], Channel]
"""Calls the coordinator under a name and gives the member's end of the line."""


@runtime_checkable
class SlowStarter(Protocol):
    """A member whose first answer would take long."""

    def warm_up(self) -> None:
        """Do once what makes the first answer slow; leaves no trace in any later answer."""
        ...


class MemberShell:
    """A thin shell: builds the member where it runs, calls the coordinator, answers.

    name: the actor's name. build: makes the member in the actor's own process. about: a few
    words for people who look at the dashboard.
    """

    def __init__(self, name: str, build: Callable[[], Member], about: str) -> None:
        self._name = name
        self._about = about
        self._build = build
        self._member: Member | None = None
        self._serving = False

    def open(self) -> None:
        """Build the member. Apart from the constructor, so that its errors arrive as they are."""
        self._member = self._build()
        if isinstance(self._member, SlowStarter):
            self._member.warm_up()

    def serve(self, dial: Dial) -> None:
        """Answer the coordinator until it hangs up. Takes a thread of its own."""
        if self._member is None:
            raise FatalError(f"{self._name} was asked to serve before it was opened")
        channel = dial(self._name)
        self._serving = True
        try:
            serve(channel, self._member)
        finally:
            self._serving = False

    def status(self) -> dict[str, Any]:
        """Name, process and whether the coordinator is on the line."""
        return {"name": self._name, "pid": os.getpid(), "serving": self._serving}

    def __repr__(self) -> str:
        return f"{self._name} ({self._about})"
