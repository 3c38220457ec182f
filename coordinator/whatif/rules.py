"""The rules that a run was tallied by, and changes to them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from coordinator.results.record import RunRecord
from market.bars import Floats
from market.errors import ConfigError, JournalError, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A committee and when its votes decide.

    names, weights (A,): who sits. seats: the rows of the recorded scores that are theirs.
    threshold, quorum: as in `coordinator.tally.tally`.
    """

    names: tuple[str, ...]
    weights: Floats
    seats: tuple[int, ...]
    threshold: float
    quorum: float

    def weight_of(self, name: str) -> float | None:
        """The agent's weight; None where it does not sit."""
        return float(self.weights[self.names.index(name)]) if name in self.names else None


def recorded_rules(record: RunRecord) -> Rules:
    """What the journal says. Raises JournalError where it does not."""
    try:
        stated = [record.session.configuration, *(rules.configuration for rules in record.rules)]
        told = {
            (float(of["decision_threshold"]), float(of["quorum"]))
            for of in (json.loads(configuration)["committee"] for configuration in stated)
        }
    except (KeyError, TypeError, ValueError):
        raise JournalError(
            f"run {record.session.session}: its journal does not say decision_threshold and "
            "quorum of its committee; it cannot be tallied again"
        ) from None
    if len(told) > 1:
        raise JournalError(
            f"run {record.session.session}: it was taken up by another decision_threshold or "
            "quorum; its decisions cannot be tallied again as those of one committee"
        )
    ((threshold, quorum),) = told
    return Rules(
        names=record.agents,
        weights=record.weights,
        seats=tuple(range(len(record.agents))),
        threshold=threshold,
        quorum=quorum,
    )


def changed_rules(
    rules: Rules,
    *,
    without: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    threshold: float | None = None,
    quorum: float | None = None,
) -> Rules:
    """The rules with some agents left out, others weighed anew, another threshold or quorum.

    An agent that is left out is no abstention: its weight is not asked for by the quorum. Raises
    ConfigError for an agent that does not sit, a committee without weight, and a number outside
    of what the configuration takes.
    """
    anew = dict(weights or {})
    for name in (*without, *anew):
        if name not in rules.names:
            raise ConfigError(
                f"no agent {name!r} sat on this run's committee{nearest(name, rules.names)} "
                f"Its agents are {', '.join(rules.names)}."
            )
    both = sorted(set(without) & set(anew))
    if both:
        raise ConfigError(f"{', '.join(both)} cannot be left out and weighed at the same time")
    for name, weight in anew.items():
        if not 0.0 <= weight < math.inf:
            raise ConfigError(f"the weight of {name}: expected 0 or more, found {weight:g}")
    if threshold is not None and not 0.0 < threshold <= 1.0:
        raise ConfigError(f"the threshold: expected above 0 and at most 1, found {threshold:g}")
    if quorum is not None and not 0.0 <= quorum <= 1.0:
        raise ConfigError(f"the quorum: expected 0 to 1, found {quorum:g}")
    kept = [at for at, name in enumerate(rules.names) if name not in without]
    if not kept:
        raise ConfigError("every agent is left out; at least one must stay")
    names = tuple(rules.names[at] for at in kept)
    weighed = np.array([anew.get(rules.names[at], rules.weights[at]) for at in kept])
    if not weighed.sum() > 0.0:
        raise ConfigError("the weights sum to 0: at least one agent needs a weight above zero")
    return replace(
        rules,
        names=names,
        weights=weighed,
        seats=tuple(rules.seats[at] for at in kept),
        threshold=rules.threshold if threshold is None else threshold,
        quorum=rules.quorum if quorum is None else quorum,
    )


def weights_told(text: str | None) -> dict[str, float]:
    """`momentum=0.5,volatility=0.1` as numbers by name. Raises ConfigError for what is not that."""
    told: dict[str, float] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        name, equals, value = (piece.strip() for piece in part.partition("="))
        try:
            told[name] = float(value)
        except ValueError:
            told[name] = math.nan
        if not equals or not name or math.isnan(told[name]):
            raise ConfigError(
                f"--weights: expected AGENT=NUMBER, comma-separated, found {part.strip()!r}"
            )
    return told
