"""Asking a live gateway from outside: what `quorum status`, `halt` and their like do."""

from __future__ import annotations

import time
from multiprocessing import AuthenticationError

from infra.deadlines import DeadlineLine, readable
from infra.dialing import call
from infra.journal.codec import decode_value
from infra.journal.reader import read_chain
from infra.journal.snapshots import newest_snapshot
from infra.live.home import DeskHome
from infra.live.resuming import command_to_resume
from market.desk_snapshot import DeskSnapshot
from market.errors import ConfigError, FatalError, StreamLost, TransientError
from market.live_messages import Command, CommandAnswered
from market.modes import Mode

WITHIN_S = 10.0


def ask_desk(home: DeskHome, command: Command, within_s: float = WITHIN_S) -> CommandAnswered:
    """The gateway's answer; needs neither coordinator nor Ray.

    Raises ConfigError where there is no desk, TransientError where its gateway does not answer.
    """
    until = time.monotonic() + within_s
    try:
        connection = call(home.gateway_address, home.line_key(), "person", within_s)
    except AuthenticationError:
        raise ConfigError(
            f"the gateway at {home.gateway_address} has another key than {home.folder}/line.key"
        ) from None
    except (OSError, EOFError) as error:
        nobody = isinstance(error, FileNotFoundError | ConnectionRefusedError)
        if nobody and not home.journal.exists():
            raise TransientError(
                f"no desk answers in {home.folder}, and none has traded there yet. Where none is "
                "starting, `quorum trade` starts one."
            ) from None
        raise TransientError(
            f"the gateway of {home.folder} does not answer ({error or 'it hung up'}). Nothing was "
            f"changed. If its processes are gone, `{command_to_resume(home)}` takes the desk up "
            "again."
        ) from None
    line = DeadlineLine("gateway", connection)
    try:
        line.post(command)
        while readable([line], until):
            for answer in line.take():
                if isinstance(answer, CommandAnswered):
                    return answer
                raise FatalError(f"the gateway answered {type(answer).__name__}")
    except StreamLost as error:
        raise TransientError(
            f"the gateway hung up before it answered ({error}); look with `quorum status` whether "
            f"{command.name} took effect"
        ) from None
    finally:
        line.close()
    raise TransientError(
        f"the gateway did not answer within {within_s:g} s; look with `quorum status` whether "
        f"{command.name} took effect"
    )


def how_it_was_left(home: DeskHome) -> DeskSnapshot | None:
    """The desk as `quorum stop` left it; None for one that works, or died.

    Raises JournalError where the journal is damaged or of another version.
    """
    if not home.journal.exists():
        return None
    kept = newest_snapshot(home.journal)
    if kept is None or next(read_chain(home.journal, kept), None) is not None:
        return None
    desk: DeskSnapshot = decode_value(kept.payload, DeskSnapshot)
    return desk if desk.mode == Mode.STOPPED else None
