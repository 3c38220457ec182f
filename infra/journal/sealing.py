"""Seals on reading: each checked with the key, and none that is missing where it should stand."""

from __future__ import annotations

from pathlib import Path

from infra.journal.chain import Sealer
from infra.journal.reader import salvage_advice
from market.errors import ConfigError, JournalError


class Seals:
    """Follows the seals of a journal. newest: the last one; None before the first.

    Sealing may begin in the middle, when a desk was given a key; it never ends again, and the
    first seal covers the whole chain before it.
    """

    def __init__(
        self, path: Path, key: bytes | None, newest: bytes | None = None, *, strict: bool = True
    ) -> None:
        """newest: where reading begins after an event. strict: raises ConfigError where there are
        seals and no key; else they are then not checked.
        """
        self._path = path
        self._seal = None if key is None else Sealer(key)
        self._strict = strict
        self.newest = newest
        if newest is not None:
            self._require_key()

    def check(
        self, number: int, kind: str, head: bytes, written_at: float, stored: bytes | None
    ) -> None:
        """The next event's seal.

        Raises JournalError where it is not what the key gives, ConfigError where there are seals
        and no key.
        """
        if (
            self._seal is not None
            and type(written_at) is float
            and stored == self._seal(self.newest, head, written_at)
        ):
            self.newest = stored
            return
        fault = self.fault(head, written_at, stored)
        if fault:
            raise JournalError(
                f"{self._path}: event {number} ({kind}) {fault}. {salvage_advice(self._path)}"
            )
        if stored is not None:
            self._require_key()

    def fault(self, head: bytes, written_at: float, stored: bytes | None) -> str:
        """What is wrong with the next event's seal, empty when nothing is; without a key only
        whether it is there.
        """
        before, self.newest = self.newest, stored
        if stored is None:
            return "has no seal, and the event before it has one" if before is not None else ""
        if self._seal is None:
            return ""
        if type(written_at) is not float or stored != self._seal(before, head, written_at):
            return (
                "does not bear the seal of this key: it, its wall time or the chain before it was "
                "rewritten, or the key is another"
            )
        return ""

    def _require_key(self) -> None:
        if self._seal is None and self._strict:
            raise ConfigError(
                f"{self._path} is sealed and no key was given: name its file in journal.key_file, "
                "or put the key into QUORUM_JOURNAL_KEY"
            )
