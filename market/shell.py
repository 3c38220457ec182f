"""`MemberShell`: what every member of the desk is as an actor, before Ray is told of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from market.errors import FatalError, QuorumError, StreamLost
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


REDIAL_S = (0.02, 1.0)
DEFECT = 70
"""Exit status of a process that a defect has ended (EX_SOFTWARE)."""


class StandingMember:
    """A member of a live desk: builds itself and calls the coordinator for as long as it lives.

    It needs nobody to tell it so: a process that was killed and started again, or whose
    coordinator was, is back on the line by itself. name, build, about: as of a `MemberShell`.
    die: ends the process after a defect, so that whoever started it starts it again.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], Member],
        about: str,
        dial: Dial,
        die: Callable[[int], object] = os._exit,
    ) -> None:
        self._name = name
        self._build = build
        self._die = die
        self._about = about
        self._dial = dial
        self._leaving = threading.Event()
        self._channel: Channel | None = None
        self._failure = ""
        self._standing = threading.Thread(target=self._stand, name=name, daemon=True)
        self._standing.start()

    def status(self) -> dict[str, Any]:
        """Name, process, whether the coordinator is on the line, and why it cannot serve."""
        return {
            "name": self._name,
            "pid": os.getpid(),
            "serving": self._channel is not None,
            "failure": self._failure,
        }

    def leave(self) -> None:
        """Hang up for good."""
        self._leaving.set()
        channel = self._channel
        if channel is not None:
            channel.close()
        self._standing.join(timeout=5.0)

    def _stand(self) -> None:
        try:
            member = self._build()
            if isinstance(member, SlowStarter):
                member.warm_up()
        except QuorumError as error:
            self._failure = str(error)
            return
        except Exception:
            self._die(DEFECT)
            raise
        try:
            self._serve_for_ever(member)
        except Exception:
            self._die(DEFECT)
            raise

    def _serve_for_ever(self, member: Member) -> None:
        wait_s = REDIAL_S[0]
        while not self._leaving.is_set():
            try:
                self._channel = self._dial(self._name)
            except StreamLost:
                self._leaving.wait(wait_s)
                wait_s = min(2.0 * wait_s, REDIAL_S[1])
                continue
            wait_s = REDIAL_S[0]
            serve(self._channel, member)
            self._channel = None

    def __repr__(self) -> str:
        return f"{self._name} ({self._about})"
