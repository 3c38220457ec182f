"""From names in the configuration to agents that can vote."""

from __future__ import annotations

import copy
import hashlib
import importlib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from agents.ballot import Agent
from agents.seat import Seat
from market.errors import AgentError, ConfigError, QuorumError, nearest

BUILT_IN = {
    "momentum": "agents.trading.momentum:Momentum",
    "mean_reversion": "agents.trading.mean_reversion:MeanReversion",
    "volatility": "agents.trading.volatility:Volatility",
    "sentiment": "agents.trading.sentiment:Sentiment",
}
ENTRY_POINTS = "quorum.agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """How to build an agent anywhere: the path of its class and its parameters.

    code: digest of the class's source where a run cannot be repeated from the path alone.
    """

    path: str
    parameters: tuple[tuple[str, Any], ...] = ()
    code: str = field(default="", repr=False)

    def build(self) -> Agent:
        """The agent. Raises AgentError that says what is wrong with the class or a parameter."""
        kind = _class_at(self.path)
        if not inspect.isclass(kind):
            raise AgentError(
                f"{self.path}: expected a class that builds an agent, found {type(kind).__name__}"
            )
        try:
            agent = kind(**dict(self.parameters))
        except TypeError as error:
            accepted = ", ".join(inspect.signature(kind).parameters) or "none"
            raise AgentError(f"{self.path}: {error}. Parameters it takes: {accepted}.") from None
        except QuorumError:
            raise
        except Exception as error:
            raise AgentError(
                f"{self.path} cannot be built: {type(error).__name__}: {error}"
            ) from None
        return _checked(agent, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInHand(AgentSpec):
    """An agent that exists already, such as one of a class written in a notebook.

    parameters: its public attributes that are plain values.
    """

    agent: Agent = field(repr=False)

    def build(self) -> Agent:
        """A copy of the agent as it is now, so that every run begins alike."""
        try:
            return copy.deepcopy(self.agent)
        except Exception as error:
            raise AgentError(
                f"{self.path}: a run seats a copy of the agent, and copying it failed: {error}. "
                "Open files, locks and connections in `vote`, or define __deepcopy__."
            ) from None


def agent_in_hand(agent: object) -> AgentInHand:
    """The spec of an agent itself. Raises AgentError where it is none."""
    kind = agent if inspect.isclass(agent) else type(agent)
    path = f"{kind.__module__}:{kind.__qualname__}"
    if inspect.isclass(agent):
        raise AgentError(f"{path}: expected an agent, found its class; write {kind.__name__}()")
    checked = _checked(agent, path)
    return AgentInHand(
        path=path,
        parameters=_plain_values(agent),
        code=methods_digest(kind),
        agent=checked,
    )


def known_agents() -> dict[str, str]:
    """Names and class paths: the desk's own, then those that installed packages register."""
    others = {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
    return {**others, **BUILT_IN}


def agent_spec(name: str, parameters: Mapping[str, Mapping[str, Any]]) -> AgentSpec:
    """The spec of a name or a `package.module:Class`.

    parameters: by agent name, the [agents.…] tables. Raises AgentError for an unknown name.
    """
    known = known_agents()
    path = name if ":" in name else known.get(name)
    if path is None:
        raise AgentError(
            f"unknown agent {name!r}{nearest(name, known)} Known are {', '.join(sorted(known))}; "
            "your own is named as package.module:Class."
        )
    given = parameters.get(name) or parameters.get(path.partition(":")[2]) or {}
    parameters_read = {key: _read(value) for key, value in given.items()}
    return AgentSpec(path=path, parameters=tuple(sorted(parameters_read.items())))


def refuse_stray_tables(seated: Sequence[str], tables: Iterable[str]) -> None:
    """Raise ConfigError for an [agents.…] table that no agent would ever read."""
    known = {*known_agents(), *seated, *(name.partition(":")[2] for name in seated if ":" in name)}
    for table in tables:
        if table not in known:
            raise ConfigError(
                f"[agents.{table}]: no such agent{nearest(table, known)} "
                f"Known here: {', '.join(sorted(known))}."
            )


def code_digest(kind: type) -> str:
    """Digest of the file that an agent's class stands in, or of its methods where it has none."""
    try:
        return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return methods_digest(kind)


def parameters_for(path: str, stated: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Those of an agent's recorded attributes that its class takes as parameters."""
    taken = inspect.signature(_class_at(path)).parameters
    return tuple(sorted((name, value) for name, value in stated.items() if name in taken))


def _read(value: Any) -> Any:
    """A parameter that came as text from the environment, as the number or truth it spells."""
    if not isinstance(value, str):
        return value
    try:
        spelt = json.loads(value)
    except ValueError:
        return value
    return spelt if isinstance(spelt, (bool, int, float)) else value


def take_seat(spec: AgentSpec) -> Seat:
    """Build an agent and give it its place at the table."""
    return Seat(spec.build())


def _plain_values(agent: object) -> tuple[tuple[str, Any], ...]:
    """Public attributes that are numbers or words, by name; what properties compute is left out."""
    names = [
        name
        for name in dir(agent)
        if name[0] != "_" and not isinstance(inspect.getattr_static(agent, name), property)
    ]
    values = [(name, getattr(agent, name, None)) for name in names]
    return tuple(pair for pair in values if isinstance(pair[1], bool | int | float | str))


def methods_digest(kind: type) -> str:
    """Digest of the source of a class's methods, those that have one."""
    digest = hashlib.sha256()
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        try:
            digest.update(f"{name}\n{inspect.getsource(method)}".encode())
        except (OSError, TypeError):
            continue  # generated, as a dataclass's __init__ is, or typed at a prompt
    return digest.hexdigest()


def _class_at(path: str) -> Any:
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise AgentError(
            f"agent {path!r}: no module {error.name!r}. Expected package.module:Class with the "
            "package in the working folder or installed."
        ) from None
    except SyntaxError as error:
        raise AgentError(
            f"agent {path!r}: {error.filename}, line {error.lineno}: {error.msg}"
        ) from None
    except Exception as error:
        raise AgentError(
            f"agent {path!r}: importing it failed: {type(error).__name__}: {error}"
        ) from None
    try:
        return getattr(module, class_name)
    except AttributeError:
        classes = [name for name, _ in inspect.getmembers(module, inspect.isclass)]
        raise AgentError(
            f"agent {path!r}: {module_name} has no class {class_name!r}"
            f"{nearest(class_name, classes)}"
        ) from None


def _checked(agent: object, path: str) -> Agent:
    missing = [part for part in ("name", "lookback", "vote") if not hasattr(agent, part)]
    if missing or not isinstance(agent, Agent):
        raise AgentError(
            f"{path}: an agent needs name, lookback and vote(bars); missing {', '.join(missing)}"
        )
    if not isinstance(agent.lookback, int) or agent.lookback < 1:
        raise AgentError(f"{path}: lookback must be a whole number ≥ 1, found {agent.lookback!r}")
    if not isinstance(agent.name, str) or not agent.name:
        raise AgentError(f"{path}: name must be a word, found {agent.name!r}")
    return agent
