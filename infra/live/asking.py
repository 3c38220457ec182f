"""Asking a live gateway from outside: what `quorum status`, `halt` and their like do."""

from __future__ import annotations

import time

from infra.deadlines import readable
from infra.live.home import DeskHome
from infra.transport import SocketChannel
from market.errors import FatalError, StreamLost, TransientError
from market.live_messages import Command, CommandAnswered

WITHIN_S = 10.0


def ask_desk(home: DeskHome, command: Command, within_s: float = WITHIN_S) -> CommandAnswered:
    """The gateway's answer; needs neither coordinator nor Ray.

    Raises ConfigError where there is no desk, TransientError where its gateway does not answer.
    """
    try:
        channel = SocketChannel.dial(home.gateway_address, home.line_key(), "person")
    except StreamLost as error:
        raise TransientError(
            f"the gateway of {home.folder} does not answer ({error}). Nothing was changed. If its "
            "processes are gone, `quorum trade --resume` takes the desk up again."
        ) from None
    line = channel.with_deadlines("gateway")
    try:
        line.post(command)
        until = time.monotonic() + within_s
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
