"""The error tree.

    QuorumError
    ├── TransientError       try again later: the operation had no effect
    │   └── StreamLost           a connection ended; reconnect
    ├── OutcomeUnknown       no answer came: look it up, never send it again on a guess
    ├── InvalidError         the caller's input is wrong; trying again changes nothing
    │   ├── ConfigError          a configuration key or value
    │   ├── DataError            market data that cannot be trusted
    │   ├── UnknownInstrument
    │   ├── NoConversionPath     profit and loss cannot reach the account currency
    │   ├── AgentError           an agent that cannot be built or breaks its contract
    │   ├── JournalError         a journal that is missing, damaged or of another version
    │   └── RunFolderError       a run folder that cannot be written
    └── FatalError           stop: going on could lose money or records
        ├── Fenced               another coordinator has taken this one's place
        ├── JournalUnwritable    nothing may be traded unrecorded
        ├── ApprovalRejected     an order without the guardian's valid signature
        ├── LedgerMismatch       our positions are not the broker's
        ├── MemberFailed         a member of the desk raised what it should not
        └── MemberLost           an actor of the desk that cannot be done without

Messages say what was expected, what was found and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class QuorumError(Exception):
    """Base of every error that Quorum raises on purpose."""


class TransientError(QuorumError):
    """The operation had no effect and may succeed later."""


class StreamLost(TransientError):
    """A connection ended or fell silent."""


class OutcomeUnknown(QuorumError):
    """A request left and no answer came: it may have taken effect or not; look it up."""


class InvalidError(QuorumError):
    """The input is wrong; trying again changes nothing."""


class ConfigError(InvalidError):
    """A configuration key or value is wrong."""


class DataError(InvalidError):
    """Market data that cannot be trusted."""


class UnknownInstrument(InvalidError):
    """A symbol that the registry does not hold."""


class NoConversionPath(InvalidError):
    """No chain of instruments leads from a quote currency to the account currency."""


class AgentError(InvalidError):
    """An agent that cannot be built, or that breaks its contract."""


class JournalError(InvalidError):
    """A journal that is missing, damaged or of another version."""


class RunFolderError(InvalidError):
    """A run folder that cannot be written."""


class FatalError(QuorumError):
    """Going on could lose money or records."""


class Fenced(FatalError):
    """Another coordinator has taken this one's place: it must not decide any more."""


class JournalUnwritable(FatalError):
    """The journal cannot be written: nothing may be traded unrecorded."""


class ApprovalRejected(FatalError):
    """An approval whose signature, epoch, expiry or single use does not hold."""


class LedgerMismatch(FatalError):
    """The desk's positions are not the broker's."""


class MemberFailed(FatalError):
    """A member of the desk raised an error that is not one of these: a defect."""


class MemberLost(FatalError):
    """An actor that the desk cannot do without is gone."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word closest to `word` as ", did you mean 'X'?"; a full stop when none is."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else "."
