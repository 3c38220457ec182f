"""`ToneScorer`: how good or bad a headline sounds; `FinanceLexicon`: by a list of words."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

from market.errors import AgentError

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
NEGATIONS = frozenset({
    "no", "not", "none", "never", "neither", "nor", "nobody", "nothing", "nowhere", "without",
    "cannot", "hardly", "scarcely", "barely",
})  # fmt: skip
NEGATION_REACH = 3
NEGATION_FACTOR = -0.74
# Endings of inflected forms and what stands in their place in the word list's base form.
ENDINGS = (("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", ""), ("ed", "e"),
           ("ing", ""), ("ing", "e"))  # fmt: skip


class ToneScorer(Protocol):
    """Reads one headline at a time; the same text always gets the same tone."""

    @property
    def digest(self) -> str:
        """Identifies the scorer and all that its tones depend on."""
        ...

    def tone(self, text: str) -> float:
        """From -1 (very bad) over 0 (neutral, or nothing known) to 1 (very good)."""
        ...


class FinanceLexicon:
    """Sums the valences of the words it knows.

    The words are those of SentiBigNomics (Consoli, Barbaglia and Manzan, Knowledge-Based
    Systems 247, 2022) and of Henry (Journal of Business Communication 45, 2008), as the package
    `finvader` ships them; Henry's ±1.5 are taken as ±1 and go first. A negation among the three
    words before turns a valence over and weakens it (factor -0.74), and the sum s becomes a
    tone s/sqrt(1 + s²), both as in VADER (Hutto and Gilbert, ICWSM 2014), whose constant 15 is
    for valences up to 4. A word that is not listed is looked up without its ending.

    On labelled finance sentences such word lists are right about six times in ten: a scorer
    with a better ear is given to the reader of headlines in this one's place.
    """

    def __init__(self, valences: Mapping[str, float] | None = None) -> None:
        self._valences = dict(finvader_valences() if valences is None else valences)
        listed = repr(sorted(self._valences.items()))
        self._digest = hashlib.sha256(f"FinanceLexicon 1 {listed}".encode()).hexdigest()

    @property
    def digest(self) -> str:
        """SHA-256 of the word list and the version of the rules."""
        return self._digest

    def tone(self, text: str) -> float:
        """Tone of a headline; 0 where no word is known."""
        words = WORD.findall(text.lower().replace("\u2019", "'"))
        total = 0.0
        for place, word in enumerate(words):
            before = words[max(place - NEGATION_REACH, 0) : place]
            negated = any(each in NEGATIONS or each.endswith("n't") for each in before)
            total += self._valence(word) * (NEGATION_FACTOR if negated else 1.0)
        return total / math.sqrt(1.0 + total * total)

    def _valence(self, word: str) -> float:
        for form in base_forms(word):
            if form in self._valences:
                return self._valences[form]
        return 0.0

    def __repr__(self) -> str:
        return f"FinanceLexicon({len(self._valences):,} words)"


def base_forms(word: str) -> Iterator[str]:
    """The word, then what it may be an inflection of: rallies, hiked, cutting, easing."""
    yield word
    for ending, replacement in ENDINGS:
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3:
            continue
        yield stem + replacement
        if not replacement and stem[-1] == stem[-2]:
            yield stem[:-1]


@cache
def finvader_valences() -> Mapping[str, float]:
    """Words and valences in [-1, 1] of the two lists in `finvader`.

    Read from their files: importing the package would download another list from the network.
    AgentError when the package is not installed.
    """
    package = importlib.util.find_spec("finvader")
    if package is None or not package.submodule_search_locations:
        raise AgentError(
            "the tone of headlines needs the word lists of the package finvader, which is not "
            "installed; run `pip install finvader`, or give another ToneScorer"
        )
    folder = Path(package.submodule_search_locations[0])
    valences = word_list(folder / "SentiBignomics.py", "lexicon1")
    henry = word_list(folder / "Henry.py", "lexicon2")
    return valences | {word: valence / 1.5 for word, valence in henry.items()}


def word_list(path: Path, function: str) -> dict[str, float]:
    """What `function` of the module in the file `path` returns."""
    spec = importlib.util.spec_from_file_location(f"finvader_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise AgentError(f"no word list found at {path}; reinstall finvader")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(getattr(module, function)())
