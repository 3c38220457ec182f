"""Lines: how the coordinator speaks with the members of the desk.

A member is a plain object that answers messages. The coordinator holds one `Line` to each and
cannot tell whether the member lives in its own process or behind a socket: the same session
runs both ways.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final, Protocol

from market.errors import MemberFailed, QuorumError, StreamLost

NO_ANSWER: Final = object()
"""The answer to a message that has none: the one that it prepares for follows at once."""


class Member(Protocol):
    """Answers messages, one at a time, each with an answer or `NO_ANSWER`."""

    def answer(self, message: object) -> object: ...


class Line(Protocol):
    """One member, as the coordinator reaches it."""

    def post(self, message: object) -> None:
        """Send without waiting. Raises StreamLost when the member is gone."""
        ...

    def reply(self) -> object:
        """The answer to the oldest message not yet answered. Raises StreamLost, or the
        member's own QuorumError.
        """
        ...


class Channel(Protocol):
    """The member's end of a line."""

    def receive(self) -> object:
        """The next message. Raises StreamLost when the coordinator is gone."""
        ...

    def send(self, message: object) -> None: ...

    def expect(self) -> None:
        """The next message is about to come; at most a moment is spent on being awake for it."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class LocalLine:
    """A member in the same process."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._replies: list[object] = []

    def post(self, message: object) -> None:
        """Let the member answer at once."""
        said = answer(self._member, message)
        if said is not NO_ANSWER:
            self._replies.append(said)

    def reply(self) -> object:
        """The oldest answer not yet taken."""
        return taken(self._replies.pop(0))


class Failure:
    """An error on its way to the other side of a line."""

    def __init__(self, error: QuorumError) -> None:
        self.error = error


def answer(member: Member, message: object) -> object:
    """The member's answer, or its error wrapped as a `Failure`.

    An error that the member did not raise on purpose becomes a MemberFailed that names its place.
    """
    try:
        return member.answer(message)
    except QuorumError as error:
        return Failure(error)
    except Exception as error:  # the caller decides, on its own side of the line
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Failure(
            MemberFailed(
                f"{type(member).__name__} failed: {type(error).__name__}: {error} "
                f"({Path(place.filename).name}, line {place.lineno})"
            )
        )


def taken(reply: object) -> object:
    """A reply as the caller gets it: a `Failure` is raised."""
    if isinstance(reply, Failure):
        raise reply.error
    return reply


def serve(channel: Channel, member: Member) -> None:
    """Answer everything that comes through a channel, until the other side hangs up.

    However serving ends, the channel is closed: the other side must not wait for an answer that
    will never come.
    """
    try:
        while True:
            said = answer(member, channel.receive())
            if said is NO_ANSWER:
                channel.expect()
            else:
                channel.send(said)
    except StreamLost:
        return
    finally:
        channel.close()
