"""Lines to members that do what a test says, and lines that break."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from market.errors import StreamLost
from market.lines import Line


@dataclass(slots=True)
class ScriptedLine:
    """Answers each message with what `reply_to` makes of it; an exception is raised."""

    reply_to: Callable[[object], object]
    posted: list[object] = field(default_factory=list)
    waiting: deque[object] = field(default_factory=deque)

    def post(self, message: object) -> None:
        self.posted.append(message)
        self.waiting.append(self.reply_to(message))

    def reply(self) -> object:
        answered = self.waiting.popleft()
        if isinstance(answered, Exception):
            raise answered
        return answered


@dataclass(slots=True)
class BreakingLine:
    """A real line that is cut: the message of number `at` (from 0) is lost, or its answer is."""

    line: Line
    at: int
    on_reply: bool = True
    posts: int = 0
    cut: bool = False

    def post(self, message: object) -> None:
        number, self.posts = self.posts, self.posts + 1
        if self.cut or (number == self.at and not self.on_reply):
            self.cut = True
            raise StreamLost("the wire was cut")
        self.line.post(message)

    def reply(self) -> object:
        answered = self.line.reply()
        if self.cut or self.posts > self.at:
            self.cut = True
            raise StreamLost("the wire was cut")
        return answered


@dataclass(slots=True)
class AlteredLine:
    """A member whose answers pass through somebody's hands."""

    line: Line
    alter: Callable[[object], object]

    def post(self, message: object) -> None:
        self.line.post(message)

    def reply(self) -> object:
        return self.alter(self.line.reply())
