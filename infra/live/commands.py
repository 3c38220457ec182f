"""What a person may ask of a gateway while it trades; works without coordinator and guardian."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.live.gateway import LiveGateway
from infra.live.status import status_of
from infra.live.stopping import ASKED, halted_to_stop, of_a_halt, settled_reason
from market.errors import nearest
from market.live_events import AgentJoined, AgentLeft, AgentReweighted
from market.live_messages import Command, CommandAnswered
from market.modes import Mode
from market.seats import MOST_WEIGHT

LATCHED = ("DRAWDOWN", "DRAWDOWN_FLATTEN", "EXECUTION_THROTTLE", "DAILY_LOSS")
"""Halts of which the guardian is asked to forget what a person may forgive: a drawdown and disabled
agents, also behind a day's loss, which itself ends with its day."""


class Commands:
    """Answers commands. health: what the coordinator last said of the members.

    committee_changed, rearm_asked: told when the coordinator must hear of it. stopping: whether a
    person wants the desk to stop.
    """

    def __init__(
        self,
        gateway: LiveGateway,
        *,
        health: Callable[[], Mapping[str, Any]],
        committee_changed: Callable[[], None],
        rearm_asked: Callable[[str], None],
    ) -> None:
        self._gateway = gateway
        self._health = health
        self._committee_changed = committee_changed
        self._rearm_asked = rearm_asked
        self.stopping = False

    @property
    def stopped_as(self) -> str:
        """What the journal says once the desk has stopped: whatever was ordered or found while it
        settled outlives it, and the halt that a stop itself began does not, also one that the death
        of a gateway cut short.
        """
        state = self._gateway.books.state
        traded = halted_to_stop(state.mode, state.mode_reason)
        return settled_reason(Mode.TRADING if traded else state.mode, state.mode_reason)

    def answer(self, command: Command) -> CommandAnswered:
        """Do what is asked, or say why not. Raises JournalUnwritable."""
        name = command.name
        if name == "status":
            return self._told()
        if not command.by or not command.reason:
            return CommandAnswered(
                refused=f"{name} changes what the desk does: say who (--by) and why (--reason)"
            )
        act = {
            "halt": self._halt,
            "resume": self._resume,
            "flatten": self._flatten,
            "stop": self._stop,
            "seat": self._seat,
            "unseat": self._unseat,
            "weigh": self._weigh,
            "promote": self._promote,
            "demote": self._demote,
            "emergency_stop": self._emergency_stop,
            "override": self._override,
            "end_override": self._end_override,
        }.get(name)
        if act is None:
            return CommandAnswered(refused=f"a gateway does not know the command {name!r}")
        refused = act(command)
        return CommandAnswered(refused=refused) if refused else self._told()

    def _note(self, command: Command) -> None:
        """Who asked, and why, though the mode stays as it is."""
        mode = self._gateway.books.state.mode
        said = f"{command.by} asked to {command.name} a desk that is {mode}: {command.reason}"
        self._gateway.alert("info", said)

    def _told(self) -> CommandAnswered:
        return CommandAnswered(told=status_of(self._gateway, self._health()))

    def _halt(self, command: Command) -> str:
        state = self._gateway.books.state
        trades = state.mode in (Mode.TRADING, Mode.STOPPED)
        if trades or halted_to_stop(state.mode, state.mode_reason):
            self._gateway.change_mode(Mode.HALTED, command.by, of_a_halt(command.reason))
            if self._gateway.opened:
                self._gateway.dispatch.cancel_working()
        else:
            self._note(command)
        return ""

    def _resume(self, command: Command) -> str:
        mode = self._gateway.books.state.mode
        if mode is Mode.FLATTENING:
            return "positions are still being closed; wait until the desk is flat, then resume"
        if self.stopping:
            return "the desk is stopping; take it up again once it has: `quorum trade --resume`"
        if not self._gateway.opened:
            return "the broker has not been reached yet; resume once it has"
        differs = self._gateway.compare()
        if differs:
            return f"{differs}. No new risk until that is settled; then resume again"
        if mode is not Mode.TRADING:
            self._gateway.change_mode(Mode.TRADING, command.by, command.reason)
        else:
            self._note(command)
        if self._gateway.books.state.halt in LATCHED:
            self._rearm_asked(command.by)
        self._gateway.breakers.reset(command.by, command.reason, self._gateway.now)
        return ""

    def _flatten(self, command: Command) -> str:
        if self._gateway.books.state.mode is not Mode.FLATTENING:
            self._gateway.change_mode(Mode.FLATTENING, command.by, command.reason)
        else:
            self._note(command)
        return ""  # the loop closes: whoever asks is answered before a broker that may hang

    def _stop(self, command: Command) -> str:
        state = self._gateway.books.state
        self.stopping = True
        if state.mode is Mode.TRADING:
            self._gateway.change_mode(Mode.HALTED, command.by, f"{ASKED}{command.reason}")
        else:
            self._note(command)
        if state.mode is not Mode.FLATTENING and self._gateway.opened:
            self._gateway.dispatch.cancel_working()
        return ""

    def _seat(self, command: Command) -> str:
        started = self._gateway.books.state.started
        if command.agent not in {agent.name for agent in started.agents}:
            return self._stranger(command.agent)
        if command.agent in self._gateway.books.state.seated:
            return f"{command.agent} sits on the committee already"
        if not 0.0 <= command.weight <= MOST_WEIGHT:
            return _no_weight(command.weight)
        self._gateway.books.record(
            AgentJoined(
                time=self._gateway.now,
                agent=command.agent,
                by=command.by,
                reason=command.reason,
                sequence=self._gateway.staging.given + 1,
            ),
            self._reweighted(command),
        )
        return self._changed()

    def _unseat(self, command: Command) -> str:
        state = self._gateway.books.state
        if command.agent not in state.seated:
            return self._not_seated(command.agent)
        if not self._weight_left(command.agent, 0.0):
            return f"without {command.agent} nobody would weigh anything; give another a weight"
        self._gateway.books.record(
            AgentLeft(
                time=self._gateway.now,
                agent=command.agent,
                by=command.by,
                reason=command.reason,
                sequence=self._gateway.staging.given + 1,
            )
        )
        return self._changed()

    def _weigh(self, command: Command) -> str:
        state = self._gateway.books.state
        if command.agent not in state.seated:
            return self._not_seated(command.agent)
        if not 0.0 <= command.weight <= MOST_WEIGHT:
            return _no_weight(command.weight)
        if not self._weight_left(command.agent, command.weight):
            return "nobody would weigh anything; give another agent a weight first"
        self._gateway.books.record(self._reweighted(command))
        return self._changed()

    def _promote(self, command: Command) -> str:
        if not self._gateway.opened:  # nothing may be booked before the account is taken up
            return "the broker has not been reached yet; promote once it has"
        differs = self._gateway.compare()
        if differs:
            return f"{differs}. No stage is left upwards until that is settled"
        return self._gateway.staging.promote(command.by, command.reason, self._gateway.now)

    def _demote(self, command: Command) -> str:
        gateway = self._gateway
        return gateway.staging.demote(command.stage, command.by, command.reason, gateway.now)

    def _emergency_stop(self, command: Command) -> str:
        self._gateway.staging.stop(command.by, command.reason, self._gateway.now)
        self._gateway.dispatch.cancel_openings()
        return ""

    def _override(self, command: Command) -> str:
        gateway = self._gateway
        if not gateway.opened:  # the market's time is not known
            return "the broker has not been reached yet; override once it has"
        return gateway.overriding.begin(
            command.limit, command.value, command.for_s, command.by, command.reason, gateway.now
        )

    def _end_override(self, command: Command) -> str:
        gateway = self._gateway
        return gateway.overriding.end(command.limit, command.by, command.reason, gateway.now)

    def _reweighted(self, command: Command) -> AgentReweighted:
        return AgentReweighted(
            time=self._gateway.now,
            agent=command.agent,
            weight=command.weight,
            by=command.by,
            reason=command.reason,
            sequence=self._gateway.staging.given + 1,
        )

    def _weight_left(self, agent: str, weight: float) -> bool:
        state = self._gateway.books.state
        others = sum(state.weights[name] for name in state.seated if name != agent)
        return others + weight > 0.0

    def _changed(self) -> str:
        self._gateway.books.durable()
        self._committee_changed()
        return ""

    def _not_seated(self, agent: str) -> str:
        state = self._gateway.books.state
        if agent not in state.weights:
            return self._stranger(agent)
        return (
            f"{agent} does not sit on the committee: {', '.join(state.seated)} do. "
            f"`quorum agents add {agent}` seats it"
        )

    def _stranger(self, agent: str) -> str:
        allowed = [agent.name for agent in self._gateway.books.state.started.agents]
        return (
            f"{agent!r} is not on the allow-list of this desk{nearest(agent, allowed)} "
            f"On it are {', '.join(allowed)}; committee.allowed of the configuration names who "
            "may join"
        )


def _no_weight(weight: float) -> str:
    return f"expected a weight of 0 (a shadow) to {MOST_WEIGHT:,.0f}, found {weight:g}"
