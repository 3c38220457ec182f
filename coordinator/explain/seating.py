"""The agents of a recorded decision, built again as the journal describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.ballot import Agent
from coordinator.configuration.settings import Settings
from coordinator.roster import (
    AgentSpec,
    agent_spec,
    code_digest,
    known_agents,
    methods_digest,
    parameters_for,
)
from market.errors import AgentError, DataError, QuorumError
from market.seats import AgentSeated

IN_HAND = " {"
"""What comes before the parameters of an agent that was no name, at the end of its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatAgain:
    """An agent again. changed: how its code differs from the recorded, None where it does not."""

    agent: Agent
    changed: str | None


def seat_again(seat: AgentSeated, settings: Settings, in_hand: Mapping[str, Agent]) -> SeatAgain:
    """Build the agent of a seat. in_hand: agents that exist already, by name.

    Raises AgentError where its class cannot be loaded or its lookback is another, DataError where
    its inputs, such as headlines, are not those that were recorded.
    """
    given = in_hand.get(seat.name)
    try:
        agent = given if given is not None else _spec(seat, settings).build()
    except DataError as error:
        raise DataError(
            f"the input of {seat.name} cannot be read: {error}. Name the folder that holds it "
            "with --inputs."
        ) from None
    except QuorumError as error:
        raise AgentError(
            f"{seat.name} cannot be seated again: {error} Put its module into the working folder "
            "or install it; an agent of a notebook is replayed there, by Run.replay_decision with "
            "agents=[...]."
        ) from None
    if agent.lookback != seat.lookback:
        raise AgentError(
            f"{seat.name} looks back on {agent.lookback} bars, recorded are {seat.lookback}: its "
            "parameters or its code are others"
        )
    _, code, inputs = _parts(seat)
    _check_inputs(seat.name, inputs, str(getattr(agent, "source_digest", "")))
    digests = (code_digest(type(agent)), methods_digest(type(agent)))
    changed = None
    if code and code not in digests:
        changed = f"the code of {seat.name} ({type(agent).__module__}) has changed since: recorded "
        changed += f"{code[:12]}…, running {digests[0][:12]}…"
    return SeatAgain(agent=agent, changed=changed)


def _spec(seat: AgentSeated, settings: Settings) -> AgentSpec:
    """Its class by the journal, its parameters by the configuration or, in hand, by the journal."""
    path, _, _ = _parts(seat)
    _, marker, stated = seat.source.partition(IN_HAND)
    if marker:
        given: dict[str, Any] = json.loads(f"{{{stated}")
        return AgentSpec(path=path, parameters=parameters_for(path, given))
    for name in (*settings.committee.agents, *known_agents()):
        spec = agent_spec(name, settings.agents)
        if spec.path == path:
            return spec
    return agent_spec(path, settings.agents)


def _parts(seat: AgentSeated) -> tuple[str, str, str]:
    """Class path, digest of the code, digest of further inputs; empty where not recorded."""
    words = seat.source.partition(IN_HAND)[0].split()
    path, code, inputs = (*words, "", "", "")[:3]
    return path, code, inputs


def _check_inputs(name: str, recorded: str, found: str) -> None:
    if recorded != found:
        raise DataError(
            f"the inputs of {name} are not those that it had: expected SHA-256 "
            f"{recorded or 'of none'}, found {found or 'none'}. Name the folder that holds them "
            "with --inputs."
        )
