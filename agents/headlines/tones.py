"""`HeadlineTones`: the fading tone of each currency's headlines at any time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.headlines.reader import Headline, read_headlines
from agents.headlines.tone import FinanceLexicon, ToneScorer
from market.bars import Floats, Times
from market.compiled import kernel
from market.errors import AgentError


class FadingTone(NamedTuple):
    """At each time: the tone in (-1, 1), 0 without headlines, and how many headlines made it."""

    tone: Floats
    used: Floats


@kernel
def fill_fading_tone(
    times: Times, first: Times, stop: Times, published: Times, tones: Floats, horizon: float,
    out: Floats,
) -> None:  # fmt: skip
    """Weighted tone at each time of the headlines `first` up to `stop`, oldest first."""
    for t in range(times.size):
        weight = 1.0
        total = 0.0
        for h in range(first[t], stop[t]):
            freshness = 1.0 - (times[t] - published[h]) / horizon
            weight += freshness * freshness
            total += freshness * freshness * tones[h]
        out[t] = total / weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadlineTones:
    """Scored headlines by currency, oldest first: an append-only, dated source.

    digest: SHA-256 of headlines and scorer; two sources with equal digests vote alike.
    """

    published: dict[str, Times]
    tones: dict[str, Floats]
    digest: str

    @classmethod
    def scored(cls, headlines: Iterable[Headline], scorer: ToneScorer) -> HeadlineTones:
        """Headlines with the tones that a scorer gives them; AgentError for one outside [-1, 1]."""
        digest = hashlib.sha256(scorer.digest.encode())
        published: dict[str, list[int]] = {}
        tones: dict[str, list[float]] = {}
        for headline in sorted(headlines):
            tone = scorer.tone(headline.text)
            if not -1.0 <= tone <= 1.0:
                raise AgentError(
                    f"{type(scorer).__name__}: a tone must lie in [-1, 1], found {tone!r} for "
                    f"{headline.text!r}"
                )
            digest.update(repr((headline.time, headline.currency, headline.text, tone)).encode())
            published.setdefault(headline.currency, []).append(headline.time)
            tones.setdefault(headline.currency, []).append(tone)
        return cls(
            published={name: np.array(times, dtype=np.int64) for name, times in published.items()},
            tones={name: np.array(values, dtype=np.float64) for name, values in tones.items()},
            digest=digest.hexdigest(),
        )

    def at(self, currency: str, times: Times, horizon_ns: int) -> FadingTone:
        """The currency's tone at each of `times`, (T,) UTC nanoseconds, from earlier headlines.

        A headline published at that very time counts, one `horizon_ns` old no longer. Its weight
        is (1 - age / horizon)², and one neutral headline of weight 1 is always among them, so
        that a single one does not shout. Depends on the times only, never on the other rows.
        """
        published = self.published.get(currency)
        if published is None:
            return FadingTone(np.zeros(times.size), np.zeros(times.size))
        first = np.searchsorted(published, times - horizon_ns, side="right")
        stop = np.searchsorted(published, times, side="right")
        tone = np.empty(times.size)
        fill_fading_tone(
            np.array(times), first.astype(np.int64), stop.astype(np.int64), published,
            self.tones[currency], float(horizon_ns), tone,
        )  # fmt: skip
        return FadingTone(tone, (stop - first).astype(np.float64))


def load_tones(path: Path | str, scorer: ToneScorer | None = None) -> HeadlineTones:
    """The headlines of a file, scored by the finance lexicon unless another scorer is given."""
    return HeadlineTones.scored(read_headlines(Path(path)), scorer or FinanceLexicon())
