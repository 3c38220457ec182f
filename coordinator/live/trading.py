"""A live desk from its start to its end, for whoever started it: a command line or a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from coordinator.configuration.settings import Settings
from coordinator.live.bootstrap import live_plan_of, session_to_resume
from coordinator.live.brokers.venue import BrokerChoice
from coordinator.live.plan import LivePlan, live_session_started
from coordinator.live.trading_time import missing
from infra.journal.reader import count_events, last_written, refuse_damaged
from infra.live.asking import ask_desk, how_it_was_left
from infra.live.home import DeskHome
from infra.live.opening import refuse_another, session_at
from infra.live.resuming import command_to_resume
from market.errors import ConfigError, FatalError, TransientError
from market.live_messages import Command

if TYPE_CHECKING:
    from coordinator.live.conduct import DeskOnRay

STOP_WITHIN_S = 20.0
LOOK_EVERY_S = 0.1
Told = Mapping[str, Any]


def plan_for(settings: Settings, home: DeskHome, choice: BrokerChoice, *, resume: bool) -> LivePlan:
    """The plan of a new desk, whose broker and prices are looked at, or of the one in the folder.

    choice: the broker that the settings name; it checks them. Raises ConfigError where a
    desk is at work there, or is there and is not to be resumed, or the other way round, or where
    the account is not one that it can trade; JournalError that names the first event of a journal
    that does not hold; DataError for prices that cannot be trusted.
    """
    if home.at_work:
        raise home.taken()
    session = session_to_resume(home) if resume else None
    if resume:
        refuse_damaged(home.journal)
    if not resume and home.journal.exists():
        raise ConfigError(
            f"{home.folder} holds a desk already. `{command_to_resume(home)}` takes it up with its "
            "positions; for a new one choose another --home."
        )
    choice.check(settings)
    prepared = choice.prepared(settings, home, resume=resume)
    plan = live_plan_of(
        prepared.settings,
        opened="" if resume else datetime.now(UTC).isoformat(),
        session=session,
        available=prepared.available,
    )
    if resume:
        asked = live_session_started(plan, time=0, feed="")
        refuse_another(session_at(home.journal), asked)
    return choice.looked_at(plan, resume=resume)


@contextmanager
def desk_on_ray(
    plan: LivePlan, home: DeskHome, choice: BrokerChoice, say: Callable[[str], None]
) -> Iterator[DeskOnRay]:
    """The desk's actors, taken down at the end. choice: the broker that the plan was made with.
    say: told where Ray's dashboard is, and what the prices are. Raises ConfigError where another
    desk is at work there.
    """
    # Ray takes a second to import: wrong input should be told before that.
    from coordinator.live.conduct import DeskOnRay  # noqa: PLC0415
    from infra.runtime import ray_cluster  # noqa: PLC0415

    settings = plan.settings.ray
    with (
        home.starting(),
        choice.handed_over(home),
        ray_cluster(settings.namespace, dashboard=settings.dashboard) as url,
    ):
        if settings.dashboard and url is not None:
            say(f"dashboard {url}; its token: ray get-auth-token")
        desk = DeskOnRay(plan, home, choice)
        try:
            say(f"prices: {desk.start()}")
            yield desk
        finally:
            desk.take_down()


def look(home: DeskHome) -> dict[str, Any]:
    """How the desk stands. Raises TransientError that says what became of one that is silent."""
    try:
        return dict(ask_desk(home, Command(name="status")).told)
    except TransientError as error:
        raise TransientError(left_as(home) or str(error)) from None


class Watchable(Protocol):
    """A desk that can say why nobody hears of it: `DeskOnRay`."""

    def problem(self) -> str: ...
    def given_up(self) -> str: ...


def why_silent(desk: Watchable, told: Told) -> str:
    """What keeps a desk from its work while its gateway does not answer, empty where nothing does.

    told: its last status. Raises FatalError that says why where it will not answer any more: of one
    that has not begun, because a member cannot be built.
    """
    problem = desk.problem()
    for_good = desk.given_up() if told else problem
    if for_good:
        raise FatalError(for_good)
    return problem


def why_not_at_work(desk: Watchable, told: Told, *, begun: bool) -> str:
    """What a person should know of a desk that answers: who is missing before it has begun, and
    what keeps a member from its work while the broker is away; empty where all is well.
    """
    if begun and told["broker_connected"]:
        return ""
    return desk.problem() or ("" if begun else missing(told))


def left_as(home: DeskHome) -> str:
    """What became of a desk that does not answer; empty where nobody stopped it."""
    desk = how_it_was_left(home)
    if desk is None:
        return ""
    stopped_at = datetime.fromtimestamp(last_written(home.journal), UTC)
    return (
        f"the desk in {home.folder} was stopped by {desk.mode_by} at "
        f"{stopped_at:%Y-%m-%d %H:%M:%S} UTC. `{command_to_resume(home)}` takes it up again."
    )


def ended(home: DeskHome, told: Told) -> Told | None:
    """The last status of a desk that has stopped, with what its closed journal says; None for one
    that works, or died.
    """
    desk = how_it_was_left(home)
    if desk is None:
        return None
    return {
        **told,
        "mode": desk.mode,
        "mode_by": desk.mode_by,
        "mode_reason": desk.mode_reason,
        "events": count_events(home.journal),
    }


def settle(home: DeskHome, by: str, reason: str, told: Told) -> Told:
    """Ask the gateway to settle and stop, and wait for it; the newest status. told: the last."""
    until = time.monotonic() + STOP_WITHIN_S
    asked = False
    while time.monotonic() < until:
        try:
            name = "status" if asked else "stop"
            answer = ask_desk(home, Command(name=name, by=by, reason=reason))
            asked, told = True, dict(answer.told) or told
        except TransientError:
            closed = ended(home, told)
            if asked or closed is not None:
                return closed or told  # it has settled, closed its books and hung up
        time.sleep(LOOK_EVERY_S)
    return told
