"""`WaitingRoom`: answers people while a new desk has no books, for its broker was never reached."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from infra.deadlines import DeadlineLine, Readable, readable
from infra.logs import Tell
from infra.transport import Switchboard
from market.errors import OutcomeUnknown, StreamLost, TransientError
from market.events import SessionStarted
from market.live_messages import Command, CommandAnswered
from market.modes import Mode

RETRY_S = 0.2
COORDINATOR = "coordinator"
Answer = TypeVar("Answer")


class AskedBefore:
    """A halt that was asked for before there were books; on disk, so that it outlives a crash."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, by: str, reason: str) -> None:
        """Remember it; durable when this returns."""
        beside = self._path.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump({"by": by, "reason": reason}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)

    def read(self) -> tuple[str, str] | None:
        """Who asked and why; None where nobody did. One that cannot be read halts all the same."""
        try:
            found = json.loads(self._path.read_text("utf-8"))
            return str(found["by"]), str(found["reason"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError) as error:
            return "gateway", f"{self._path.name} cannot be read ({error})"

    def forget(self) -> None:
        """It stands in the journal, or a person took it back."""
        self._path.unlink(missing_ok=True)


class WaitingRoom:
    """listen: begins to listen, once the broker was not reached: before that a journal that exists
    has been locked, and no desk at work loses its address. people: lines of those who called;
    whoever serves the switchboard next goes on with them. stopped: a person wants the desk to stop;
    nothing has begun that had to be settled.
    """

    def __init__(
        self,
        listen: Callable[[], Switchboard],
        started: SessionStarted,
        asked: AskedBefore,
        tell: Tell,
    ) -> None:
        self._listen = listen
        self._switchboard: Switchboard | None = None
        self._started = started
        self._asked = asked
        self._tell = tell
        self._why = ""
        self.people: list[DeadlineLine] = []
        self.stopped = False

    def until_reached(self, ask: Callable[[], Answer], leaving: threading.Event) -> Answer:
        """What a broker answers, asked until it is reached; its last error once that is to end."""
        while True:
            try:
                return ask()
            except (TransientError, OutcomeUnknown) as error:
                self._why = f"waiting for the broker: {error}"
                self._tell(self._why, level="warning")
                self._serve(self.switchboard(), leaving)
                if self.stopped or leaving.is_set():
                    raise

    def switchboard(self) -> Switchboard:
        """Where people call in, now or since before."""
        if self._switchboard is None:
            self._switchboard = self._listen()
        return self._switchboard

    def close(self) -> None:
        """Let go of everyone; nothing is served after this."""
        for line in self.people:
            line.close()
        self.people.clear()
        if self._switchboard is not None:
            self._switchboard.close()

    def _serve(self, switchboard: Switchboard, leaving: threading.Event) -> None:
        until = time.monotonic() + RETRY_S
        while time.monotonic() < until and not (self.stopped or leaving.is_set()):
            waited: list[Readable] = [switchboard, *self.people]
            ready = readable(waited, until)
            for line in switchboard.arrivals():
                if line.name == COORDINATOR:
                    line.close()  # it calls again
                else:
                    self.people.append(line.with_deadlines())
            for caller in [line for line in self.people if line in ready]:
                try:
                    for message in caller.take():
                        caller.post(self._answer(message))
                except StreamLost:
                    caller.close()
                    self.people.remove(caller)

    def _answer(self, message: object) -> CommandAnswered:
        if not isinstance(message, Command):
            return CommandAnswered(refused="expected a Command")
        name = message.name
        if name == "status":
            return CommandAnswered(told=self._told())
        if not message.by or not message.reason:
            return CommandAnswered(
                refused=f"{name} changes what the desk does: say who (--by) and why (--reason)"
            )
        if name in ("halt", "flatten"):
            if self._asked.read() is None:
                self._asked.keep(message.by, message.reason)
        elif name == "resume":
            self._asked.forget()
        elif name == "stop":
            self.stopped = True
        else:
            return CommandAnswered(refused=f"{self._why}; ask for {name} again then")
        return CommandAnswered(told=self._told())

    def _told(self) -> dict[str, Any]:
        """A status with nothing in it: the account is not known yet."""
        started, asked = self._started, self._asked.read()
        by, reason = asked or ("", "")
        unknown = float("nan")
        return {
            "session": started.session,
            "mode": (Mode.TRADING if asked is None else Mode.HALTED).value,
            "mode_by": by,
            "mode_reason": reason,
            "halt": "NONE",
            "breakers": [],
            "trips": [],
            "market_time": "no market time yet",
            "epoch": 0,
            "bars": 0,
            "decisions_to": -1,
            "events": 0,
            "interval_s": started.interval_s,
            "next_bar": "",
            "account_currency": started.account_currency,
            "initial_balance": unknown,
            "equity": unknown,
            "cash": unknown,
            "profit": unknown,
            "realised": unknown,
            "last_transaction": 0,
            "positions": [],
            "open_orders": [],
            "weights": {},
            "seated": [],
            "broker_heard_s": unknown,
            "broker_connected": False,
            "data_age_s": unknown,
            "stopping": self.stopped,
            "coordinator": "away",
            "coordinator_attached": False,
            "failure": "",
            "waiting": self._why,
        }
